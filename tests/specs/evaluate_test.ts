/** What of a multi-label evaluation is refused when it is asked for. */
import assert from "node:assert/strict";
import { evaluate } from "@/lib/specs/evaluate.ts";
import type { Findings, Store } from "@/lib/store/mod.ts";

const storeOf = (classes: string[], findings: Findings | null) =>
  ({
    datasets: { byName: (name: string) => ({ id: "ds_1", name, meta: { classes } }) },
    images: { all: () => [{ name: "x", label: null, findings }] },
    models: { resolve: () => ({ id: "m_1", spec: { classes: ["a", "b"], multi_label: true } }) },
  }) as unknown as Store;

const resolved = async (store: Store) =>
  await evaluate.resolve!({ model: "m", dataset: "chest", split: "all", batch_size: 1 }, store);

Deno.test("a set that shares no finding with the model, or knows none of them, is refused at once", async () => {
  await assert.rejects(resolved(storeOf(["q"], { q: 1 })), /has none of the model's findings/);
  await assert.rejects(resolved(storeOf(["a", "q"], { q: 1 })), /of no image any of the model's/);
  assert.equal((await resolved(storeOf(["a", "q"], { a: 0 }))).split, "all");
});
