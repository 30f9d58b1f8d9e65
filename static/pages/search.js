/** What is found for a word: data sets, images, models, studies. */
import { link, stepLink } from "../address.js";
import { get, list } from "../api.js";
import { card, h, pageHead } from "../dom.js";
import { number } from "../format.js";
import { imagesOf, narrowed } from "../image_list.js";
import { nothing } from "../parts.js";
import { imagePath, picture } from "../picture.js";
import { modelsNamed } from "../set_lists.js";

/** Sets whose images are looked through; larger ones are only offered. */
const LOOKED = 5000;
const TILES = 12;

export async function show({ query, signal }) {
  const text = query.get("q") ?? "";
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (...values) => {
    const all = values.filter(Boolean).join(" ").toLowerCase();
    return words.length > 0 && words.every((word) => all.includes(word));
  };
  const [sets, models, studies] = await Promise.all([
    list("/v1/datasets", signal),
    modelsNamed(signal),
    get("/v1/studies?limit=200&fields=id,name,dataset,job", signal).then(({ data }) => data),
  ]);
  const images = await Promise.all(
    sets.map(async (set) => {
      if (set.images > LOOKED) return { set };
      return {
        set,
        found: narrowed(await imagesOf(set, signal), new URLSearchParams({ q: text })),
      };
    }),
  );
  const entries = [
    ...sets.filter((set) => fits(set.name)).map((set) => [
      "Data set",
      set.name,
      stepLink(set.name, "data"),
    ]),
    ...models.filter((model) => fits(model.title, model.dataset, model.id)).map((model) => [
      "Model",
      `${model.title}${model.dataset ? `, ${model.dataset}` : ""}`,
      link(["models", model.id]),
    ]),
    ...studies.filter((study) => fits(study.name ?? "Study", study.dataset, study.id)).map((
      study,
    ) => [
      "Study",
      study.name ?? study.id,
      study.dataset
        ? stepLink(study.dataset, ["results", "study", study.id])
        : link(["jobs", study.job]),
    ]),
  ];
  const pictured = images.filter(({ found }) => found === undefined || found.length > 0);
  const title = pageHead(`Found for “${text}”`);
  if (entries.length === 0 && !pictured.some(({ found }) => found)) {
    return [
      title,
      nothing(
        "Nothing is called this",
        "Names of data sets, images, patients, labels, models and studies are looked through.",
      ),
    ];
  }
  return [
    title,
    entries.length > 0 && card(
      "Data sets, models, studies",
      h(
        "ul",
        { class: "found-list" },
        entries.slice(0, 60).map(([kind, name, href]) =>
          h("li", {}, h("small", {}, kind), " ", h("a", { href }, name))
        ),
      ),
    ),
    pictured.map(({ set, found }) => imagesCard(set, found, text, signal)),
  ];
}

function imagesCard(set, found, text, signal) {
  const all = h("a", { href: stepLink(set.name, "data", { q: text }) }, `Look in ${set.name}`);
  if (!found) return card(`Images of ${set.name}`, h("p", {}, all));
  return card(
    `Images of ${set.name}: ${number(found.length)}`,
    h(
      "div",
      { class: "pictures" },
      found.slice(0, TILES).map(({ name, label }) =>
        h(
          "figure",
          {},
          h(
            "a",
            { href: stepLink(set.name, ["image", name], { q: text }) },
            picture(imagePath(set.name, name, "overlay", { size: 160 }), { alt: name, signal }),
          ),
          h("figcaption", {}, h("strong", {}, name), h("small", {}, label)),
        )
      ),
    ),
    found.length > TILES && h("p", {}, all),
  );
}
