/** Shows the page that the address names, within the frame that stands around all pages. */
import { address, link } from "./address.js";
import { get, shareKey } from "./api.js";
import { fill, h } from "./dom.js";
import { pageOf } from "./pages.js";
import { closeMenus, problem } from "./parts.js";
import { drawSteps, tellSteps } from "./steps.js";
import { nameSet, startTopBar } from "./top_bar.js";

const main = document.getElementById("main");
const strip = document.getElementById("steps");

let leaving = new AbortController();
/** What is shown, to tell a change of the query from another page. */
let shown = { path: "", update: undefined };

/** Addresses of earlier versions. */
const MOVED = { datasets: (name) => name === undefined ? "#/" : link(["d", name, "data"]) };

async function route() {
  const { path, query } = address();
  const moved = MOVED[path[0]];
  if (moved) return location.replace(moved(path[1]));
  const at = JSON.stringify(path);
  // An update that answers false wants to be shown anew.
  if (shown.update && shown.path === at && shown.update({ query }) !== false) return;
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  shown = { path: at, update: undefined };
  const page = pageOf(path);
  const name = page?.params.name;
  const set = name === undefined ? undefined : dataset(name, signal);
  nameSet(name);
  drawSteps(strip, name, page?.options.step);
  if (set) keepTelling(name, set, signal);
  main.setAttribute("aria-busy", "true");
  try {
    if (!page) throw new Error("There is no page at this address.");
    const { scripts = [], styles = [], wide = false, full = false } = page.options;
    const [module] = await Promise.all([
      page.load(),
      ...scripts.map(script),
      ...styles.map(style),
    ]);
    const { params } = page;
    // Views of one thing by its id know it as `id`.
    const made = await module.show({ name, params, id: params.id, query, signal, set });
    if (signal.aborted) return;
    const { content = made, update, shown: entered } = made.content === undefined ? {} : made;
    document.body.classList.toggle("wide", wide);
    document.body.classList.toggle("full", full);
    fill(main, content);
    entered?.();
    shown.update = update;
  } catch (error) {
    if (!signal.aborted) {
      document.body.classList.remove("wide", "full");
      fill(main, problem(error, ...ways(error)));
    }
  } finally {
    if (!signal.aborted) {
      main.removeAttribute("aria-busy");
      const title = main.querySelector("h1")?.textContent;
      document.title = [...new Set([title, name, "McGIP"])].filter(Boolean).join(" · ");
    }
  }
}

const STEPS_MS = 10_000;

/** The states of the steps, kept fresh while something may run. */
function keepTelling(name, set, signal) {
  const tell = () => document.hidden || tellSteps(strip, name, set, signal).catch(() => {});
  tell();
  document.addEventListener("predicted", tell, { signal });
  const timer = setInterval(tell, STEPS_MS);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
}

/** The data set's summary. Who awaits it hears of what went wrong; nobody need. */
function dataset(name, signal) {
  const promised = get(`/v1/datasets/${encodeURIComponent(name)}`, signal);
  promised.catch(() => {});
  return promised;
}

function ways(error) {
  const give = () => document.getElementById("change-key").click();
  return error.status === 401
    ? [h("button", { type: "button", class: "primary", on: { click: give } }, "Give the key")]
    : [
      h("a", { class: "button", href: "#/" }, "All data sets"),
      h("button", { type: "button", on: { click: redraw } }, "Try again"),
    ];
}

const loads = new Map();

/** Loads a script or a style sheet once. */
function once(url, make) {
  if (!loads.has(url)) {
    loads.set(
      url,
      new Promise((resolve, reject) => {
        const element = make();
        element.addEventListener("load", resolve, { once: true });
        element.addEventListener("error", () => {
          loads.delete(url);
          element.remove();
          reject(new Error(`Cannot load ${url}: the server does not answer.`));
        }, { once: true });
        document.head.append(element);
      }),
    );
  }
  return loads.get(url);
}
const script = (url) => once(url, () => h("script", { src: url }));
/** Beside this file, wherever that is served from. */
const style = (file) => {
  const url = new URL(`./${file}`, import.meta.url).pathname;
  return once(url, () => h("link", { rel: "stylesheet", href: url }));
};

function redraw() {
  shown = { path: "", update: undefined };
  route();
}

/** Where the reader was on a page is kept with its entry of the history. */
history.scrollRestoration = "manual";
let resting;
const keepPlace = () => {
  clearTimeout(resting);
  if ((history.state?.y ?? 0) !== scrollY) {
    history.replaceState({ ...history.state, y: scrollY }, "");
  }
};
addEventListener("scroll", () => {
  clearTimeout(resting);
  resting = setTimeout(keepPlace, 200);
}, { passive: true });
// Before a link leads away.
addEventListener("click", keepPlace, { capture: true });

addEventListener("hashchange", async () => {
  clearTimeout(resting);
  const before = shown.path;
  const y = history.state?.y ?? 0;
  await route();
  if (shown.path === before) return;
  main.focus({ preventScroll: true });
  scrollTo(0, y);
});

closeMenus();
// What is dropped is not needed for the first view.
addEventListener("dragenter", () => import("./importer.js").then(({ takeDrops }) => takeDrops()), {
  once: true,
});
await shareKey();
startTopBar(redraw);
// The page of a set that has changed is shown anew.
document.addEventListener("set-changed", ({ detail }) => {
  if (pageOf(address().path)?.params.name === detail) redraw();
});
const start = history.state?.y ?? 0;
await route();
scrollTo(0, start);
