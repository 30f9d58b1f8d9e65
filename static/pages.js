/**
 * The pages by their addresses. A page is a module of `pages/` that is loaded when it is asked for; it exports
 * `show(asked)`, which gives its elements, or `{content, update, shown}`.
 *
 * `asked`: `{name, params, query, signal, set}`; `name` of the data set, `params` of the pattern's `:parts`,
 * `query` as URLSearchParams, `signal` aborts when the page is left, `set` promises `GET /v1/datasets/NAME`.
 * `update({query})` is called instead of showing anew where only the query has changed (back, forward); it answers
 * false where that is not enough. `shown()` is called once the elements stand in the page.
 *
 * A row: pattern, module, options. `step`: which of the six is marked; `styles`: style sheets of its own;
 * `scripts`: classic scripts of packages; `wide`: uses the whole width; `full`: the whole height, without a foot.
 */
/** Curves of trainings. */
const CURVES = { scripts: ["/vendor/uplot.js"], styles: ["vendor/uplot.css", "training.css"] };
const REPORT = ["report/report.css"];

const ROWS = [
  ["", "home", { styles: ["home.css"] }],
  ["d/:name/data", "data", { step: "data", styles: ["gallery.css"], wide: true }],
  ["d/:name/image/:image", "viewer", { step: "data", styles: ["viewer.css"], full: true }],
  ["d/:name/embedding", "embedding", { step: "data", styles: ["try.css"], wide: true }],
  ["d/:name/gaze", "gaze", { step: "gaze", styles: ["gaze.css"] }],
  ["d/:name/pairs", "pairs", { step: "pairs", styles: ["pairs.css"], wide: true }],
  ["d/:name/pairs/:id", "pairs", { step: "pairs", styles: ["pairs.css"], wide: true }],
  ["d/:name/training", "training", { step: "training", styles: ["training.css"], wide: true }],
  ["d/:name/training/compare", "compare", { step: "training", wide: true, ...CURVES }],
  ["d/:name/training/study", "study_form", { step: "training", styles: ["training.css"] }],
  ["d/:name/training/start/:kind", "start", { step: "training", styles: ["training.css"] }],
  ["d/:name/training/:id", "run", { step: "training", wide: true, ...CURVES }],
  ["d/:name/results", "results", { step: "results", styles: REPORT, wide: true }],
  ["d/:name/results/study/:id", "study", { step: "results", styles: REPORT, wide: true }],
  ["d/:name/results/evaluation/:id", "evaluation", { step: "results", styles: REPORT, wide: true }],
  ["d/:name/try", "try", { step: "try", styles: ["try.css"] }],
  ["search", "search", {}],
  ["jobs", "jobs", {}],
  ["jobs/:id", "run", { wide: true, ...CURVES }],
  ["admin", "admin", {}],
  ["models", "models", { wide: true }],
  ["models/:id", "model", {}],
];

const PAGES = ROWS.map(([pattern, module, options]) => ({
  parts: pattern.split("/").filter(Boolean),
  load: () => import(`./pages/${module}.js`),
  options,
}));

/**
 * @param {string[]} path of the address
 * @returns {{params: Record<string, string>, load: () => Promise<any>, options: Record<string, any>} | undefined}
 */
export function pageOf(path) {
  // `#/d/NAME` is its first step.
  const asked = path[0] === "d" && path.length === 2 ? [...path, "data"] : path;
  for (const { parts, load, options } of PAGES) {
    if (parts.length !== asked.length) continue;
    if (!parts.every((part, at) => part.startsWith(":") || part === asked[at])) continue;
    const params = parts.flatMap((part, at) =>
      part.startsWith(":") ? [[part.slice(1), asked[at]]] : []
    );
    return { params: Object.fromEntries(params), load, options };
  }
}
