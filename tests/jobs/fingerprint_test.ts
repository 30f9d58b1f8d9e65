import assert from "node:assert/strict";
import { fingerprint } from "@/lib/jobs/fingerprint.ts";
import type { Store } from "@/lib/store/mod.ts";

const rows = (files: Record<string, string>) => ({
  find: (id: string) => id in files ? { file: files[id] } : undefined,
});
const store = {
  models: rows({ mod_1: "weights a", mod_2: "weights a", mod_3: "weights b" }),
  similarities: rows({ sim_1: "matrix a", sim_2: "matrix a" }),
} as unknown as Store;
const of = async (spec: Record<string, unknown>, kind = "finetune") =>
  await fingerprint(store, { kind, spec: { dataset_digest: "d", code_version: "1", ...spec } });

Deno.test("the fingerprint is that of the content, not of names and order", async () => {
  const a = await of({ init: "mod_1", epochs: 3, optimizer: { name: "adam", betas: [0.9, 0.95] } });
  const b = await of({ optimizer: { betas: [0.9, 0.95], name: "adam" }, epochs: 3, init: "mod_2" });
  assert.match(a!, /^[0-9a-f]{64}$/);
  assert.equal(a, b);
  assert.equal(
    a,
    await of({
      ...JSON.parse('{"name": "x", "dataset": "y", "report_every": 2}'),
      init: "mod_1",
      epochs: 3,
      optimizer: { name: "adam", betas: [0.9, 0.95] },
    }),
  );
  assert.equal(await of({ similarity: "sim_1" }), await of({ similarity: "sim_2" }));
});

Deno.test("whatever may change the result changes the fingerprint", async () => {
  const one = await of({ init: "mod_1", seed: 1 });
  const others = [
    await of({ init: "mod_3", seed: 1 }),
    await of({ init: "scratch", seed: 1 }),
    await of({ init: "mod_1", seed: 2 }),
    await of({ init: "mod_1", seed: 1, code_version: "2" }),
    await of({ init: "mod_1", seed: 1, dataset_digest: "e" }),
    await of({ init: "mod_1", seed: 1 }, "pretrain"),
  ];
  assert.equal(new Set([one, ...others]).size, 7);
  assert.equal(await of({ dataset_digest: undefined }), null);
});
