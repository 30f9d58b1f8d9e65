/** What came of an import. */
import { z } from "zod";
import { problemSchema } from "@/lib/problems.ts";
import { nameModes } from "@/lib/store/mod.ts";
import { warningKindSchema } from "./report.ts";

export const importReportSchema = z.object({
  name: z.string(),
  images: z.number(),
  gaze: z.number().describe("Recordings: one per image and reader"),
  readers: z.number().describe("Different readers with gaze"),
  labels: z.number().describe("Images with a label"),
  readings: z.number().describe("Decisions of readers"),
  skipped: z.number().describe("Files that nothing was taken from"),
  names: z.enum(nameModes)
    .describe(
      "Whether names of DICOM files and of patients are kept as keyed hashes, or as they were sent",
    ),
  warnings: z.array(problemSchema).describe("The first thousand"),
  warning_kinds: z.array(warningKindSchema).describe("All warnings, counted by what they say"),
  layout: z.string().describe("As what the archive was read"),
  digest: z.string(),
}).meta({ id: "ImportReport" });
export type ImportReport = z.output<typeof importReportSchema>;
