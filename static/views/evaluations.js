/** All evaluations. */
import { list } from "../api.js";
import { empty, h, pageHead, table } from "../dom.js";
import { number, score, time } from "../format.js";
import { datasetLink } from "./similarities.js";

export async function show({ signal }) {
  const found = await list("/v1/evaluations", signal);
  const metric = (head, name) => ({
    head,
    cell: ({ metrics }) => score(metrics[name]),
    number: true,
  });
  return [
    pageHead("Evaluations", "Classifiers measured on images of a data set."),
    found.length === 0 ? empty("No evaluation yet: fine-tune a model.") : table(
      [
        {
          head: "Made",
          cell: ({ id, created_at }) => h("a", { href: `#/evaluations/${id}` }, time(created_at)),
        },
        { head: "Data set", cell: ({ dataset }) => datasetLink(dataset) },
        { head: "Model", cell: ({ model }) => modelLink(model) },
        { head: "Images", cell: ({ metrics }) => number(metrics.images), number: true },
        {
          head: "Seen before",
          cell: ({ seen_in_pretraining, seen_in_training }) =>
            seen_in_pretraining === null || seen_in_training === null
              ? "not known"
              : number(seen_in_pretraining + seen_in_training),
          number: true,
        },
        metric("ACC", "accuracy"),
        metric("AUC", "auc_macro_one_vs_rest"),
        metric("M-AUC", "m_auc"),
      ],
      found,
      { label: "Evaluations" },
    ),
  ];
}

export function modelLink(model) {
  return model ? h("a", { href: `#/models/${model}` }, h("code", {}, model)) : "";
}
