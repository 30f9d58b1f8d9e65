/**
 * Zoom and pan of one picture, or of several in step: wheel and pinch zoom where they point, dragging moves, a double
 * click fits again. Places are in image pixels.
 */

const MOST = 40;

export class PanZoom {
  /** Screen px per image px, and where the image's corner lies in its pane. */
  view = { scale: 1, x: 0, y: 0 };
  /** @type {{pane: HTMLElement, world: HTMLElement}[]} */
  #panes = [];
  #pointers = new Map();
  #moved = false;

  /**
   * @param {{width: number, height: number}} image px
   * @param {object} options
   * @param {(view: {scale: number}) => void} options.onChange
   * @param {(point: {x: number, y: number}) => void} options.onPick a click that did not drag, image px
   */
  constructor(image, { onChange, onPick, signal }) {
    Object.assign(this, { image, onChange, onPick, signal });
  }

  /** Shows `world`, as large as the image, in `pane`. */
  setPanes(panes) {
    this.#panes = panes;
    for (const one of panes) this.#listen(one.pane);
    this.fit();
  }

  /** The whole image in its pane. */
  fit() {
    const pane = this.#panes[0]?.pane;
    if (!pane?.clientWidth) return;
    const { width, height } = this.image;
    const scale = Math.min(pane.clientWidth / width, pane.clientHeight / height);
    this.view = {
      scale,
      x: (pane.clientWidth - width * scale) / 2,
      y: (pane.clientHeight - height * scale) / 2,
    };
    this.fitted = scale;
    this.#show();
  }

  /** Zooms about a place of the pane, its middle without one. */
  zoom(factor, at) {
    const pane = this.#panes[0].pane;
    const { x, y } = at ?? { x: pane.clientWidth / 2, y: pane.clientHeight / 2 };
    const before = this.view.scale;
    const least = Math.min(this.fitted ?? before, 1) / 2;
    const scale = Math.min(MOST, Math.max(least, before * factor));
    const ratio = scale / before;
    this.view = { scale, x: x - (x - this.view.x) * ratio, y: y - (y - this.view.y) * ratio };
    this.#show();
  }

  move(x, y) {
    this.view = { ...this.view, x: this.view.x + x, y: this.view.y + y };
    this.#show();
  }

  #show() {
    const { scale, x, y } = this.view;
    for (const { world } of this.#panes) {
      world.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
    }
    this.onChange(this.view);
  }

  #listen(pane) {
    const { signal } = this;
    const place = (event) => {
      const box = pane.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    };
    pane.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), place(event));
    }, { signal, passive: false });
    pane.addEventListener("dblclick", () => this.fit(), { signal });
    pane.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      if (this.#pointers.size === 0) this.#moved = false;
      this.#pointers.set(event.pointerId, place(event));
    }, { signal });
    pane.addEventListener("pointermove", (event) => {
      const before = this.#pointers.get(event.pointerId);
      if (!before) return;
      const now = place(event);
      const others = [...this.#pointers].filter(([id]) => id !== event.pointerId);
      if (others.length > 0) {
        const [, still] = others[0];
        const apart = (point) => Math.hypot(point.x - still.x, point.y - still.y) || 1;
        this.#moved = true;
        this.#pointers.set(event.pointerId, now);
        return this.zoom(apart(now) / apart(before), {
          x: (now.x + still.x) / 2,
          y: (now.y + still.y) / 2,
        });
      }
      if (!this.#moved && Math.hypot(now.x - before.x, now.y - before.y) < 4) return;
      // Only what drags is held: a click stays a click of what lies below.
      if (!this.#moved) pane.setPointerCapture(event.pointerId);
      this.#moved = true;
      this.#pointers.set(event.pointerId, now);
      this.move(now.x - before.x, now.y - before.y);
    }, { signal });
    const leave = (event) => this.#pointers.delete(event.pointerId);
    pane.addEventListener("pointerup", leave, { signal });
    pane.addEventListener("pointercancel", leave, { signal });
    pane.addEventListener("click", (event) => {
      if (this.#moved) return;
      const { x, y } = place(event);
      const { scale, x: left, y: top } = this.view;
      const point = { x: (x - left) / scale, y: (y - top) / scale };
      const { width, height } = this.image;
      if (point.x < 0 || point.y < 0 || point.x >= width || point.y >= height) return;
      this.onPick(point);
    }, { signal });
  }
}
