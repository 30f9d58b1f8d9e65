/** The models of all data sets, by name. */
import { link, stepLink } from "../address.js";
import { list } from "../api.js";
import { h, pageHead, table } from "../dom.js";
import { number, sides, time } from "../format.js";
import { MODEL_FIELDS } from "../model_fields.js";
import { modelName } from "../names.js";
import { nothing } from "../parts.js";

export async function show({ signal }) {
  const models = await list(`/v1/models?fields=${MODEL_FIELDS}`, signal, 2000);
  const modelOf = (id) => models.find((model) => model.id === id);
  if (models.length === 0) {
    return [
      pageHead("Models"),
      nothing(
        "There is no model yet",
        "Trainings of a data set make them.",
        h("a", { class: "button primary", href: "#/" }, "Data sets"),
      ),
    ];
  }
  return [
    pageHead("Models", `${number(models.length)} of all data sets`),
    table(
      [
        {
          head: "Model",
          cell: (model) => h("a", { href: link(["models", model.id]) }, modelName(model, modelOf)),
        },
        {
          head: "Data set",
          cell: ({ dataset }) =>
            dataset && h("a", { href: stepLink(dataset, "training") }, dataset),
        },
        { head: "Kind", cell: ({ kind }) => kind },
        {
          head: "Network",
          cell: ({ spec }) => `${spec.backbone}, width ${spec.width}, ${sides(spec.image_size)} px`,
        },
        { head: "Classes", cell: ({ classes }) => classes.join(", ") },
        { head: "Made", cell: ({ created_at }) => time(created_at) },
      ],
      models,
      { label: "Models" },
    ),
  ];
}
