/** The left panel of the viewer: what is shown, of whom, by which models, and how. */
import { setQuery } from "../address.js";
import { fill, h, select } from "../dom.js";
import { time } from "../format.js";
import { seedFirst, toldApart } from "../names.js";
import { attempt } from "../notice.js";
import { LAYERS } from "./layers.js";
import { lasts } from "./scanpaths.js";

export class Controls {
  /** @param {HTMLElement} area @param {any} viewer whose state the controls show and change */
  constructor(area, viewer) {
    this.area = area;
    this.viewer = viewer;
  }

  /** Draws all controls; the one that has the focus keeps it. */
  draw() {
    const focused = document.activeElement?.dataset?.control;
    const scroll = this.area.scrollTop;
    fill(
      this.area,
      h(
        "fieldset",
        {},
        h("legend", {}, "Layers"),
        LAYERS.map(([layer, key, title]) => this.#layerSwitch(layer, key, title)),
        this.#range(
          "opacity",
          "Opacity",
          { min: 0, max: 100, step: 5 },
          this.viewer.opacity,
          (value) => {
            this.viewer.setOpacity(value);
          },
        ),
      ),
      this.viewer.models.length > 0 && this.#modelChoice(),
      this.viewer.readers.length > 0 && this.#readerChoice(),
      this.#windowChoice(),
      h(
        "fieldset",
        {},
        h("legend", {}, "Zoom"),
        h(
          "div",
          { class: "row" },
          this.#button("Fit", "f", () => this.viewer.zooming.fit()),
          this.#button("+", "+", () => this.viewer.zooming.zoom(1.25), "Zoom in"),
          this.#button("−", "-", () => this.viewer.zooming.zoom(0.8), "Zoom out"),
        ),
      ),
      h(
        "details",
        { class: "keys-hint" },
        h("summary", {}, "Keys"),
        h(
          "dl",
          { class: "keys" },
          [
            ["← →", "image before, after"],
            ["g s c a 1 2", "layers"],
            ["[ ]", "opacity"],
            ["f + −", "zoom"],
            ["v", "readers side by side"],
            ["Esc", "gallery"],
          ].map(([key, text]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, text))),
        ),
      ),
    );
    this.area.scrollTop = scroll;
    if (focused) this.area.querySelector(`[data-control="${CSS.escape(focused)}"]`)?.focus();
  }

  #button(text, control, action, label) {
    return h("button", {
      type: "button",
      "aria-label": label,
      data: { control },
      on: { click: action },
    }, text);
  }

  #layerSwitch(layer, key, title) {
    const missing = this.viewer.missing(layer);
    return h(
      "label",
      { class: "switch" },
      h("input", {
        type: "checkbox",
        checked: this.viewer.layers.has(layer) && !missing,
        disabled: missing !== undefined,
        data: { control: layer },
        on: { change: () => this.viewer.toggle(layer) },
      }),
      h("span", {}, title, missing && h("small", {}, ` ${missing}`)),
      h("kbd", { "aria-hidden": "true" }, key),
    );
  }

  #range(name, title, limits, value, onInput) {
    return h(
      "label",
      { class: "range" },
      h("span", {}, title),
      h("input", {
        type: "range",
        name,
        ...limits,
        value,
        data: { control: name },
        on: { input: (event) => onInput(Number(event.target.value)) },
      }),
    );
  }

  #modelChoice() {
    const choice = (which, letter) => {
      const options = toldApart(this.viewer.models, {
        textOf: ({ title, dataset }) =>
          seedFirst(dataset === this.viewer.name ? title : `${title} (${dataset ?? "no set"})`),
        more: [({ created_at }) => time(created_at), ({ id }) => id.slice(-6)],
      }).map(([{ id }, text]) => [id, text]);
      const control = select(`model${which}`, options, this.viewer.model[which]);
      control.dataset.control = `model${which}`;
      control.title = control.selectedOptions[0]?.textContent ?? "";
      control.addEventListener("change", () => {
        this.viewer.model[which] = control.value;
        setQuery({ [which === 1 ? "model" : "model2"]: control.value });
        this.draw();
        this.viewer.draw();
      });
      return h("label", { class: "field" }, h("span", {}, `Model ${letter}`), control);
    };
    const cells = h("input", {
      type: "checkbox",
      checked: this.viewer.cells,
      data: { control: "cells" },
      on: {
        change: (event) => {
          this.viewer.cells = event.target.checked;
          setQuery({ smooth: !this.viewer.cells && 1 });
          this.viewer.draw();
        },
      },
    });
    return h(
      "fieldset",
      {},
      h("legend", {}, "Models"),
      choice(1, "A"),
      this.viewer.models.length > 1 && choice(2, "B"),
      !this.viewer.missing("attend") && this.#attentionChoice(),
      h("label", { class: "switch" }, cells, h("span", {}, "Draw the map’s cells")),
    );
  }

  /** Of a model with a class token: through all blocks, or in the last one by all its heads or one. */
  #attentionChoice() {
    const heads = Array.from({ length: this.viewer.heads }, (_, head) => String(head));
    const control = select("attention", [
      ["attention", "Last block, mean of heads"],
      ...heads.map((head) => [head, `Last block, head ${Number(head) + 1} of ${heads.length}`]),
      ["rollout", "All blocks (rollout)"],
    ], this.viewer.attention);
    control.dataset.control = "attention";
    control.addEventListener("change", () => {
      this.viewer.setAttention(control.value);
    });
    return h("label", { class: "field" }, h("span", {}, "Attention of A"), control);
  }

  #readerChoice() {
    const set = (chosen) => {
      this.viewer.chosen = new Set(chosen);
      const all = this.viewer.chosen.size === this.viewer.readers.length;
      setQuery({
        readers: all ? "" : [...this.viewer.chosen].map(encodeURIComponent).join(",") || "-",
      });
      this.draw();
      if (this.viewer.side) this.viewer.drawPanes();
      this.viewer.draw();
    };
    const one = (reader, index) =>
      h(
        "label",
        { class: "switch" },
        h("input", {
          type: "checkbox",
          checked: this.viewer.chosen.has(reader),
          data: { control: `reader ${reader}` },
          on: {
            change: (event) =>
              set(
                event.target.checked
                  ? [...this.viewer.chosen, reader]
                  : [...this.viewer.chosen].filter((other) => other !== reader),
              ),
          },
        }),
        h("span", { class: `reader-dot reader-${index % 6 + 1}`, "aria-hidden": "true" }),
        h("span", {}, reader),
      );
    const end = lasts(this.viewer.gaze.data);
    const until = Math.min(this.viewer.until, end);
    return h(
      "fieldset",
      {},
      h("legend", {}, "Readers"),
      h("div", { class: "reader-list" }, this.viewer.readers.map(one)),
      this.viewer.readers.length > 1 && h(
        "div",
        { class: "row" },
        this.#button("All", "all readers", () => set(this.viewer.readers)),
        this.#button("None", "no readers", () => set([])),
        h(
          "label",
          { class: "switch" },
          h("input", {
            type: "checkbox",
            checked: this.viewer.side,
            data: { control: "side" },
            on: { change: (event) => this.viewer.setSide(event.target.checked) },
          }),
          h("span", {}, "Side by side"),
        ),
      ),
      this.#range("until", "Until", { min: 0, max: end, step: end / 200 || 1 }, until, (value) => {
        this.viewer.until = value >= end ? Infinity : value;
        this.area.querySelector(".until").textContent = untilText(this.viewer.until, end);
        this.viewer.draw();
      }),
      h(
        "div",
        { class: "row" },
        this.#button("Play", "play", () => this.#play(end)),
        h("small", { class: "until" }, untilText(this.viewer.until, end)),
      ),
    );
  }

  /** Lets the scanpaths grow in their own time. */
  #play(end) {
    clearInterval(this.playing);
    const started = performance.now();
    const stop = () => clearInterval(this.playing);
    this.viewer.signal.addEventListener("abort", stop, { once: true });
    this.playing = setInterval(() => {
      const now = (performance.now() - started) / 1000;
      this.viewer.until = now >= end ? Infinity : now;
      const range = this.area.querySelector("[name=until]");
      if (range) range.value = Math.min(now, end);
      this.area.querySelector(".until").textContent = untilText(this.viewer.until, end);
      this.viewer.draw();
      if (now >= end) stop();
    }, 80);
  }

  #windowChoice() {
    const { most } = this.viewer.base;
    const [centre, width] = this.viewer.base.window ?? [most / 2, most];
    const change = (changes) => {
      const now = {
        centre: this.viewer.base.window?.[0] ?? centre,
        width: this.viewer.base.window?.[1] ?? width,
      };
      const next = { ...now, ...changes };
      const window = [Math.round(next.centre), Math.max(1, Math.round(next.width))];
      setQuery({ window: window.join(",") });
      clearTimeout(this.windowing);
      const set = () => this.viewer.base.setWindow(window).catch(() => {});
      // 8 bits follow at once; 16 are asked for when the hand rests.
      if (this.viewer.image.bits === 8) set();
      else this.windowing = setTimeout(set, 150);
    };
    const reset = this.#button("Reset", "window reset", () =>
      attempt(reset, async () => {
        setQuery({ window: "" });
        await this.viewer.base.setWindow(undefined);
        this.draw();
      }));
    return h(
      "fieldset",
      {},
      h("legend", {}, "Grey values"),
      this.#range(
        "level",
        "Level",
        { min: 0, max: most, step: most / 255 },
        centre,
        (value) => change({ centre: value }),
      ),
      this.#range(
        "width",
        "Width",
        { min: most / 255, max: most, step: most / 255 },
        width,
        (value) => change({ width: value }),
      ),
      h("div", { class: "row" }, reset),
    );
  }
}

const untilText = (until, end) =>
  Number.isFinite(until)
    ? `first ${until.toFixed(1)} s of ${end.toFixed(1)} s`
    : `all ${end.toFixed(1)} s`;
