/** Readers' decisions put into a data set that exists, and taken out. No job reads them, so that none is in the way. */
import { z } from "zod";
import { InvalidInput } from "@/lib/errors.ts";
import { problemSchema } from "@/lib/problems.ts";
import { assertSingleLabel } from "./multi_label.ts";
import { ImageNames } from "./image_names.ts";
import { imagesNamed } from "./images_named.ts";
import { matchReadings, readingKey, readingWarnings } from "./matched_readings.ts";
import type { ReadingTable } from "./readings.ts";
import { keepReport } from "./report.ts";
import { type DatasetRow, type NamedReading, newId, type Store } from "@/lib/store/mod.ts";

export const readingSchema = z.object({
  image: z.string(),
  reader: z.string().describe("As the reader's gaze is called"),
  condition: z.string().nullable(),
  label: z.string().nullable().describe("What was decided; null where there is a rating alone"),
  confidence: z.number().nullable().describe("How sure of `label`, 0 to 1"),
  rating: z.number().nullable().describe("Suspicion of the positive class, as it was sent"),
  gaze: z.boolean().describe("Whether this reader's gaze on this image is there"),
}).meta({ id: "Reading" });

export function toReadingView(
  { image, reader, condition, label, confidence, rating, gaze }: NamedReading,
): z.output<typeof readingSchema> {
  return { image, reader, condition: condition || null, label, confidence, rating, gaze };
}

export const readingsReportSchema = z.object({
  readings: z.number().describe("That came"),
  replaced: z.number().describe("That were there and are no longer"),
  readers: z.array(z.string()).describe("Who read, under the names that are kept"),
  conditions: z.array(z.string()).describe("That were named"),
  warnings: z.array(problemSchema),
}).meta({ id: "ReadingsReport" });
export type ReadingsReport = z.output<typeof readingsReportSchema>;

/** The classes of a data set: its images' labels, and the one that is named as positive. */
export async function classesOf(
  store: Store,
  { id, positive_label }: Pick<DatasetRow, "id" | "positive_label">,
): Promise<Set<string>> {
  const labels = [...(await store.images.labels(id)).keys()].filter((label) => label !== null);
  return new Set(labels.length === 0 ? [] : [...labels, ...positive_label ? [positive_label] : []]);
}

export interface PutReadingsOptions {
  /** In the place of all that are there, or besides them. */
  mode: "replace" | "add";
  /** What becomes of readings of the same image by the same reader under the same condition. */
  same: "refuse" | "replace";
}

/**
 * Puts readings in, in the place of all that are there or besides them; all or none.
 * @throws {NotFound}
 * @throws {InvalidInput} for images and classes that are not there, and readings that are there already
 */
export async function putReadings(
  store: Store,
  dataset: string,
  { readings: sent, warnings: told }: ReadingTable,
  { mode, same }: PutReadingsOptions,
): Promise<ReadingsReport> {
  return await store.db.transaction(async () => {
    const row = await store.datasets.byName(dataset);
    assertSingleLabel(row, "use readings");
    const classes = await classesOf(store, row);
    const references = new Set(sent.map(({ image }) => image));
    const images = await imagesNamed(store, row.id, references) ??
      await store.images.all(row.id);
    const names = new ImageNames(images, { keyed: store });
    const { readings, unknown, problems } = matchReadings(sent, { names, classes, keyed: store });
    problems.push(
      ...unknown.map(({ message, ...at }) => ({
        ...at,
        message: `Cannot find the image: ${message}`,
      })),
    );
    const there = new Map(
      (mode === "replace" ? [] : await store.readings.ofDataset(row.id))
        .map((reading) => [readingKey(reading.image, reading), reading.id]),
    );
    const again = readings.flatMap((reading) => {
      const id = there.get(readingKey(reading.image.name, reading));
      return id === undefined ? [] : [{ id, reading }];
    });
    if (same === "refuse") {
      for (const { reading: { image, reader, at } } of again) {
        const message =
          `Cannot add a reading of "${image.name}" by reader "${reader}": the data set ` +
          "has one (same=replace takes the new one)";
        problems.push({ ...at, message });
      }
    }
    if (problems.length > 0) {
      throw new InvalidInput("Cannot use the readings", problems.slice(0, 100));
    }
    let replaced = again.length;
    for (const { id } of again) await store.readings.remove(id);
    if (mode === "replace") replaced = await store.readings.clear(row.id);
    await store.readings.insertAll(readings.map(({ image, at: _, ...decision }) => ({
      id: newId("rd"),
      image_id: image.id,
      ...decision,
    })));
    const gazeReaders = new Set((await store.gaze.readers(row.id)).map(({ reader }) => reader));
    const whole = readingWarnings(readings, { classes, positive: row.positive_label, gazeReaders });
    const report: ReadingsReport = {
      ...{ readings: readings.length, replaced },
      readers: [...new Set(readings.map(({ reader }) => reader))].sort(),
      conditions: [...new Set(readings.map(({ condition }) => condition))]
        .filter((condition) => condition !== "").sort(),
      warnings: [...told, ...whole.map((message) => ({ message }))],
    };
    await keepReport(store, dataset, "readings", report);
    await store.datasets.recounted(row.id);
    return report;
  });
}

/** Removes all readings of a data set. @throws {NotFound} */
export async function deleteReadings(store: Store, dataset: string): Promise<void> {
  await store.db.transaction(async () => {
    const { id } = await store.datasets.byName(dataset);
    await store.readings.clear(id);
    await store.datasets.recounted(id);
  });
}
