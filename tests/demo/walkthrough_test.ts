import assert from "node:assert/strict";
import { zipSet } from "@/lib/demo/archive.ts";
import { client } from "@/lib/demo/client.ts";
import { startServer } from "@/lib/demo/server.ts";
import { tellStory } from "@/lib/demo/walkthrough.ts";
import { synthesize } from "@/lib/demo/synthetic.ts";

Deno.test("the whole story runs over HTTP and leaves what it made", async () => {
  const folder = Deno.makeTempDirSync();
  const server = await startServer(`${folder}/data`);
  try {
    const api = client(server.url, server.key);
    await tellStory(api, {
      name: "tiny",
      archive: await zipSet(synthesize({ images: 16, size: 24 })),
      measure: "moments",
      sizes: {
        width: 4,
        imageSize: 16,
        batchSize: 8,
        pretrainEpochs: 1,
        finetuneEpochs: 1,
        folds: 2,
        quantile: 0.2,
      },
    });
    const kinds = await count(api, "/v1/jobs", "kind");
    assert.deepEqual(kinds, { evaluate: 1, finetune: 4, pretrain: 3, similarity: 1 });
    assert.deepEqual(await count(api, "/v1/jobs", "state"), { succeeded: 9 });
    assert.deepEqual(await count(api, "/v1/models", "kind"), { classifier: 4, pretrained: 3 });
    assert.deepEqual(await count(api, "/v1/predictions", "dataset"), { tiny: 8 });
    await assert.rejects(
      api.job({ kind: "evaluate", model: "none" }, () => {}),
      /Cannot POST .* 4\d\d/,
    );
  } finally {
    await server.stop();
    Deno.removeSync(folder, { recursive: true });
  }
});

/** How often each value of a field occurs in a list. */
async function count(api: ReturnType<typeof client>, path: string, field: string) {
  const { data } = await api.call<{ data: Record<string, string>[] }>("GET", path);
  const groups = Map.groupBy(data, (one) => one[field]);
  return Object.fromEntries([...groups].map(([key, rows]) => [key, rows.length]).sort());
}
