/** The spec of an `evaluate` job: all metrics of a classifier on images it is asked about. */
import { z } from "zod";
import { assertSameKind, labelledFor } from "@/lib/datasets/labelled.ts";
import { InvalidInput } from "@/lib/errors.ts";
import { filled } from "@/lib/filled_schema.ts";
import { addedFields, type JobSpec, warningsSchema } from "./spec.ts";
import { parseSpec } from "./parse.ts";
import type { ModelRow, Store } from "@/lib/store/mod.ts";
import { reference } from "./reference.ts";

const parts = z.enum(["train", "validation", "test", "all"]);

const schema = z.strictObject({
  /** Id, alias or name of a classifier. */
  model: reference("classifiers"),
  dataset: reference("datasets"),
  /**
   * Which images: those of a split (as the model's own fine-tuning made it when it was on this data
   * set, else as given with the data set), or all that have a label. Not given: the test part where the model
   * was fine-tuned on this data set, else all.
   */
  split: parts.optional(),
  batch_size: z.int().min(1).max(64).default(16),
});

export type EvaluateSpec = z.output<typeof schema> & { split: z.output<typeof parts> };

/** @throws {InvalidInput} naming each field that is wrong */
export function parseEvaluate(spec: unknown): EvaluateSpec {
  return { split: "all", ...parseSpec(schema, spec) };
}

/** The test part, where the model was trained on other images of the data set. */
async function testedPart(
  store: Store,
  model: ModelRow,
  name: string,
): Promise<EvaluateSpec["split"]> {
  const dataset = await store.datasets.byName(name);
  const { split } = model.lineage as { split?: { test: string[] } };
  if (split && model.dataset_digest === await store.datasets.digestOf(dataset)) return "test";
  // Of a set that has changed since, the model's own parts are not to be found any more.
  const given = (await store.images.all(dataset.id)).some(({ split }) => split === "test");
  return model.dataset_id === dataset.id && given ? "test" : "all";
}

const kept = filled(z.object({ ...schema.shape, split: parts, ...addedFields })).meta({
  id: "EvaluateSpec",
});
const result = z.object({ evaluation: z.string().describe("Id"), warnings: warningsSchema });

export const evaluate: JobSpec<typeof schema, typeof kept, typeof result> = {
  title: "Evaluation",
  about: "All metrics of a classifier on images of a data set.",
  ...{ schema, kept, result },
  async resolve(spec, store) {
    const model = await store.models.resolve(spec.model);
    if (model.spec.classes.length === 0) {
      throw new InvalidInput(`Cannot evaluate model "${spec.model}": it has no classes`, [
        { pointer: "/model", message: "a classifier is needed" },
      ]);
    }
    const dataset = await store.datasets.byName(spec.dataset);
    assertSameKind(dataset, model.spec);
    if (model.spec.multi_label) {
      const { rows } = labelledFor(await store.images.all(dataset.id), dataset, model.spec);
      if (rows.length === 0) {
        throw new InvalidInput(
          `Cannot evaluate on "${dataset.name}": of no image any of the model's findings is known`,
          [{ pointer: "/dataset", message: "labels of these findings are needed" }],
        );
      }
    }
    return {
      ...spec,
      model: model.id,
      split: spec.split ?? await testedPart(store, model, spec.dataset),
    };
  },
};
