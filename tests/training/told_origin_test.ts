import assert from "node:assert/strict";
import type { ModelRow } from "@/lib/store/mod.ts";
import { sameSetWarning } from "@/lib/training/told_origin.ts";

const model = (id: string, kind: string, lineage: unknown) =>
  ({ id, kind, lineage }) as unknown as ModelRow;
const set = { name: "breast", digest: "d1" };

Deno.test("a model that came in by a file is known to come from the data set that the file names", async () => {
  const own = model("u1", "uploaded", { origin: { lineage: { dataset_digest: "d1" } } });
  const start = model("u2", "uploaded", {
    origin: { lineage: { dataset_digest: "d2", start: { dataset_digest: "d1" } } },
  });
  const middle = model("m1", "pretrained", { init: "u1" });
  const last = model("m2", "classifier", { init: "m1" });
  const rows = [own, start, middle, last];
  const store = {
    models: { find: (id: string) => rows.find((row) => row.id === id) },
  } as unknown as Parameters<typeof sameSetWarning>[0];
  for (const row of rows) {
    const told = await sameSetWarning(store, row, set);
    assert.equal(told.length, 1, row.id);
    assert.match(told[0], /says that it was trained on "breast"/);
    assert.deepEqual(await sameSetWarning(store, row, { ...set, digest: "d3" }), []);
  }
});

Deno.test("a file that tells nothing, or nonsense, and a model from scratch are not warned of", async () => {
  const store = { models: { find: () => undefined } } as unknown as Parameters<
    typeof sameSetWarning
  >[0];
  for (
    const row of [
      undefined,
      model("u", "uploaded", {}),
      model("u", "uploaded", { origin: { lineage: "none" } }),
      model("u", "uploaded", { origin: { lineage: { dataset_digest: 5, start: [] } } }),
      model("s", "classifier", { init: "scratch" }),
      model("gone", "classifier", { init: "gone" }),
    ]
  ) assert.deepEqual(await sameSetWarning(store, row, set), []);
});
