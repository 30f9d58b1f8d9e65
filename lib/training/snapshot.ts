/** The flat buffers of a parameter store as the state of a checkpoint. */
import type { ParameterStore } from "@/gpu/parameters.ts";
import type { State } from "./checkpoint.ts";

const SECTION = "section ";

export async function snapshotState(store: ParameterStore): Promise<State> {
  const state: State = new Map();
  for (const [name, data] of await store.snapshot()) {
    state.set(SECTION + name, { shape: [data.length], data });
  }
  return state;
}

export function restoreState(store: ParameterStore, state: State): void {
  const sections = [...state].filter(([name]) => name.startsWith(SECTION));
  store.restore(new Map(sections.map(([name, { data }]) => [name.slice(SECTION.length), data])));
}
