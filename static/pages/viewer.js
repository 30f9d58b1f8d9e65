/**
 * The viewer: one picture, as large as the screen, with everything that is known of it as layers. Which layers, models
 * and readers are shown stands in the address, and goes along to the next image.
 */
import { address, link, setQuery, stepLink } from "../address.js";
import { get, post } from "../api.js";
import { colourBar } from "../colours.js";
import { fill, h, s } from "../dom.js";
import { imagesOf, listQuery, narrowed, scoresOf } from "../image_list.js";
import { imagePath, pictureUrl } from "../picture.js";
import { modelsNamed } from "../set_lists.js";
import { BasePicture } from "../viewer/base_picture.js";
import { about } from "../viewer/about.js";
import { Controls } from "../viewer/controls.js";
import { LAYERS, NETWORK_LAYERS } from "../viewer/layers.js";
import { cellLines, gazeAlpha, gazeGrid, networkGrid, paintedMap } from "../viewer/maps.js";
import { PanZoom } from "../viewer/pan_zoom.js";
import { scanpathLayer } from "../viewer/scanpaths.js";
import { sorted } from "./data.js";

/** Readers shown side by side at most. */
const PANES = 6;

export async function show({ name, params, query, signal, set: promised }) {
  const path = `/v1/datasets/${encodeURIComponent(name)}/images/${
    encodeURIComponent(params.image)
  }`;
  const [image, gaze, set, models] = await Promise.all([
    get(path, signal),
    get(`${path}/gaze`, signal),
    promised,
    modelsNamed(signal).catch(() => []),
  ]);
  const viewer = new Viewer({ name, path, image, gaze, set, models, query, signal });
  viewer.start();
  return viewer.element;
}

class Viewer {
  constructor({ name, path, image, gaze, set, models, query, signal }) {
    Object.assign(this, { name, path, image, gaze, set, signal });
    /** All that can make maps of this picture: first those of this set. */
    this.models = [
      ...models.filter(({ dataset }) => dataset === name),
      ...models.filter(({ dataset }) => dataset !== name),
    ];
    const classifiers = this.models.filter(({ classes }) => classes.length > 0);
    this.readers = sorted(gaze.data.map(({ reader }) => reader));
    /** Where there are no fixations, ready-made maps are shown as the server draws them. */
    this.readyMade = this.readers.length === 0 && image.maps.length > 0;
    const shown = query.get("layers") ??
      (this.readers.length > 0 ? "gaze,paths" : this.readyMade ? "gaze" : "");
    this.layers = new Set(shown.split(",").filter(Boolean));
    const chosen = query.get("readers");
    this.chosen = new Set(
      chosen === null
        ? this.readers
        : chosen.split(",").map(decodeURIComponent).filter((one) => this.readers.includes(one)),
    );
    const known = (id) => this.models.some((model) => model.id === id);
    this.model = {
      1: known(query.get("model")) ? query.get("model") : classifiers[0]?.id ?? this.models[0]?.id,
      2: known(query.get("model2")) ? query.get("model2") : (classifiers[1] ?? classifiers[0])?.id,
    };
    /** `attention`, `rollout`, or the number of a head. */
    this.attention = query.get("attention") ?? "attention";
    this.opacity = Number(query.get("opacity") ?? 70);
    this.side = query.has("side");
    this.cells = !query.has("smooth");
    const cross = query.get("cross")?.split(",").map(Number);
    this.cross = cross?.length === 2 && cross.every(Number.isFinite)
      ? { x: cross[0], y: cross[1] }
      : undefined;
    this.until = Infinity;
    /** Network maps of this image by their request, so that switching a layer asks once. */
    this.maps = new Map();
    this.base = new BasePicture(path, image, signal);
    const window = query.get("window")?.split(",").map(Number);
    if (window?.length === 2 && window.every(Number.isFinite)) this.base.setWindow(window);
    this.zooming = new PanZoom(image, {
      onChange: (view) => this.#zoomed(view),
      onPick: (point) => this.#pick(point),
      signal,
    });
    this.#build();
  }

