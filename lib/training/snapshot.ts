/** The flat buffers of a parameter store as the state of a checkpoint. */
import type { ParameterStore } from "@/gpu/parameters.ts";
import type { State } from "./checkpoint.ts";

const SECTION = "section ";

/** As it is at the call; what is returned brings it to the host while the GPU goes on. */
export async function snapshotState(store: ParameterStore): Promise<() => Promise<State>> {
  const read = await store.copy();
  return async () => {
    const state: State = new Map();
    for (const [name, data] of await read()) {
      state.set(SECTION + name, { shape: [data.length], data });
    }
    return state;
  };
}

export function restoreState(store: ParameterStore, state: State): void {
  const sections = [...state].filter(([name]) => name.startsWith(SECTION));
  store.restore(new Map(sections.map(([name, { data }]) => [name.slice(SECTION.length), data])));
}
