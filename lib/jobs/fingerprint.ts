/** What a job's result depends on, as one number: jobs with the same fingerprint have the same result. */
import { createHash } from "node:crypto";
import { specOf } from "@/lib/specs/mod.ts";
import type { Store } from "@/lib/store/mod.ts";

/** Fields that change nothing about the result. */
const IRRELEVANT = ["name", "report_every", "dataset", "resume"];

/**
 * SHA-256 of a resolved spec, in which models and similarities stand with the SHA-256 of their content and
 * the data set with its digest; null for a job whose data set has no digest.
 */
export async function fingerprint(
  store: Pick<Store, "models" | "similarities">,
  { kind, spec }: { kind: string; spec: Record<string, unknown> },
): Promise<string | null> {
  if (specOf(kind)?.made || spec.dataset_digest === undefined) return null;
  const content = await Promise.all(
    Object.entries(spec).filter(([field]) => !IRRELEVANT.includes(field)).map(async (
      [field, value],
    ) => {
      if (typeof value !== "string") return [field, value];
      if (field === "similarity") {
        return [field, (await store.similarities.find(value))?.file ?? value];
      }
      if (field === "init" || field === "model") {
        return [field, (await store.models.find(value))?.file ?? value];
      }
      return [field, value];
    }),
  );
  return createHash("sha256").update(canonical({ kind, ...Object.fromEntries(content) })).digest(
    "hex",
  );
}

/** JSON with the fields of every object in their alphabetical order. */
function canonical(value: unknown): string {
  return JSON.stringify(
    value,
    (_, inner) =>
      inner !== null && typeof inner === "object" && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0))
        : inner,
  );
}
