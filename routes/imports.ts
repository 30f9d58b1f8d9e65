/** What all ways of importing an archive share: its bounds, its options, the import itself. */
import { z } from "zod";
import { limits } from "@/lib/config.ts";
import type { ImportOptions } from "@/lib/datasets/archive.ts";
import type { ImportReport } from "@/lib/datasets/import_report.ts";
import { importInThread } from "@/lib/datasets/import_thread.ts";
import { nameModes } from "@/lib/store/mod.ts";
import { HttpError } from "./problem.ts";
import type { Call } from "./route.ts";

export const namesOption = z.enum(nameModes).optional().describe(
  "Names of DICOM files and of patients: kept as keyed hashes (`hash`, the default of a new data set), or as they " +
    "are sent (`keep`)",
);

/** How an archive comes to what is there. */
export const importModes = {
  mode: z.enum(["replace", "add"]).default("replace")
    .describe("Whether the archive replaces the data set or comes to it"),
  same: z.enum(["refuse", "replace"]).default("refuse")
    .describe(
      "With `mode=add`: what becomes of images, labels, gaze and readings that are there already",
    ),
  names: namesOption,
};
export type ImportModes =
  & Required<Pick<ImportOptions, "mode" | "same">>
  & Pick<ImportOptions, "names">;

/** The archive's bytes at most: what the content may have, as compression only makes it less. */
export const archiveBytes = ({ services: { config } }: Pick<Call, "services">): number =>
  Math.min(limits.archiveBytes, config.maxDatasetBytes ?? Infinity);

/** Nothing is asked for in vain. Throws HttpError 400. */
export function checkModes({ mode, same }: ImportModes): void {
  if (mode === "replace" && same === "replace") {
    throw new HttpError(400, "Cannot use same=replace without mode=add: all is replaced");
  }
}

export async function runImport(
  { services: { store, config } }: Pick<Call, "services">,
  name: string,
  path: string,
  options: ImportModes & Pick<ImportOptions, "dryRun" | "view" | "signal" | "onProgress">,
): Promise<ImportReport> {
  return await importInThread(store, name, path, {
    limits: config.maxDatasetBytes ? { totalBytes: config.maxDatasetBytes } : {},
    ...options,
  });
}
