/** The report of a data set: what was said of all that came into it, and what was made of each recording. */
import { z } from "zod";
import { type Problem, problemSchema } from "@/lib/problems.ts";
import { recordingFactsSchema } from "@/lib/gaze/gaze.ts";
import { type DatasetRow, newId, now, type ReportRow, type Store } from "@/lib/store/mod.ts";

export const warningKindSchema = z.object({
  kind: z.string().describe("The sentence, without names and numbers"),
  count: z.number(),
  example: problemSchema,
}).meta({ id: "WarningKind" });
export type WarningKind = z.output<typeof warningKindSchema>;

const entrySchema = z.object({
  id: z.string(),
  kind: z.enum(["import", "add", "gaze", "labels", "readings"]),
  created_at: z.iso.datetime(),
  warning_kinds: z.array(warningKindSchema).describe("All its warnings, counted by what they say"),
  report: z.record(z.string(), z.unknown()).describe("As it was answered then"),
});

const recordingReportSchema = z.object({
  image: z.string(),
  reader: z.string(),
  format: z.string(),
  fixations: z.number(),
  dropped: z.number().describe("Fixations left out: off the image, or without a position"),
  data_loss: z.number().describe("Share of the recording without gaze, 0 to 1"),
  assumptions: z.array(z.string()).describe("Unit, eye, filter and its parameters, mapping"),
  facts: recordingFactsSchema.nullable().describe("Null for what older versions have read"),
});

export const datasetReportSchema = z.object({
  dataset: z.string(),
  digest: z.string(),
  warning_kinds: z.array(warningKindSchema).describe("Of all entries together"),
  entries: z.array(entrySchema).describe("The import and what came to it, in order"),
  recordings: z.object({
    total: z.number(),
    data: z.array(recordingReportSchema),
    has_more: z.boolean(),
    next: z.string().nullable().describe("Name of an image, for `after`"),
  }),
}).meta({ id: "DatasetReport" });
export type DatasetReport = z.output<typeof datasetReportSchema>;

/** Reports that are kept of what is put in file by file. */
const MOST_ENTRIES = 1000;
/** Kinds of one report; a file whose every line is wrong in words of its own has more. */
const MOST_KINDS = 100;

/** Warnings that say the same of different files, names and numbers are one kind. The most frequent first. */
export function warningKinds(warnings: Problem[]): WarningKind[] {
  const kinds = new Map<string, WarningKind>();
  for (const example of warnings) {
    const kind = example.message.replace(/"[^"]*"/g, '"…"').replace(/\d+(?:\.\d+)?/g, "N");
    const known = kinds.get(kind);
    if (known) known.count++;
    else kinds.set(kind, { kind, count: 1, example });
  }
  return [...kinds.values()].toSorted((a, b) => b.count - a.count).slice(0, MOST_KINDS);
}

/** Keeps what is answered; in the transaction of the change itself. A new import forgets what was before. */
export async function keepReport(
  store: Store,
  name: string,
  kind: ReportRow["kind"],
  report: object,
): Promise<void> {
  const { id: dataset_id } = await store.datasets.byName(name);
  if (kind === "import") await store.reports.clear(dataset_id);
  await store.reports.insert({
    id: newId("rp"),
    dataset_id,
    kind,
    report: report as Record<string, unknown>,
    created_at: now(),
  });
  await store.reports.keepNewest(dataset_id, kind, MOST_ENTRIES);
}

/** The whole report; `page` picks images by name for the recordings. */
export async function datasetReport(
  store: Store,
  dataset: DatasetRow,
  page: { limit?: number; after?: string },
): Promise<DatasetReport> {
  const entries = (await store.reports.ofDataset(dataset.id)).map((
    { id, kind, created_at, report },
  ) => ({
    id,
    kind,
    created_at,
    warning_kinds: report.warning_kinds as WarningKind[] ??
      warningKinds(report.warnings as Problem[] ?? []),
    report,
  }));
  const { data: images, has_more, next } = await store.images.listOf(dataset.id, page);
  const gaze = await store.gaze.ofImages(images.map(({ id }) => id));
  const data = images.flatMap((image) =>
    (gaze.get(image.id) ?? []).map((row) => ({
      image: image.name,
      reader: row.reader,
      format: row.format,
      fixations: row.fixations.length,
      dropped: row.dropped,
      data_loss: row.data_loss,
      assumptions: row.assumptions,
      facts: row.facts ?? null,
    }))
  );
  return {
    dataset: dataset.name,
    digest: await store.datasets.digestOf(dataset),
    warning_kinds: together(entries.flatMap(({ warning_kinds }) => warning_kinds)),
    entries,
    recordings: { total: await store.gaze.countOf(dataset.id), data, has_more, next },
  };
}

function together(kinds: WarningKind[]): WarningKind[] {
  const sums = new Map<string, WarningKind>();
  for (const one of kinds) {
    const known = sums.get(one.kind);
    if (known) known.count += one.count;
    else sums.set(one.kind, { ...one });
  }
  return [...sums.values()].toSorted((a, b) => b.count - a.count);
}
