/**
 * TIMA: clusters of fixations in space and time, each a heatmap described by its moments, aligned by dynamic
 * time warping. The authors' later measure; a scanpath without a cluster is invalid.
 */
import { z } from "zod";
import type { Gpu } from "@/gpu/device.ts";
import type { Fixation } from "../gaze.ts";
import { heatmapParams, refuseBesideParity } from "../heatmap.ts";
import { dbscan } from "./dbscan.ts";
import { comparandMaps, mapSize } from "./maps.ts";
import type { Comparand, Measure } from "./measure.ts";

const params = z.strictObject({
  /** Radius of a cluster's neighbourhood, in shares of width, height and number of fixations. */
  eps: z.number().positive().max(2).default(0.2),
  /** A core fixation has at least this share of all fixations, and one more, around it. */
  min_fraction: z.number().min(0).max(1).default(0.1),
  /** Of the map's sum and spread in a step's cost; scaled to sum 1. */
  weights: z.strictObject({ m00: z.number().min(0).max(1), i1: z.number().min(0).max(1) })
    .refine(({ m00, i1 }) => m00 + i1 > 0, "Cannot use weights that are both 0")
    .default({ m00: 0.7, i1: 0.3 }),
  size: mapSize,
  ...heatmapParams,
  /** The published maps (as in the other measures), and x divided by the height and y by the width. */
  parity: z.boolean().default(false),
}).superRefine(refuseBesideParity);

type Params = z.output<typeof params>;

export const tima: Measure<typeof params> = {
  title: "TIMA",
  about: "Clusters of fixations in space and time, aligned by their moments.",
  params,
  components: ["score"],
  input: "scanpath",
  async prepare(gpu, comparands, options, pause) {
    const { timaPairs } = await import("@/gpu/similarity/tima.ts");
    const { m00, i1 } = options.weights;
    const { values, lengths, used } = await clusterMoments(gpu, comparands, options, pause);
    const weights = { m00: m00 / (m00 + i1), i1: i1 / (m00 + i1) };
    return {
      pairs: timaPairs(gpu, { values, stride: 4, lengths }, { weights }),
      valid: Array.from(lengths, (length) => length > 0),
      used,
    };
  },
};

/** The clusters' moments of every comparand behind one another, [clusters, 4], and how many each has. */
async function clusterMoments(
  gpu: Gpu,
  comparands: Comparand[],
  options: Params,
  pause?: () => Promise<void>,
) {
  const clusters: Comparand[] = [];
  const owners: number[] = [];
  for (const [at, comparand] of comparands.entries()) {
    // The time that clusters take grows with the square of the fixations.
    if (comparand.fixations.length > 300) await pause?.();
    for (const fixations of clustersOf(comparand, options)) {
      clusters.push({ ...comparand, fixations });
      owners.push(at);
    }
  }
  const { readMoments } = await import("@/gpu/similarity/moments.ts");
  const { size } = options;
  const { maps, valid, used } = await comparandMaps(
    gpu,
    clusters,
    { columns: size, rows: size },
    options,
    pause,
  );
  const moments = await readMoments(gpu, maps);
  maps.destroy();
  const lengths = new Uint32Array(comparands.length);
  const values: number[] = [];
  owners.forEach((owner, at) => {
    if (!valid[at]) return;
    lengths[owner]++;
    values.push(moments[2 * at], moments[2 * at + 1], 0, 0);
  });
  return { values: Float32Array.from(values), lengths, used };
}

/** Fixations of every cluster, clusters in order of their first core fixation. */
export function clustersOf(
  { fixations, width, height }: Pick<Comparand, "fixations" | "width" | "height">,
  { eps, min_fraction, parity }: Pick<Params, "eps" | "min_fraction" | "parity">,
): Fixation[][] {
  const count = fixations.length;
  const [across, down] = parity ? [height, width] : [width, height];
  const points = fixations.map(({ x, y }, k) => [x / across, y / down, k / count]);
  // 0.1 * 30 is a little more than 3, but the rule means 3.
  const minSamples = Math.floor(count * min_fraction + 1e-9) + 1;
  const labels = dbscan(points, { eps, minSamples });
  const clusters: Fixation[][] = [];
  labels.forEach((label, k) => {
    if (label >= 0) (clusters[label] ??= []).push(fixations[k]);
  });
  return clusters;
}
