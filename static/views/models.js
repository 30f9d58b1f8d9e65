/** The registry of models. */
import { list } from "../api.js";
import { empty, h, pageHead, table } from "../dom.js";
import { short, sides, time } from "../format.js";

export async function show({ signal }) {
  const models = await list("/v1/models", signal);
  return [
    pageHead("Models", "Pre-trained backbones and classifiers."),
    models.length === 0 ? empty("No model yet.") : table(
      [
        {
          head: "Model",
          cell: (model) => h("a", { href: `#/models/${model.id}` }, model.name ?? model.id),
        },
        { head: "Kind", cell: (model) => h("span", { class: "chip" }, model.kind) },
        { head: "Network", cell: network },
        { head: "Classes", cell: (model) => model.classes.join(", ") },
        { head: "Data", cell: (model) => h("code", {}, short(model.dataset_digest)) },
        { head: "Made", cell: (model) => time(model.created_at) },
      ],
      models,
      { label: "Models" },
    ),
  ];
}

export function network(model) {
  const { backbone, width, image_size } = model.spec;
  return [
    backbone,
    width && `width ${width}`,
    image_size && `${sides(image_size)} px`,
  ].filter(Boolean).join(", ");
}
