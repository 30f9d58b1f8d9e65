/** One study: its results, with the pictures behind every number. */
import { stepLink } from "../address.js";
import { h } from "../dom.js";
import { studyView } from "../study_view.js";

export async function show({ name, params, query, signal }) {
  return [
    h("p", {}, h("a", { href: stepLink(name, "results") }, "← All results")),
    ...await studyView({ name, id: params.id, query, signal }),
  ];
}
