/** Starts a job of the data set. */
import * as start from "../views/start.js";

export function show({ name, params, query, signal }) {
  const given = new URLSearchParams(query);
  given.set("dataset", name);
  return start.show({ id: params.kind, query: given, signal });
}
