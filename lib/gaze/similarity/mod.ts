/** The registry of similarity measures, and the matrix of one. */
import { z } from "zod";
import { filled } from "@/lib/filled_schema.ts";
import type { Gpu } from "@/gpu/device.ts";
import type { Item, Measure } from "./measure.ts";
import { cc } from "./cc.ts";
import { dhash } from "./dhash.ts";
import { dtw } from "./dtw.ts";
import { histogram } from "./histogram.ts";
import { kl } from "./kl.ts";
import { moments } from "./moments.ts";
import { multimatch } from "./multimatch.ts";
import { Distribution, type DistributionData } from "./distribution.ts";
import { Matrix } from "./matrix.ts";
import { tima } from "./tima.ts";
import { forEachTile, type TileOptions } from "./tiles.ts";

export const measures = {
  multimatch,
  moments,
  dhash,
  tima,
  cc,
  kl,
  histogram,
  dtw,
};

export type MeasureName = keyof typeof measures;

/** A measure in a form that asks nothing of its parameters, which were parsed by its own schema. */
export function measureOf(name: MeasureName): Measure {
  return measures[name] as unknown as Measure;
}

/** Parameters of a measure, every default filled in. */
export type MeasureParams = {
  [Name in MeasureName]: z.output<(typeof measures)[Name]["params"]>;
}[MeasureName];

export const measureParamsSchema = z.union(
  Object.values(measures).map(({ params }) => filled(params as z.ZodObject)),
) as unknown as z.ZodType<MeasureParams>;

/** A matrix in memory. */
export interface Similarity {
  /** Names of rows and columns. */
  images: string[];
  /** The first is the similarity itself. */
  components: string[];
  /** [components, N, N], symmetric, diagonal 1, NaN where invalid. */
  values: Float32Array<ArrayBuffer>;
  /** Images without valid gaze. */
  invalid: string[];
  histogram: DistributionData;
}

/** Similarity of all pairs of images; `params` may leave out what has a default. */
export async function computeSimilarity(
  gpu: Gpu,
  name: MeasureName,
  items: Item[],
  params: Record<string, unknown> = {},
  options: TileOptions = {},
): Promise<Similarity> {
  const measure: Measure = measureOf(name);
  const { components } = measure;
  const matrix = new Matrix(items.length, components.length);
  const distribution = new Distribution(measure.range ?? [0, 1]);
  const { invalid } = await forEachTile(gpu, measure, items, {
    ...options,
    params: measure.params.parse(params),
    sinks: [matrix, distribution],
  });
  return {
    images: items.map(({ id }) => id),
    components,
    values: matrix.values,
    invalid,
    histogram: distribution.data,
  };
}
