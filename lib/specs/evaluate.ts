/** The spec of an `evaluate` job: all metrics of a classifier on images it is asked about. */
import { z } from "zod";
import { InvalidInput } from "@/lib/errors.ts";
import { filled } from "@/lib/filled_schema.ts";
import { addedFields, type JobSpec } from "./spec.ts";
import { parseSpec } from "./parse.ts";
import { reference } from "./reference.ts";

const schema = z.strictObject({
  /** Id, alias or name of a classifier. */
  model: reference("classifiers"),
  dataset: reference("datasets"),
  /**
   * Which images: those of a split (as the model's own fine-tuning made it when it was on this data
   * set, else as given with the data set), or all that have a label.
   */
  split: z.enum(["train", "validation", "test", "all"]).default("all"),
  batch_size: z.int().min(1).max(64).default(16),
});

export type EvaluateSpec = z.output<typeof schema>;

/** @throws {InvalidInput} naming each field that is wrong */
export function parseEvaluate(spec: unknown): EvaluateSpec {
  return parseSpec(schema, spec);
}

const kept = filled(z.object({ ...schema.shape, ...addedFields })).meta({ id: "EvaluateSpec" });
const result = z.object({ evaluation: z.string().describe("Id") });

export const evaluate: JobSpec<typeof schema, typeof kept, typeof result> = {
  title: "Evaluation",
  about: "All metrics of a classifier on images of a data set.",
  ...{ schema, kept, result },
  resolve(spec, store) {
    const model = store.models.resolve(spec.model);
    if (model.spec.classes.length === 0) {
      throw new InvalidInput(`Cannot evaluate model "${spec.model}": it has no classes`, [
        { pointer: "/model", message: "a classifier is needed" },
      ]);
    }
    return { ...spec, model: model.id };
  },
};
