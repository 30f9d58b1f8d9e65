/** A model as it is told: its lineage is of its kind. */
import { z } from "zod";
import { backboneSpec, backboneSpecs } from "@/lib/models/specs.ts";
import { type ModelRow, modelSpecSchema, type Store } from "@/lib/store/mod.ts";
import {
  classifierLineageSchema,
  pretrainedLineageSchema,
  uploadedLineageSchema,
} from "./lineage.ts";

function schemaOf<Kind extends ModelRow["kind"], Lineage extends z.ZodObject>(
  kind: Kind,
  lineage: Lineage,
) {
  return z.object({
    id: z.string(),
    name: z.string().nullable(),
    version: z.number().nullable().describe("Counts from 1 within a name; null without one"),
    aliases: z.array(z.string()),
    kind: z.literal(kind),
    job: z.string().nullable().describe("Id of the job that made it"),
    dataset: z.string().nullable().describe("null without one, or once it is deleted"),
    dataset_digest: z.string().nullable(),
    stale: z.boolean().nullable().describe(
      "Whether the data set it was trained on is gone or has changed since; null without one",
    ),
    classes: z.array(z.string()),
    attention_heads: z.number().nullable().describe(
      "Of its class token, whose attention `saliency` draws by the methods attention and rollout; null without one",
    ),
    spec: modelSpecSchema,
    lineage,
    created_at: z.iso.datetime(),
  }).meta({ id: `${kind[0].toUpperCase()}${kind.slice(1)}Model` });
}

export const modelSchema = z.discriminatedUnion("kind", [
  schemaOf("pretrained", pretrainedLineageSchema),
  schemaOf("classifier", classifierLineageSchema),
  schemaOf("uploaded", uploadedLineageSchema),
]).meta({ id: "Model" });
export type Model = z.output<typeof modelSchema>;

export async function toModelView(store: Store, row: ModelRow): Promise<Model> {
  const dataset = row.dataset_id === null ? undefined : await store.datasets.find(row.dataset_id);
  const told = {
    id: row.id,
    name: row.name,
    version: row.version,
    aliases: await store.models.aliasesOf(row.id),
    kind: row.kind,
    job: row.job_id,
    dataset: dataset?.name ?? null,
    dataset_digest: row.dataset_digest,
    stale: row.dataset_id === null
      ? null
      : (dataset && await store.datasets.digestOf(dataset)) !== row.dataset_digest,
    classes: row.spec.classes,
    attention_heads: headsOf(row.spec.backbone),
    spec: row.spec,
    lineage: row.lineage as Model["lineage"],
    created_at: row.created_at,
  } satisfies { [Field in keyof Model]: Model[Field] };
  // Kind and lineage were written together.
  return told as Model;
}

/** Null too for a backbone that only another version knows. */
function headsOf(backbone: string): number | null {
  return Object.hasOwn(backboneSpecs, backbone) ? backboneSpec(backbone).heads ?? null : null;
}
