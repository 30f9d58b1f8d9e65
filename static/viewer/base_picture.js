/**
 * The picture below all layers: loaded as sharp as it is looked at, with a window of grey values. Values of 8 bits are
 * windowed here, at once; of 16 bits by the server, who has all of them.
 */
import { h, s } from "../dom.js";
import { pictureUrl } from "../picture.js";

const SIDES = [512, 1024, 2048, 4096];

export class BasePicture {
  /** Centre and width of what lies between black and white, in the picture's own values; undefined: as it is. */
  window;
  /** @type {HTMLImageElement[]} */
  #images = [];
  #side = 0;
  #shown = "";

  /**
   * @param {string} path of the image in the API
   * @param {{width: number, height: number, bits: number, name: string}} image
   */
  constructor(path, image, signal) {
    Object.assign(this, { path, image, signal });
    this.most = 2 ** image.bits - 1;
    this.transfer = ["R", "G", "B"].map((channel) =>
      s(`feFunc${channel}`, { type: "linear", slope: 1, intercept: 0 })
    );
    this.filter = s(
      "svg",
      { class: "filter-holder", width: 0, height: 0, "aria-hidden": "true" },
      s(
        "filter",
        { id: "window-level", "color-interpolation-filters": "sRGB" },
        s("feComponentTransfer", {}, this.transfer),
      ),
    );
  }

  /** An element for one more pane. */
  element() {
    const image = h("img", { class: "layer base", alt: this.image.name, draggable: "false" });
    this.#images.push(image);
    if (this.#shown) image.src = this.#shown;
    return image;
  }

  forget() {
    this.#images = [];
  }

  /** Loads the picture for so many screen pixels of its longer side, unless a sharper one is there. */
  async sharpen(pixels) {
    const longer = Math.max(this.image.width, this.image.height);
    const side = SIDES.find((one) => one >= Math.min(pixels, longer)) ?? SIDES.at(-1);
    if (side <= this.#side) return;
    this.#side = side;
    await this.#load();
  }

  async setWindow(window) {
    const before = this.window;
    this.window = window;
    if (this.image.bits === 8) {
      const [centre, width] = window ?? [127.5, 255];
      const slope = 255 / Math.max(1, width);
      const intercept = -(centre - width / 2) / Math.max(1, width);
      for (const one of this.transfer) {
        one.setAttribute("slope", slope);
        one.setAttribute("intercept", intercept);
      }
      for (const image of this.#images) image.classList.toggle("windowed", window !== undefined);
    } else if (String(before) !== String(window)) await this.#load();
  }

  async #load() {
    const query = new URLSearchParams({ size: this.#side || SIDES[0] });
    if (this.image.bits === 16) {
      query.set("bits", "8");
      // Where nothing is chosen, 16 bits show all that is in them.
      if (this.window) query.set("window", this.window.map(Math.round).join(","));
      else query.set("voi", "full");
    }
    const path = `${this.path}/image.png?${query}`;
    this.wanted = path;
    const url = await pictureUrl(path, this.signal);
    if (this.wanted !== path || this.signal.aborted) return;
    this.#shown = url;
    for (const image of this.#images) {
      image.src = url;
      image.classList.toggle("windowed", this.image.bits === 8 && this.window !== undefined);
    }
  }
}
