/** Names of what is stored, as a request gives them; the description of the API tells where they are listed. */
import { z } from "zod";

/** `classifiers` are models that have classes. */
export type Resource = "datasets" | "models" | "classifiers" | "similarities";

export function reference(resource: Resource) {
  return z.string().min(1).max(200).meta({ "x-resource": resource });
}
