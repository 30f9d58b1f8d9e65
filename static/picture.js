/**
 * Pictures that need the key: fetched when they come into view, few at a time, kept for a while. One that is on its
 * way is a calm grey place, one that cannot be had says so in words: never a broken sign.
 */
import { call } from "./api.js";
import { h } from "./dom.js";

const AT_ONCE = 6;
const KEPT = 600;

/** Path to an object URL, the longest unused first. @type {Map<string, string>} */
const kept = new Map();
/** @type {{path: string, signal: AbortSignal, resolve: Function, reject: Function}[]} */
const waiting = [];
let running = 0;

async function fetched({ path, signal, resolve, reject }) {
  running++;
  try {
    const response = await call("GET", path, { signal });
    const url = URL.createObjectURL(await response.blob());
    kept.set(path, url);
    if (kept.size > KEPT) {
      const [oldest, old] = kept.entries().next().value;
      kept.delete(oldest);
      URL.revokeObjectURL(old);
    }
    resolve(url);
  } catch (error) {
    reject(error);
  } finally {
    running--;
    next();
  }
}

function next() {
  while (running < AT_ONCE && waiting.length > 0) {
    // The newest wish first: it is in view now.
    const wish = waiting.pop();
    if (wish.signal.aborted) wish.reject(wish.signal.reason);
    else fetched(wish);
  }
}

/**
 * The object URL of a picture. It stays good for hundreds of others; do not keep it longer than it is shown.
 * @returns {Promise<string>}
 */
export function pictureUrl(path, signal) {
  const known = kept.get(path);
  if (known !== undefined) {
    kept.delete(path);
    kept.set(path, known);
    return Promise.resolve(known);
  }
  return new Promise((resolve, reject) => {
    waiting.push({ path, signal, resolve, reject });
    next();
  });
}

/** Forgets all pictures whose path begins so: after a change of the data set. */
export function forgetPictures(prefix) {
  for (const [path, url] of kept) {
    if (!path.startsWith(prefix)) continue;
    kept.delete(path);
    URL.revokeObjectURL(url);
  }
}

/** Shows the picture in a frame that `picture` made. */
export async function load(frame, path, signal) {
  const image = frame.firstElementChild;
  frame.dataset.path = path;
  frame.dataset.state = "waiting";
  try {
    const url = await pictureUrl(path, signal);
    if (signal.aborted || frame.dataset.path !== path) return;
    image.src = url;
    await image.decode().catch(() => {});
    if (frame.dataset.path !== path) return;
    frame.dataset.state = "shown";
  } catch (error) {
    if (signal.aborted || error.name === "AbortError" || frame.dataset.path !== path) return;
    frame.dataset.state = "missing";
    frame.title = error.message;
  }
}

/** By signal: what watches for frames that come into view. */
const watchers = new WeakMap();

function watcherOf(signal) {
  if (!watchers.has(signal)) {
    const watcher = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        watcher.unobserve(target);
        load(target, target.dataset.wanted, signal);
      }
    }, { rootMargin: "300px" });
    signal.addEventListener("abort", () => watcher.disconnect(), { once: true });
    watchers.set(signal, watcher);
  }
  return watchers.get(signal);
}

/** A frame without a picture yet, for `load`. */
export function frame(alt) {
  return h("span", { class: "picture" }, h("img", { alt, draggable: "false" }));
}

/**
 * A picture in a frame that fills its place's width.
 * @param {string} path of the API
 * @param {{alt: string, signal: AbortSignal}} options `alt` is what it shows, in words
 */
export function picture(path, { alt, signal }) {
  const made = frame(alt);
  made.dataset.wanted = path;
  watcherOf(signal).observe(made);
  return made;
}

/**
 * Path of a data set's image; layers `image`, `overlay`, `heatmap`, `scanpath`.
 * @param {{size?: number, bits?: number}} options `bits` of the image: 16 show all that is in them, in 8
 */
export function imagePath(set, image, layer, { size = 320, bits, ...query } = {}) {
  const deep = layer === "image" && bits === 16 ? { bits: 8, voi: "full" } : {};
  const search = new URLSearchParams({ size, ...deep, ...query });
  return `/v1/datasets/${encodeURIComponent(set)}/images/${
    encodeURIComponent(image)
  }/${layer}.png?${search}`;
}
