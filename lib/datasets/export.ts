/** A data set as a ZIP that gives the same data set when it is uploaded again. */
import { csvLine } from "@/lib/csv.ts";
import { Turns } from "@/lib/turns.ts";
import { findingsOf, knownOf } from "./multi_label.ts";
import { bytesToSamples } from "./recording.ts";
import { writeZip, type ZipFile } from "./zip_writer.ts";
import { SAMPLE_STRIDE } from "@/lib/gaze/gaze.ts";
import type { DatasetRow } from "@/lib/store/datasets.ts";
import type { ImageRow } from "@/lib/store/images.ts";
import type { Store } from "@/lib/store/mod.ts";

const endings = { png: "png", jpeg: "jpg", pnm: "pgm", dicom: "png" } as const;

const encoder = new TextEncoder();

const samplesOf = (image: string) => `the gaze samples on image "${image}"`;

/**
 * Makes sure that all files of a data set are what was stored: an archive that has begun can only break off.
 * @throws {Damaged} that names the first which is not
 */
export async function verifyFiles(store: Store, dataset: DatasetRow): Promise<void> {
  const { files } = store;
  const samples = await store.gaze.samplesFiles(dataset.id);
  const maps = await store.heatmaps.ofDataset(dataset.id);
  const turns = new Turns();
  for (const { id, name, file } of await imagesOf(store, dataset)) {
    await files.verify(file, `image "${name}"`);
    for (const map of maps.get(id) ?? []) {
      await files.verify(map.file, `a heatmap on image "${name}"`);
    }
    for (const file of samples.get(id) ?? []) await files.verify(file, samplesOf(name));
    await turns.give();
  }
}

export interface ExportOptions {
  /** A table of fixations ends at the next image once it has so many bytes. */
  tableBytes?: number;
}

/** Streams the archive; files are read one at a time. */
export function exportArchive(
  store: Store,
  dataset: DatasetRow,
  { tableBytes = 16 * 2 ** 20 }: ExportOptions = {},
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return ReadableStream.from(writeZip(filesOfArchive(store, dataset, tableBytes)));
}

async function* filesOfArchive(
  store: Store,
  dataset: DatasetRow,
  tableBytes: number,
): AsyncGenerator<ZipFile> {
  const { structured, positive_label, names, meta } = dataset;
  // A new set hashes them where nothing is said.
  const kept = names === "keep" ? { names } : {};
  const images = await imagesOf(store, dataset);
  yield text(
    "dataset.json",
    JSON.stringify({ structured, positive_label, ...kept, ...meta }, null, 2) + "\n",
  );
  yield { name: "labels.csv", data: await labelsTable(images, findingsOf(dataset)) };
  const readings = await readingsTable(store, images);
  if (readings.length > 1) yield { name: "readings.csv", data: readings };
  yield* gazeFiles(store, dataset, images, tableBytes);
  const maps = await store.heatmaps.ofDataset(dataset.id);
  const turns = new Turns();
  for (const image of images) {
    await turns.give();
    yield {
      name: `images/${image.name}.${endings[image.format]}`,
      data: await store.files.read(image.file, `image "${image.name}"`),
    };
    for (const { reader, file } of maps.get(image.id) ?? []) {
      const folder = reader === "" ? "" : `${reader}/`;
      const data = await store.files.read(file, `a heatmap on image "${image.name}"`);
      const ending = data[0] === 0xff ? "jpg" : "png";
      yield { name: `heatmaps/${folder}${image.name}.${ending}`, data };
    }
  }
}

/** Images whose rows are read or written without a turn for others. */
const ROWS_AT_ONCE = 200;

/** All images in the order of their names. */
async function imagesOf(store: Store, { id }: DatasetRow): Promise<ImageRow[]> {
  const images: ImageRow[] = [];
  const turns = new Turns();
  let after: string | undefined;
  do {
    const page = await store.images.listOf(id, { after, limit: ROWS_AT_ONCE });
    images.push(...page.data);
    await turns.give();
    after = page.next ?? undefined;
  } while (after !== undefined);
  return images;
}

/** A table, its head and some images' lines after the other. */
async function tableOf(
  head: string,
  images: ImageRow[],
  linesOf: (images: ImageRow[]) => string | Promise<string>,
): Promise<Uint8Array[]> {
  const parts = [encoder.encode(head)];
  const turns = new Turns();
  for (let from = 0; from < images.length; from += ROWS_AT_ONCE) {
    const lines = await linesOf(images.slice(from, from + ROWS_AT_ONCE));
    if (lines !== "") parts.push(encoder.encode(lines));
    await turns.give();
  }
  return parts;
}

/** A column of the label, or of a multi-label set one for each finding, empty where that is not known. */
async function labelsTable(images: ImageRow[], classes: string[] | null): Promise<Uint8Array[]> {
  const header = classes ?? ["label"];
  return await tableOf(
    csvLine("image", ...header, "patient", "split"),
    images,
    (some) =>
      some.map((i) => {
        const said = classes ? classes.map((name) => knownOf(i.findings, name)) : [i.label];
        return csvLine(i.name, ...said, i.patient, i.split);
      }).join(""),
  );
}

async function readingsTable(store: Store, images: ImageRow[]): Promise<Uint8Array[]> {
  const head = csvLine("image", "reader", "condition", "label", "confidence", "rating");
  return await tableOf(
    head,
    images,
    async (some) =>
      (await store.readings.ofImages(some.map(({ id }) => id))).map(
        ({ image, reader, condition, label, confidence, rating }) =>
          csvLine(image, reader, condition, label, confidence, rating),
      ).join(""),
  );
}

function text(name: string, value: string): ZipFile {
  return { name, data: encoder.encode(value) };
}

/**
 * Fixations in one table, of many in several; samples, where there are any, in a table per recording. The gaze of
 * one image is held at a time.
 */
async function* gazeFiles(
  store: Store,
  dataset: DatasetRow,
  images: ImageRow[],
  tableBytes: number,
): AsyncGenerator<ZipFile> {
  const head = encoder.encode(csvLine("image", "reader", "x", "y", "start_s", "duration_s"));
  const turns = new Turns();
  let fixations = [head];
  let bytes = 0;
  let tables = 0;
  let samples = 0;
  const table = (): ZipFile => ({
    name: `gaze/fixations${tables++ === 0 ? "" : `_${tables}`}.csv`,
    data: fixations,
  });
  const withGaze = await store.gaze.has(dataset.id);
  for (const { id, name } of withGaze ? images : []) {
    for (const row of await store.gaze.ofImage(id)) {
      let lines = "";
      for (const { x, y, start, duration } of row.fixations) {
        lines += csvLine(name, row.reader, x, y, start, duration);
      }
      const encoded = encoder.encode(lines);
      fixations.push(encoded);
      bytes += encoded.length;
      await turns.give();
      if (!row.samples_file) continue;
      const numbers = bytesToSamples(await store.files.read(row.samples_file, samplesOf(name)));
      let csv = csvLine("image", "reader", "t_s", "x", "y", "valid");
      for (let at = 0; at < numbers.length; at += SAMPLE_STRIDE) {
        const [t, x, y, valid] = numbers.subarray(at, at + SAMPLE_STRIDE);
        csv += csvLine(name, row.reader, t, finite(x), finite(y), valid);
      }
      yield text(`gaze/samples_${++samples}.csv`, csv);
    }
    if (bytes > tableBytes) {
      yield table();
      fixations = [head];
      bytes = 0;
    }
  }
  if (withGaze && (bytes > 0 || tables === 0)) yield table();
}

const finite = (value: number) => Number.isFinite(value) ? value : null;
