/** What the Open Inference Protocol, version 2, tells of a classifier and of what it says. */
import { z } from "zod";
import { sizeOf } from "@/lib/images/image_size.ts";
import type { ModelRow, PredictionRow } from "@/lib/store/mod.ts";

const tensorSchema = z.object({
  name: z.string(),
  datatype: z.enum(["FP32", "BYTES"]),
  shape: z.array(z.number()).describe("-1 for any number"),
});

export const inferenceModelSchema = z.object({
  name: z.string(),
  versions: z.array(z.string()),
  platform: z.string(),
  inputs: z.array(tensorSchema),
  outputs: z.array(tensorSchema),
}).meta({ id: "InferenceModel" });

export const inferenceAnswerSchema = z.object({
  model_name: z.string(),
  model_version: z.string(),
  id: z.string().optional().describe("As the request has it"),
  parameters: z.object({
    unused: z.string().optional().describe("Parameters of the request that nothing depends on"),
  }).optional(),
  outputs: z.array(tensorSchema.extend({
    data: z.union([z.array(z.number()), z.array(z.string())]),
  })),
}).meta({ id: "InferenceAnswer" });
export type InferenceAnswer = z.output<typeof inferenceAnswerSchema>;

export const versionOf = ({ version }: ModelRow) => String(version ?? 1);

/** @param versions all that may be asked for under the model's name */
export function toInferenceModelView(
  row: ModelRow,
  versions: ModelRow[],
): z.output<typeof inferenceModelSchema> {
  const { channels: C, image_size, classes, backbone } = row.spec;
  const { height: H, width: W } = sizeOf(image_size);
  return {
    name: row.id,
    versions: versions.map(versionOf),
    platform: `mcgip_${backbone}`,
    inputs: [
      { name: "pixels", datatype: "FP32", shape: [-1, C, H, W] },
      { name: "images", datatype: "BYTES", shape: [-1] },
    ],
    outputs: outputsOf(row).map((name) =>
      name === "probabilities"
        ? { name, datatype: "FP32" as const, shape: [-1, classes.length] }
        : { name, datatype: "BYTES" as const, shape: [-1] }
    ),
  };
}

/** What a model gives: a multi-label one has no one label an image. */
export function outputsOf({ spec }: Pick<ModelRow, "spec">): ("probabilities" | "labels")[] {
  return spec.multi_label ? ["probabilities"] : ["probabilities", "labels"];
}

/** @param asked.outputs names of those wanted */
export function toInferenceView(
  model: ModelRow,
  rows: PredictionRow[],
  asked: { id?: string; outputs: ("probabilities" | "labels")[]; unused: string[] },
): InferenceAnswer {
  const { classes } = model.spec;
  const N = rows.length;
  const made: Record<"probabilities" | "labels", InferenceAnswer["outputs"][number]> = {
    probabilities: {
      name: "probabilities",
      datatype: "FP32",
      shape: [N, classes.length],
      data: rows.flatMap((row) => classes.map((name) => row.probabilities[name])),
    },
    labels: {
      name: "labels",
      datatype: "BYTES",
      shape: [N],
      data: rows.map(({ label }) => label),
    },
  };
  return {
    model_name: model.id,
    model_version: versionOf(model),
    id: asked.id,
    ...(asked.unused.length > 0 ? { parameters: { unused: asked.unused.join(", ") } } : {}),
    outputs: asked.outputs.map((name) => made[name]),
  };
}
