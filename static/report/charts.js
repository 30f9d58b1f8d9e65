/**
 * Elements and drawings of a study's results. Classic as `report.js`, which uses it; `McgipCharts` holds them.
 * Text only ever becomes text nodes.
 */
(() => {
  const NS = "http://www.w3.org/2000/svg";

  function add(element, props, children) {
    for (const [name, value] of Object.entries(props)) {
      if (value === undefined || value === null || value === false) continue;
      if (name === "on") {
        for (const [event, handler] of Object.entries(value)) {
          element.addEventListener(event, handler);
        }
      } else element.setAttribute(name, value === true ? "" : String(value));
    }
    for (const child of children.flat(4)) {
      if (child === undefined || child === null || child === false) continue;
      element.append(child instanceof Node ? child : document.createTextNode(String(child)));
    }
    return element;
  }
  const h = (tag, props = {}, ...children) => add(document.createElement(tag), props, children);
  const s = (tag, props = {}, ...children) =>
    add(document.createElementNS(NS, tag), props, children);

  const fixed = (value) => value.toFixed(3);
  const signed = (value) => `${value < 0 ? "−" : "+"}${fixed(Math.abs(value))}`;
  const percent = (value) => `${Math.round(100 * value)} %`;
  const range = ([low, high]) => `[${signed(low)}, ${signed(high)}]`;

  function save(name, blob) {
    const url = URL.createObjectURL(blob);
    h("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }

  const STYLED = ["fill", "stroke", "stroke-width", "stroke-dasharray", "fill-opacity", "opacity"];

  /** A copy of a drawing that needs no style sheet. */
  function standalone(svg) {
    const copy = svg.cloneNode(true);
    const from = [svg, ...svg.querySelectorAll("*")];
    [copy, ...copy.querySelectorAll("*")].forEach((element, i) => {
      const style = getComputedStyle(from[i]);
      for (const name of STYLED) element.setAttribute(name, style.getPropertyValue(name));
      if (element.tagName === "text") {
        element.setAttribute("font-family", "sans-serif");
        element.setAttribute("font-size", style.fontSize);
      }
      element.removeAttribute("class");
    });
    const [, , width, height] = svg.getAttribute("viewBox").split(" ");
    copy.setAttribute("xmlns", NS);
    copy.setAttribute("width", width);
    copy.setAttribute("height", height);
    return { text: new XMLSerializer().serializeToString(copy), width, height };
  }

  async function asPng({ text, width, height }) {
    const image = new Image();
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
    await image.decode();
    const canvas = h("canvas", { width: 2 * width, height: 2 * height });
    const context = canvas.getContext("2d");
    context.fillStyle = getComputedStyle(document.body).backgroundColor;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  }

  /** A drawing with the buttons that save it. */
  function drawing(name, svg) {
    const button = (label, make) => {
      const made = h("button", { type: "button" }, label);
      made.addEventListener(
        "click",
        async () => save(`${name}.${label.toLowerCase()}`, await make()),
      );
      return made;
    };
    const asSvg = () => new Blob([standalone(svg).text], { type: "image/svg+xml" });
    return [
      svg,
      h(
        "p",
        { class: "report-note" },
        h(
          "span",
          { class: "report-copy" },
          "Save as ",
          button("SVG", asSvg),
          button("PNG", () => asPng(standalone(svg))),
        ),
      ),
    ];
  }

  /** Round values between two, about `count` of them. */
  function ticksOf(low, high, count) {
    const rough = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough);
    const first = Math.ceil(low / step - 1e-9);
    const last = Math.floor(high / step + 1e-9);
    return Array.from(
      { length: last - first + 1 },
      (_, i) => Number(((first + i) * step).toFixed(6)),
    );
  }

  /** Curves in a square from 0 to 1: `{name, kind, band | points}`. */
  function unitChart(label, curves, { x: xTitle, y: yTitle, diagonal, level }) {
    const [left, top, side] = [46, 8, 300];
    const x = (value) => left + value * side;
    const y = (value) => top + (1 - value) * side;
    const path = (xs, ys) => xs.map((at, i) => `${i ? "L" : "M"}${x(at)} ${y(ys[i])}`).join("");
    const ticks = [0, 0.2, 0.4, 0.6, 0.8, 1];
    return s(
      "svg",
      {
        viewBox: `0 0 ${left + side + 12} ${top + side + 44}`,
        class: "report-chart unit",
        role: "img",
        "aria-label": label,
      },
      ticks.map((tick) => [
        s("line", { x1: x(tick), x2: x(tick), y1: y(0), y2: y(1), class: "grid" }),
        s("line", { x1: x(0), x2: x(1), y1: y(tick), y2: y(tick), class: "grid" }),
        s("text", { x: x(tick), y: y(0) + 16, class: "tick middle" }, tick),
        s("text", { x: left - 6, y: y(tick) + 4, class: "tick end" }, tick),
      ]),
      diagonal && s("line", { x1: x(0), y1: y(0), x2: x(1), y2: y(1), class: "chance" }),
      level !== undefined && level !== null &&
        s("line", { x1: x(0), y1: y(level), x2: x(1), y2: y(level), class: "chance" }),
      curves.map(({ kind, band }) =>
        band && band.n > 1 && s("path", {
          d: `${path(band.x, band.high)}${
            path(band.x.toReversed(), band.low.toReversed()).replace("M", "L")
          }Z`,
          class: `band ${kind}`,
        })
      ),
      curves.map(({ kind, name, band, points }) =>
        band
          ? s("path", { d: path(band.x, band.mean), class: `curve ${kind}` }, s("title", {}, name))
          : [
            s("path", {
              d: path(points.map((p) => p.probability), points.map((p) => p.share)),
              class: `curve ${kind}`,
            }),
            points.map((p) =>
              s(
                "circle",
                {
                  cx: x(p.probability),
                  cy: y(p.share),
                  r: 3 + Math.min(5, Math.sqrt(p.images) / 3),
                  class: `mean ${kind}`,
                },
                s(
                  "title",
                  {},
                  `${name}: said ${percent(p.probability)}, were ${
                    percent(p.share)
                  }, ${p.images} images`,
                ),
              )
            ),
          ]
      ),
      s("text", { x: x(0.5), y: y(0) + 36, class: "tick middle" }, xTitle),
      s(
        "text",
        { x: 12, y: y(0.5), class: "tick middle", transform: `rotate(-90 12 ${y(0.5)})` },
        yTitle,
      ),
    );
  }

  globalThis.McgipCharts = {
    h,
    s,
    fixed,
    signed,
    percent,
    range,
    save,
    drawing,
    ticksOf,
    unitChart,
  };
})();
