/**
 * A view of a store for one piece of work that asks for the same things very often, such as the plan of a study
 * with thousands of cells: what belongs to a whole data set, or names all of its images, is read once.
 */
import type { Store } from "./mod.ts";

/** Answers what the store said when it was first asked; to be let go with the work that it is for. */
export function remembering(store: Store): Store {
  const once = <Table extends object>(table: Table, methods: (keyof Table & string)[]): Table => {
    const view = Object.create(table);
    for (const name of methods) {
      const known = new Map<string, unknown>();
      const method = table[name] as (...values: unknown[]) => unknown;
      view[name] = (...values: unknown[]) => {
        const key = JSON.stringify(values);
        if (!known.has(key)) known.set(key, method.apply(table, values));
        return known.get(key);
      };
    }
    return view;
  };
  return Object.create(store, {
    images: { value: once(store.images, ["all", "labels", "withFindings", "count", "hasColour"]) },
    similarities: { value: once(store.similarities, ["get", "find"]) },
    models: { value: once(store.models, ["get", "find", "resolve"]) },
    datasets: { value: once(store.datasets, ["byName", "findByName", "find", "get"]) },
  });
}
