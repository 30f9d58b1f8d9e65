/**
 * What 50,000 images and a study of 10,000 cells cost the API's thread: a store of synthetic rows (no pictures),
 * and of each step the time, the longest time that the thread answered nothing, and the memory of the process.
 *
 *     deno run -A bench/large_data.ts [--images=50000] [--seeds=200]
 */
import { parseArgs } from "node:util";
import { enqueue, resolveJob } from "@/lib/jobs/queue.ts";
import { labelsOf } from "@/lib/similarities/audit_thread.ts";
import { newId, now, openStore, type Store } from "@/lib/store/mod.ts";
import { planStudy } from "@/lib/studies/plan.ts";
import { toFilledStudyView, toStudyView } from "@/lib/studies/study.ts";
import { estimateRequest } from "@/lib/training/estimate_request.ts";

const { values } = parseArgs({
  options: {
    images: { type: "string", default: "50000" },
    seeds: { type: "string", default: "200" },
  },
});
const [images, seeds] = [Number(values.images), Number(values.seeds)];

/** Rows as an import leaves them. */
function fill(store: Store): string {
  const dataset = newId("ds");
  store.db.transaction(() => {
    store.datasets.insert({
      ...{ id: dataset, name: "large", digest: "d", structured: false },
      ...{ positive_label: "malignant", meta: {}, created_at: now() },
    });
    for (let i = 0; i < images; i++) {
      const id = newId("im");
      store.images.insert({
        ...{ id, dataset_id: dataset, name: `folder/image_${String(i).padStart(6, "0")}` },
        ...{ file: String(i).padStart(64, "0"), format: "png", bytes: 1 },
        ...{ width: 1024, height: 1024, channels: 1, bits: 8 },
        ...{ label: i % 3 ? "benign" : "malignant", patient: `p${i >> 1}`, split: null },
      });
      const fixations = Array.from({ length: 30 }, (_, k) => ({
        ...{ x: (i * 37 + k * 91) % 1024, y: (i * 11 + k * 53) % 1024 },
        ...{ start: k / 4, duration: 0.2 + k % 3 / 10 },
      }));
      store.gaze.insert({
        ...{ id: newId("gz"), image_id: id, reader: "r", format: "csv", fixations },
        ...{ samples_file: null, assumptions: [], dropped: 0, data_loss: 0 },
      });
    }
  });
  return dataset;
}

/** As a similarity job keeps the nearest pairs of so many images. */
function similarity(store: Store, dataset_id: string): string {
  return store.similarities.insert({
    ...{ id: newId("sim"), dataset_id, dataset_digest: "d", job_id: newId("job") },
    ...{ measure: "multimatch", params: {}, components: ["score"], file: "0".repeat(64) },
    images: store.images.all(dataset_id).map(({ name }) => name),
    layout: { kind: "neighbours", top_k: 50, pairs: 1e6, above: 0.9 },
    ...{ invalid: [], histogram: { pairs: images * (images - 1) / 2 } as never },
    created_at: now(),
  }).id;
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
const store = openStore(directory);
try {
  const dataset = fill(store);
  const similar = similarity(store, dataset);
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
  const job = (request: Record<string, unknown>) => resolveJob(store, request, "bench");
  const one = await measured(
    "resolve pretrain",
    () =>
      job({ kind: "pretrain", dataset: "large", arm: "gaze", similarity: similar, cut: study.cut }),
  );
  await measured("resolve finetune", () => job({ kind: "finetune", dataset: "large" }));
  await measured(
    "resolve similarity",
    () => job({ kind: "similarity", dataset: "large", measure: "multimatch" }),
  );
  await measured(
    "resolve similarity, matrix",
    () => job({ kind: "similarity", dataset: "large", measure: "multimatch", keep: "matrix" }),
  );
  await measured("estimate request", () => one && estimateRequest(store, one));
  await measured("labels for an audit", () => labelsOf(store, store.similarities.get(similar)));
  const resolved = await measured("resolve study", () => job(study));
  const plan = await measured(
    "plan study",
    async () =>
      resolved && await planStudy(store, resolved, {
        estimate: () => Promise.resolve(undefined),
        throughput: () => Promise.resolve(1),
      }),
  );
  console.log(plan && `${plan.cells} cells, ${plan.parts.length} parts`);
  const queued = await measured("queue study", () => resolved && enqueue(store, resolved));
  const row = queued && store.studies.ofJob(queued.id);
  await measured("show study", () => row && JSON.stringify(toFilledStudyView(store, row)).length);
  await measured("list studies", () => row && toStudyView(store, row));
} finally {
  store.close();
  Deno.removeSync(directory, { recursive: true });
}
