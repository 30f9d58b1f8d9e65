/**
 * A grid of tiles of which only those in sight exist: ten thousand images scroll as well as ten. Arrow keys walk
 * through it, pictures are asked for when the scrolling rests.
 */
import { h } from "./dom.js";
import { frame, load } from "./picture.js";

const GAP = 12;
/** Rows kept above and below what is seen. */
const MARGIN = 2;
const REST_MS = 70;

/**
 * @template Item
 * @param {object} options
 * @param {string} options.label of the list
 * @param {(item: Item) => string} options.href
 * @param {(item: Item) => string} options.alt of its picture
 * @param {(item: Item) => string} options.path of its picture
 * @param {(item: Item) => unknown} options.caption below the picture
 * @param {number} options.captionHeight px
 * @param {AbortSignal} options.signal
 * @returns {{element: HTMLElement, draw: (items: Item[], size: number) => void, refresh: () => void}} `draw` shows
 *   these items with tiles about `size` px wide, `refresh` asks for other pictures of them
 */
export function gallery({ label, href, alt, path, caption, captionHeight, signal }) {
  const element = h("div", { class: "gallery", role: "list", "aria-label": label });
  /** Tiles that exist, by index. */
  const tiles = new Map();
  let items = [];
  let wanted = 180;
  let columns = 1;
  let width = wanted;
  /** The tile that Tab comes to. */
  let current = 0;
  let resting;

  const rowHeight = () => width + captionHeight + GAP;

  function measure() {
    const whole = element.clientWidth;
    columns = Math.max(1, Math.floor((whole + GAP) / (wanted + GAP)));
    width = (whole - GAP * (columns - 1)) / columns;
    element.style.height = `${
      Math.max(0, Math.ceil(items.length / columns) * rowHeight() - GAP)
    }px`;
  }

  function place(index, tile) {
    const x = (index % columns) * (width + GAP);
    const y = Math.floor(index / columns) * rowHeight();
    tile.element.style.width = `${width}px`;
    tile.element.style.transform = `translate(${x}px, ${y}px)`;
  }

  function make(index) {
    const item = items[index];
    const picture = frame(alt(item));
    const link = h(
      "a",
      { class: "shot", href: href(item), tabindex: index === current ? "0" : "-1" },
      picture,
      h("span", { class: "shot-text" }, caption(item)),
    );
    const made = h("div", {
      class: "gallery-tile",
      role: "listitem",
      data: { index },
    }, link);
    return { item, element: made, picture, abort: new AbortController() };
  }

  function render() {
    const top = element.getBoundingClientRect().top;
    const first = Math.floor(-top / rowHeight()) - MARGIN;
    const last = Math.ceil((innerHeight - top) / rowHeight()) + MARGIN;
    const from = Math.max(0, first * columns);
    const to = Math.min(items.length, last * columns);
    for (const [index, tile] of tiles) {
      if (index >= from && index < to) continue;
      if (index === current && tile.element.contains(document.activeElement)) continue;
      tile.abort.abort();
      tile.element.remove();
      tiles.delete(index);
    }
    for (let index = from; index < to; index++) {
      if (tiles.has(index)) continue;
      const tile = make(index);
      tiles.set(index, tile);
      place(index, tile);
      element.append(tile.element);
    }
    clearTimeout(resting);
    resting = setTimeout(fetchPictures, REST_MS);
  }

  function fetchPictures() {
    for (const [index, { picture, abort }] of tiles) {
      const from = path(items[index]);
      if (picture.dataset.path !== from) load(picture, from, abort.signal);
    }
  }

  function draw(shown, size) {
    items = shown;
    wanted = size;
    current = Math.min(current, Math.max(0, items.length - 1));
    measure();
    for (const [index, tile] of tiles) {
      // What stays in its place stays as it is.
      if (tile.item === items[index]) {
        place(index, tile);
        continue;
      }
      tile.abort.abort();
      tile.element.remove();
      tiles.delete(index);
    }
    render();
  }

  /** Focus on another tile, which comes into sight. */
  function walk(index) {
    if (index < 0 || index >= items.length) return;
    current = index;
    const y = element.getBoundingClientRect().top + scrollY +
      Math.floor(index / columns) * rowHeight();
    const above = 70;
    if (y < scrollY + above) scrollTo(0, y - above);
    else if (y + rowHeight() > scrollY + innerHeight) scrollTo(0, y + rowHeight() - innerHeight);
    render();
    for (const [at, tile] of tiles) {
      tile.element.firstElementChild.tabIndex = at === current ? 0 : -1;
    }
    tiles.get(index).element.firstElementChild.focus({ preventScroll: true });
  }

  element.addEventListener("keydown", (event) => {
    const step = {
      ArrowRight: 1,
      ArrowLeft: -1,
      ArrowDown: columns,
      ArrowUp: -columns,
      Home: -current,
      End: items.length - 1 - current,
    }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    walk(Math.min(items.length - 1, Math.max(0, current + step)));
  });
  element.addEventListener("focusin", (event) => {
    const tile = event.target.closest(".gallery-tile");
    if (tile) current = Number(tile.dataset.index);
  });

  let waiting = false;
  addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      if (!signal.aborted) render();
    });
  }, { signal, passive: true });
  const resized = new ResizeObserver(() => {
    if (element.clientWidth === 0) return;
    measure();
    for (const [index, tile] of tiles) place(index, tile);
    render();
  });
  resized.observe(element);
  signal.addEventListener("abort", () => {
    resized.disconnect();
    clearTimeout(resting);
    for (const { abort } of tiles.values()) abort.abort();
  }, { once: true });
  return { element, draw, refresh: fetchPictures };
}
