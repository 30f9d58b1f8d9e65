/** Measures of a whole data set's gaze: a row for every recording, or for every pair of readers. */
import { csvLine, type CsvValue } from "@/lib/csv.ts";
import { agreements } from "@/lib/gaze/agreement.ts";
import { scanpathMeasures } from "@/lib/gaze/measures.ts";
import type { DatasetRow, ImageRow, Store } from "@/lib/store/mod.ts";

export type MeasureRow = Record<string, CsvValue>;

/** Rows of one image; `readers` picks some. */
type RowsOf = (store: Store, image: ImageRow, reader?: string) => Iterable<MeasureRow>;

export const measureTables = { scanpaths, agreement } satisfies Record<string, RowsOf>;
export type MeasureTable = keyof typeof measureTables;

const headers: Record<MeasureTable, string[]> = {
  scanpaths: [
    ...["image", "label", "patient", "reader", "format"],
    ...Object.keys(scanpathMeasures([], { width: 1, height: 1 })),
    "dropped",
  ],
  agreement: [
    ...["image", "label", "patient", "reader_1", "reader_2"],
    ...["cc", "sim", "kl_1_2", "kl_2_1", "nss_1_2", "nss_2_1"],
  ],
};

function* scanpaths(store: Store, image: ImageRow, reader?: string): Generator<MeasureRow> {
  const { name, label, patient } = image;
  for (const row of store.gaze.ofImage(image.id, reader)) {
    const { format, fixations, dropped, data_loss } = row;
    const measures = scanpathMeasures(fixations, image, data_loss);
    yield { image: name, label, patient, reader: row.reader, format, ...measures, dropped };
  }
}

function* agreement(store: Store, image: ImageRow, reader?: string): Generator<MeasureRow> {
  const { name, label, patient } = image;
  for (const pair of agreements(store.gaze.ofImage(image.id), image)) {
    if (reader !== undefined && pair.reader_1 !== reader && pair.reader_2 !== reader) continue;
    yield { image: name, label, patient, ...pair };
  }
}

/** Images whose gaze is looked at before others get their turn. */
const AT_ONCE = 10;

/** The whole table as CSV, image by image. */
export function measuresCsv(
  store: Store,
  dataset: DatasetRow,
  table: MeasureTable,
  reader?: string,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return ReadableStream.from(parts()).pipeThrough(new TextEncoderStream());

  async function* parts(): AsyncGenerator<string> {
    yield csvLine(...headers[table]);
    let after: string | undefined;
    do {
      const page = store.images.listOf(dataset.id, { after, limit: AT_ONCE });
      let text = "";
      for (const image of page.data) {
        for (const row of measureTables[table](store, image, reader)) {
          text += csvLine(...headers[table].map((column) => row[column]));
        }
      }
      if (text !== "") yield text;
      after = page.next ?? undefined;
      await new Promise((resolve) => setTimeout(resolve));
    } while (after !== undefined);
  }
}
