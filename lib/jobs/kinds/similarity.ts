/** Runs a `similarity` job: every pair, tile by tile, straight into its file. */
import { Distribution, type DistributionData } from "@/lib/gaze/similarity/distribution.ts";
import { checkDegrees, loadItems } from "@/lib/similarities/load_items.ts";
import { MatrixFile } from "@/lib/gaze/similarity/matrix.ts";
import type { Item, Measure } from "@/lib/gaze/similarity/measure.ts";
import { measureOf } from "@/lib/gaze/similarity/mod.ts";
import { Neighbours, TopPairs } from "@/lib/gaze/similarity/neighbours.ts";
import { forEachTile, type Sink } from "@/lib/gaze/similarity/tiles.ts";
import type { JobContext } from "@/lib/specs/job_context.ts";
import type { JobResult } from "@/lib/specs/mod.ts";
import type { JobHandler } from "./handler.ts";
import { parseSimilarity, type SimilaritySpec } from "@/lib/specs/similarity.ts";
import { jobDataset } from "@/lib/training/job_inputs.ts";
import { type Layout, newId, now } from "@/lib/store/mod.ts";

export const similarity = {
  async run(context: JobContext) {
    const { store, job } = context;
    // Made before it was interrupted, if it came that far.
    const made = await store.similarities.ofJob(job.id);
    if (made) return { similarity: made.id };
    const spec = parseSimilarity(job.spec);
    const dataset = await jobDataset(context);
    const gaze_digest = await store.datasets.gazeDigestOf(dataset.id);
    checkDegrees(spec.params, dataset);
    const measure = measureOf(spec.measure);
    const items = await loadItems(store, dataset, { readers: spec.readers });
    const temporary = store.files.temporaryPath();
    try {
      const computed = await compute(context, { measure, items, spec, temporary });
      const { invalid, histogram, layout, used } = computed;
      const { sha256 } = await store.files.adopt(temporary);
      const id = newId("sim");
      await context.publish({
        similarity: {
          id,
          dataset_id: dataset.id,
          dataset_digest: dataset.digest,
          gaze_digest,
          job_id: job.id,
          measure: spec.measure,
          params: { ...spec.params, ...used, readers: spec.readers, combine: spec.combine },
          images: items.map(({ id }) => id),
          components: layout.kind === "matrix"
            ? measure.components
            : measure.components.slice(0, 1),
          file: sha256,
          layout,
          invalid,
          histogram: { ...histogram },
          created_at: now(),
        },
      });
      store.files.unpin([sha256]);
      return { similarity: id };
    } finally {
      await Deno.remove(temporary).catch(() => {});
    }
  },
} satisfies JobHandler<JobResult<"similarity">>;

async function compute(
  context: JobContext,
  { measure, items, spec, temporary }: {
    measure: Measure;
    items: Item[];
    spec: SimilaritySpec;
    temporary: string;
  },
): Promise<{
  invalid: string[];
  used: Record<string, unknown>;
  layout: Layout;
  histogram: DistributionData;
}> {
  const n = items.length;
  using file = await Deno.open(temporary, { read: true, write: true, createNew: true });
  const distribution = new Distribution(measure.range ?? [0, 1]);
  const neighbours = new Neighbours(spec.keep === "neighbours" ? n : 0, Math.min(spec.top_k, n));
  const top = new TopPairs(spec.keep === "neighbours" ? spec.most_pairs : 0);
  const sinks: Sink[] = spec.keep === "neighbours"
    ? [distribution, neighbours, top]
    : [distribution, new MatrixFile(file, n, measure.components.length)];
  const { invalid, used, warnings } = await forEachTile(context.gpu, measure, items, {
    params: spec.params,
    combine: spec.combine,
    sinks,
    async onProgress(done, total) {
      context.progress(done, total, "pairs");
      await context.yield();
    },
  });
  let layout: Layout = { kind: "matrix" };
  if (spec.keep === "neighbours") {
    const { rows, columns, values, above } = top.pairs;
    for (const part of [neighbours.indices, neighbours.values, rows, columns, values]) {
      const bytes = new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
      for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
    }
    layout = { kind: "neighbours", top_k: neighbours.k, pairs: values.length, above };
  }
  for (const message of warnings) context.event("warning", { message });
  if (invalid.length > 0) {
    context.event("warning", {
      message: `${invalid.length} of ${n} images have no gaze that ${spec.measure} can compare`,
    });
  }
  return { invalid, used, layout, histogram: distribution.data };
}
