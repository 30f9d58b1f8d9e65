/**
 * What 50,000 images and a study of 10,000 cells cost the API's thread: a store of synthetic rows (no pictures),
 * and of each step the time, the longest time that the thread answered nothing, and the memory of the process.
 *
 *     deno run -A bench/large_data.ts [--images=50000] [--seeds=200]
 */
import { optionsOrEnd } from "@/lib/options.ts";
import { enqueue, resolveJob } from "@/lib/jobs/queue.ts";
import { Distribution } from "@/lib/gaze/similarity/distribution.ts";
import { auditSimilarity } from "@/lib/similarities/audit_thread.ts";
import { newId, now, openStore, type SimilarityRow, type Store } from "@/lib/store/mod.ts";
import { planStudy } from "@/lib/studies/plan.ts";
import { toFilledStudyView, toStudyView } from "@/lib/studies/study.ts";
import { estimateRequest } from "@/lib/training/estimate_request.ts";

const HELP = `deno run -A bench/large_data.ts [OPTIONS]
  --images N    (50000)
  --seeds N     (200)`;

const values = optionsOrEnd(HELP, "measure large data", {
  images: { type: "string", default: "50000" },
  seeds: { type: "string", default: "200" },
});
const [images, seeds] = [Number(values.images), Number(values.seeds)];

/** Rows as an import leaves them. */
async function fill(store: Store): Promise<string> {
  const dataset = newId("ds");
  await store.db.transaction(async () => {
    await store.datasets.insert({
      names: "keep",
      ...{ id: dataset, name: "large", known_digest: "d", structured: false },
      ...{ positive_label: "malignant", meta: {}, created_at: now() },
    });
    for (let i = 0; i < images; i++) {
      const id = newId("im");
      await store.images.insert({
        ...{ id, dataset_id: dataset, name: `folder/image_${String(i).padStart(6, "0")}` },
        ...{ file: String(i).padStart(64, "0"), format: "png", bytes: 1 },
        ...{ width: 1024, height: 1024, channels: 1, bits: 8 },
        ...{ label: i % 3 ? "benign" : "malignant", patient: `p${i >> 1}`, split: null },
      });
      const fixations = Array.from({ length: 30 }, (_, k) => ({
        ...{ x: (i * 37 + k * 91) % 1024, y: (i * 11 + k * 53) % 1024 },
        ...{ start: k / 4, duration: 0.2 + k % 3 / 10 },
      }));
      await store.gaze.insert({
        ...{ id: newId("gz"), image_id: id, reader: "r", format: "csv", fixations },
        ...{ samples_file: null, assumptions: [], dropped: 0, data_loss: 0 },
      });
    }
  });
  return dataset;
}

/** The nearest of every image and the nearest pairs of all, laid out as a similarity job leaves them. */
async function similarity(store: Store, dataset_id: string): Promise<SimilarityRow> {
  const [top_k, pairs] = [50, 1_000_000];
  const near = images * top_k;
  const indices = Int32Array.from(
    { length: near },
    (_, i) => (Math.floor(i / top_k) + 1 + i % top_k) % images,
  );
  const values = Float32Array.from({ length: near }, (_, i) => 0.99 - (i % top_k) / 1000);
  const rows = Uint32Array.from({ length: pairs }, (_, i) => i % (images - 50));
  const columns = Uint32Array.from(rows, (row, i) => row + 1 + Math.floor(i / (images - 50)));
  const best = Float32Array.from({ length: pairs }, (_, i) => 0.999 - i * 9e-8);
  const parts = [indices, values, rows, columns, best].map((part) => new Uint8Array(part.buffer));
  const { sha256 } = await store.files.put(new Uint8Array(await new Blob(parts).arrayBuffer()));
  return await store.similarities.insert({
    ...{ id: newId("sim"), dataset_id, dataset_digest: "d", job_id: newId("job") },
    ...{ measure: "multimatch", params: {}, components: ["score"], file: sha256 },
    images: (await store.images.all(dataset_id)).map(({ name }) => name),
    layout: { kind: "neighbours", top_k, pairs, above: 0.9 },
    ...{
      invalid: [],
      histogram: { ...new Distribution([0, 1]).data, pairs: images * (images - 1) / 2 },
    },
    created_at: now(),
  });
}

/** Time, longest silence of this thread, and memory after. */
async function measured<T>(what: string, body: () => T | Promise<T>): Promise<T | undefined> {
  let last = performance.now(), silent = 0;
  const beat = setInterval(() => {
    silent = Math.max(silent, performance.now() - last);
    last = performance.now();
  }, 1);
  const start = performance.now();
  let found: T | undefined;
  let note = "";
  try {
    found = await body();
  } catch (error) {
    note = `  refused: ${error instanceof Error ? error.message : error}`;
  }
  const took = performance.now() - start;
  await new Promise((resolve) => setTimeout(resolve, 5));
  clearInterval(beat);
  const rss = Math.round(Deno.memoryUsage().rss / 2 ** 20);
  console.log(
    `${what.padEnd(34)} ${took.toFixed(0).padStart(7)} ms, silent ${
      silent.toFixed(0).padStart(5)
    } ms,` +
      ` ${rss} MiB${note}`,
  );
  return found;
}

const directory = Deno.makeTempDirSync();
const store = await openStore(directory);
try {
  const dataset = await fill(store);
  const row = await similarity(store, dataset);
  const similar = row.id;
  console.log(`${images} images, ${seeds} runs`);
  const study = {
    ...{ kind: "study", dataset: "large", methods: ["byol", "moco", "simsiam", "simclr"] },
    ...{
      arms: ["none", "gaze", "shuffled", "labels"],
      backbones: ["resnet18", "resnet50", "resnet101"],
    },
    ...{ similarity: similar, cut: { quantile: 0.0001 } },
    seeds: Array.from({ length: seeds }, (_, seed) => seed),
  };
  const job = async (request: Record<string, unknown>) => await resolveJob(store, request, "bench");
  const one = await measured(
    "resolve pretrain",
    async () =>
      await job({
        kind: "pretrain",
        dataset: "large",
        arm: "gaze",
        similarity: similar,
        cut: study.cut,
      }),
  );
  await measured("resolve finetune", async () => await job({ kind: "finetune", dataset: "large" }));
  await measured(
    "resolve similarity",
    async () => await job({ kind: "similarity", dataset: "large", measure: "multimatch" }),
  );
  await measured(
    "resolve similarity, matrix",
    async () =>
      await job({ kind: "similarity", dataset: "large", measure: "multimatch", keep: "matrix" }),
  );
  await measured("estimate request", async () => one && await estimateRequest(store, one));
  await measured(
    "audit similarity",
    () => auditSimilarity(store, row, new AbortController().signal),
  );
  const resolved = await measured("resolve study", async () => await job(study));
  const plan = await measured(
    "plan study",
    async () =>
      resolved && await planStudy(store, resolved, {
        estimate: () => Promise.resolve(undefined),
        throughput: () => Promise.resolve(1),
      }),
  );
  console.log(plan && `${plan.cells} cells, ${plan.parts.length} parts`);
  const queued = await measured(
    "queue study",
    async () => resolved && await enqueue(store, resolved),
  );
  const kept = queued && await store.studies.ofJob(queued.id);
  await measured(
    "show study",
    async () => kept && JSON.stringify(await toFilledStudyView(store, kept)).length,
  );
  await measured("list studies", async () => kept && await toStudyView(store, kept));
} finally {
  await store.close();
  Deno.removeSync(directory, { recursive: true });
}