  #build() {
    this.panes = h("div", { class: "panes" });
    this.readout = h("p", { class: "readout", role: "status" });
    this.bars = h("div", { class: "bars-row" });
    const controls = h("aside", {
      class: "side-panel controls",
      "aria-label": "Layers",
      tabindex: "0",
    });
    this.controls = new Controls(controls, this);
    this.facts = h("aside", {
      class: "side-panel about",
      "aria-label": "About this image",
      tabindex: "0",
    });
    this.place = h("span", { class: "hint" });
    this.before = h("a", { class: "button", "aria-label": "Previous image" }, "‹");
    this.after = h("a", { class: "button", "aria-label": "Next image" }, "›");
    const back = stepLink(this.name, "data", listQuery(address().query));
    this.element = h(
      "div",
      { class: "viewer" },
      h(
        "div",
        { class: "viewer-bar" },
        h("a", { href: back, class: "button" }, "Gallery"),
        h("h1", {}, this.image.name),
        this.place,
        h("span", { class: "grow" }),
        this.before,
        this.after,
      ),
      controls,
      h("div", { class: "stage" }, this.panes, this.base.filter, this.readout, this.bars),
      this.facts,
    );
    this.back = back;
  }

  start() {
    const { signal } = this;
    addEventListener("keydown", (event) => this.#key(event), { signal });
    this.controls.draw();
    this.drawPanes();
    const resized = new ResizeObserver(() => this.zooming.fit());
    resized.observe(this.panes);
    signal.addEventListener("abort", () => resized.disconnect(), { once: true });
    this.draw();
    this.listed = this.#neighbours().catch(() => {});
    about(this.facts, this).catch(() => {});
  }

  /** The images before and after this one, in the order and with the filters of the gallery. */
  async #neighbours() {
    const { query } = address();
    const evaluation = query.get("evaluation");
    const [images, said] = await Promise.all([
      imagesOf(this.set, this.signal),
      evaluation ? scoresOf(evaluation, this.signal) : undefined,
    ]);
    const list = narrowed(images, query, said);
    const at = list.findIndex(({ name }) => name === this.image.name);
    this.place.textContent = at < 0 ? "" : `${at + 1} of ${list.length}`;
    const to = (image) => image && link(["d", this.name, "image", image.name]);
    this.next = { "-1": to(list[at - 1]), 1: at < 0 ? undefined : to(list[at + 1]) };
    for (const [step, button] of [[-1, this.before], [1, this.after]]) {
      if (this.next[step]) button.href = this.next[step];
      else {
        button.removeAttribute("href");
        button.setAttribute("aria-disabled", "true");
      }
      button.addEventListener("click", (event) => {
        event.preventDefault();
        this.#go(step);
      });
    }
    // The next picture is there before it is asked for.
    const ahead = list[at + 1];
    if (at >= 0 && ahead) {
      setTimeout(() => {
        if (this.signal.aborted) return;
        pictureUrl(aheadPath(this.name, ahead), this.signal).catch(() => {});
      }, 400);
    }
  }

  /** To the image before or after; "back" still leads to the gallery. */
  async #go(step) {
    await this.listed;
    if (this.signal.aborted) return;
    const to = this.next?.[step];
    if (!to) return;
    const { query } = address();
    query.delete("cross");
    location.replace(`${to}${query.size ? `?${query}` : ""}`);
  }

  #key(event) {
    const typing = event.target.closest?.(
      "input:not([type=range], [type=checkbox]), select, dialog",
    );
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const layer = LAYERS.find(([, key]) => key === event.key);
    const ranged = event.target.matches?.("input[type=range]");
    const actions = {
      ArrowLeft: () => ranged ? false : this.#go(-1),
      ArrowRight: () => ranged ? false : this.#go(1),
      "[": () => this.setOpacity(this.opacity - 10),
      "]": () => this.setOpacity(this.opacity + 10),
      f: () => this.zooming.fit(),
      "+": () => this.zooming.zoom(1.25),
      "-": () => this.zooming.zoom(0.8),
      v: () => this.setSide(!this.side),
      Escape: () => location.hash = this.back,
    };
    if (layer) this.toggle(layer[0]);
    else if (actions[event.key]) {
      if (actions[event.key]() === false) return;
    } else return;
    event.preventDefault();
  }

  toggle(layer) {
    if (this.missing(layer)) return;
    if (this.layers.has(layer)) this.layers.delete(layer);
    else this.layers.add(layer);
    setQuery({ layers: [...this.layers].join(",") || "none" });
    this.controls.draw();
    this.draw();
  }

  /** Why a layer cannot be shown, in words; undefined where it can. */
  missing(layer) {
    if (layer === "gaze" && this.readyMade) return undefined;
    if (layer === "paths" && this.readyMade) return "only a ready-made map";
    if (layer === "gaze" || layer === "paths") {
      return this.readers.length === 0 ? "no gaze on this image" : undefined;
    }
    if (this.models.length === 0) return "no model yet";
    const model = this.#modelOf(layer);
    if (layer === "attend") return this.heads > 0 ? undefined : "needs a vision transformer";
    if (layer !== "sense" && !(model?.classes.length > 0)) return "needs a classifier";
  }

  /** Heads of model A's class token; 0 without one. */
  get heads() {
    return this.#modelOf("attend")?.attention_heads ?? 0;
  }

  setAttention(value) {
    this.attention = value;
    setQuery({ attention: value !== "attention" && value });
    this.draw();
  }

  #modelOf(layer) {
    const id = this.model[layer === "cam2" ? 2 : 1];
    return this.models.find((model) => model.id === id);
  }

  setOpacity(value) {
    this.opacity = Math.min(100, Math.max(0, value));
    setQuery({ opacity: this.opacity });
    for (const input of this.controls.area.querySelectorAll("[name=opacity]")) {
      input.value = this.opacity;
    }
    this.panes.style.setProperty("--opacity", this.opacity / 100);
  }

  setSide(side) {
    if (this.readers.length < 2) return;
    this.side = side;
    setQuery({ side: side && 1 });
    this.controls.draw();
    this.drawPanes();
    this.draw();
  }

  #zoomed({ scale }) {
    const { width, height } = this.image;
    this.panes.style.setProperty("--zoom", scale);
    this.base.sharpen(scale * Math.max(width, height) * (devicePixelRatio || 1)).catch(() => {
      this.readout.textContent = "The picture cannot be shown.";
    });
  }

  #pick(point) {
    if (!this.layers.has("sense")) return;
    this.cross = { x: Math.round(point.x * 10) / 10, y: Math.round(point.y * 10) / 10 };
    setQuery({ cross: `${this.cross.x},${this.cross.y}` });
    this.draw();
  }

  /** One pane, or one for each of the readers that are chosen. */
  drawPanes() {
    const { width, height } = this.image;
    const readers = this.readers.filter((one) => this.chosen.has(one));
    const shown = this.side && readers.length > 1 ? readers.slice(0, PANES) : [undefined];
    this.base.forget();
    this.worlds = shown.map((reader) => {
      const layers = h("div", { class: "layers-box" });
      const world = h("div", { class: "world" }, this.base.element(), layers);
      world.style.width = `${width}px`;
      world.style.height = `${height}px`;
      const pane = h(
        "div",
        { class: "pane" },
        world,
        reader !== undefined && h("span", { class: "pane-title" }, reader),
      );
      return { reader, pane, world, layers };
    });
    this.panes.dataset.count = this.worlds.length;
    fill(this.panes, this.worlds.map(({ pane }) => pane));
    this.panes.style.setProperty("--opacity", this.opacity / 100);
    this.zooming.setPanes(this.worlds);
    requestAnimationFrame(() => this.zooming.fit());
  }

  /** The layers of all panes, and what their colours mean. */
  draw() {
    const paths = this.readers
      .map((reader, index) => ({
        reader,
        index,
        fixations: this.gaze.data.find((one) => one.reader === reader).fixations,
      }))
      .filter(({ reader }) => this.chosen.has(reader));
    for (const { reader, layers } of this.worlds) {
      const own = reader === undefined ? paths : paths.filter((one) => one.reader === reader);
      fill(layers, ...this.#gazeLayers(own));
      this.#networkLayers(layers);
    }
    this.#drawBars();
  }

  #gazeLayers(paths) {
    const made = [];
    if (this.layers.has("gaze") && this.readyMade) made.push(this.#readyMadeMap());
    if (this.layers.has("gaze") && paths.length > 0) {
      const seen = paths.flatMap(({ fixations }) =>
        fixations.filter(({ start }) => start <= this.until)
      );
      if (seen.length > 0) {
        const map = paintedMap(gazeGrid(this.image, seen), "inferno", gazeAlpha);
        map.classList.add("gaze-map");
        made.push(map);
      }
    }
    if (this.layers.has("paths") && paths.length > 0) {
      const told = (text) => this.readout.textContent = text;
      made.push(scanpathLayer(this.image, paths, { until: this.until, onHover: told }));
    }
    return made;
  }

  #readyMadeMap() {
    const map = h("img", { class: "layer gaze-map ready-made", alt: "", draggable: "false" });
    pictureUrl(`${this.path}/heatmap.png?size=512`, this.signal).then((url) => map.src = url)
      .catch((error) => {
        if (!this.signal.aborted) this.readout.textContent = error.message;
      });
    return map;
  }

  /** Maps of the models, painted into `layers` when they are answered. */
  #networkLayers(layers) {
    for (const layer of NETWORK_LAYERS) {
      if (!this.layers.has(layer) || this.missing(layer)) continue;
      const holder = h("div", { class: `layer ${layer}` });
      layers.prepend(holder);
      if (layer === "sense") {
        if (!this.cross) {
          this.readout.textContent = "Click into the picture to put the cross.";
          continue;
        }
        layers.append(crossAt(this.cross, this.image));
      }
      this.#asked(layer).then((told) => {
        const { grid } = networkGrid(told);
        const map = paintedMap(grid, "viridis", (value) => 0.25 + 0.75 * value);
        fill(holder, map, this.cells && cellLines(told.grid, this.image));
        this.#drawBars();
      }).catch((error) => {
        if (!this.signal.aborted) this.readout.textContent = error.message;
      });
    }
  }

  /** What the API answers for a layer; asked for once. */
  #asked(layer) {
    const model = this.#modelOf(layer).id;
    const query = new URLSearchParams({ dataset: this.name, image: this.image.name, size: 160 });
    if (layer === "sense") {
      query.set("x", this.cross.x);
      query.set("y", this.cross.y);
    }
    if (layer === "attend") {
      const { method, head } = this.#shownAttention();
      query.set("method", method);
      if (head !== undefined) query.set("head", String(head));
    }
    const what = layer === "sense" ? "similarity-map" : "saliency";
    const path = `/v1/models/${model}/${what}?${query}`;
    if (!this.maps.has(path)) {
      const asked = post(path, undefined, this.signal);
      asked.then((told) => asked.told = told, () => this.maps.delete(path));
      this.maps.set(path, asked);
    }
    return this.maps.get(path);
  }

  /** A head that another model had is none of this one's. */
  #shownAttention() {
    if (this.attention === "rollout") return { method: "rollout" };
    const head = this.attention === "attention" ? NaN : Number(this.attention);
    return { method: "attention", head: head < this.heads ? head : undefined };
  }

  #attentionTitle() {
    const { method, head } = this.#shownAttention();
    if (method === "rollout") return "A: where its class token looks, through all blocks";
    return `A: where its class token looks, ${
      head === undefined ? "mean of heads" : `head ${head + 1} of ${this.heads}`
    }`;
  }

  #drawBars() {
    const bars = [];
    if (this.layers.has("gaze") && (this.chosen.size > 0 || this.readyMade)) {
      bars.push(
        h(
          "span",
          { class: "bar-item" },
          "Gaze: ",
          colourBar("inferno", {
            low: "not looked at",
            high: "longest",
            label: "Time that gaze rested",
          }),
        ),
      );
    }
    for (const layer of NETWORK_LAYERS) {
      if (!this.layers.has(layer) || this.missing(layer)) continue;
      if (layer === "sense" && !this.cross) continue;
      const { told } = this.#asked(layer);
      if (!told) continue;
      const { low, high } = networkGrid(told);
      const { columns, rows } = told.grid;
      const title = layer === "sense"
        ? "Alike to the cross"
        : layer === "attend"
        ? this.#attentionTitle()
        : `${layer === "cam1" ? "A" : "B"}: speaks for “${told.class}” (${
          Math.round(100 * told.probabilities[told.class])
        } %)`;
      const end = (value, word) =>
        layer === "sense" ? value.toFixed(2) : layer === "attend" ? value.toPrecision(2) : word;
      bars.push(h(
        "span",
        { class: "bar-item" },
        `${title}, ${columns} × ${rows} cells: `,
        colourBar("viridis", {
          low: end(low, "least"),
          high: end(high, "most"),
          label: title,
        }),
        h("span", { class: "warn-text" }, told.warnings.map((text) => ` ${text}.`)),
        this.#modelOf(layer).dataset !== this.name &&
          h("span", { class: "warn-text" }, " The model was trained on other pictures."),
      ));
    }
    fill(this.bars, bars);
  }
}

/** As `BasePicture` asks for it first on a screen of usual size. */
const aheadPath = (set, { name, bits }) => imagePath(set, name, "image", { size: 1024, bits });

/** The point that is asked about. */
function crossAt({ x, y }, { width, height }) {
  const arm = Math.max(width, height) / 30;
  return s(
    "svg",
    { class: "layer cross", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Cross" },
    ["shadow", "line"].map((kind) =>
      s("path", {
        class: kind,
        d: `M${x - arm} ${y}H${x + arm}M${x} ${y - arm}V${y + arm}`,
      })
    ),
  );
}
