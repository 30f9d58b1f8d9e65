/** Measures of a whole data set's gaze: a row for every recording, or for every pair of readers. */
import { z } from "zod";
import { agreements, readerAgreementSchema } from "@/lib/gaze/agreement.ts";
import { scanpathMeasures, scanpathMeasuresSchema } from "@/lib/gaze/measures.ts";
import type { DatasetRow, ImageRow, Store } from "@/lib/store/mod.ts";
import { type Column, columnsOf } from "@/lib/table_file.ts";
import { Turns } from "@/lib/turns.ts";

const image = {
  image: z.string(),
  label: z.string().nullable(),
  patient: z.string().nullable(),
};

/** The rows of each table; their fields are the columns of its CSV. */
export const measureRows = {
  scanpaths: z.object({
    ...image,
    reader: z.string(),
    format: z.string(),
    ...scanpathMeasuresSchema.shape,
    dropped: z.number(),
  }).meta({ id: "ScanpathRow", description: "The measures of one recording" }),
  agreement: z.object({ ...image, ...readerAgreementSchema.shape })
    .meta({ id: "ReaderAgreementRow", description: "The measures of one pair of readers" }),
};

export type MeasureTable = keyof typeof measureRows;
type MeasureRow<Table extends MeasureTable> = z.output<(typeof measureRows)[Table]>;

/** Rows of one image; `readers` picks some. */
type RowsOf<Table extends MeasureTable> = (
  store: Store,
  image: ImageRow,
  reader?: string,
) => Iterable<MeasureRow<Table>>;

export const measureTables: { [Table in MeasureTable]: RowsOf<Table> } = { scanpaths, agreement };

function* scanpaths(
  store: Store,
  image: ImageRow,
  reader?: string,
): Generator<MeasureRow<"scanpaths">> {
  const { name, label, patient } = image;
  for (const row of store.gaze.ofImage(image.id, reader)) {
    const { format, fixations, dropped, data_loss } = row;
    const measures = scanpathMeasures(fixations, image, data_loss);
    yield { image: name, label, patient, reader: row.reader, format, ...measures, dropped };
  }
}

function* agreement(
  store: Store,
  image: ImageRow,
  reader?: string,
): Generator<MeasureRow<"agreement">> {
  const { name, label, patient } = image;
  for (const pair of agreements(store.gaze.ofImage(image.id), image)) {
    if (reader !== undefined && pair.reader_1 !== reader && pair.reader_2 !== reader) continue;
    yield { image: name, label, patient, ...pair };
  }
}

/** Images whose gaze is looked at before others get their turn. */
const AT_ONCE = 10;

/** Columns of the whole table. */
export const measureColumns = (table: MeasureTable): Column[] => columnsOf(measureRows[table]);

/** Rows of the whole table, some images at a time. */
export async function* measureBatches(
  store: Store,
  dataset: DatasetRow,
  table: MeasureTable,
  reader?: string,
): AsyncGenerator<MeasureRow<MeasureTable>[]> {
  const turns = new Turns();
  let after: string | undefined;
  do {
    const page = store.images.listOf(dataset.id, { after, limit: AT_ONCE });
    let rows: MeasureRow<MeasureTable>[] = [];
    for (const image of page.data) {
      rows.push(...measureTables[table](store, image, reader));
      if (!turns.due) continue;
      yield rows;
      rows = [];
      await turns.give();
    }
    yield rows;
    after = page.next ?? undefined;
  } while (after !== undefined);
}
