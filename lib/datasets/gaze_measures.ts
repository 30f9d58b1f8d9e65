/** Measures of a whole data set's gaze: a row for every recording, or for every pair of readers. */
import { z } from "zod";
import { agreements, readerAgreementSchema } from "@/lib/gaze/agreement.ts";
import { scanpathMeasures, scanpathMeasuresSchema } from "@/lib/gaze/measures.ts";
import { comparedLabel, findingsOf } from "./multi_label.ts";
import type { DatasetRow, GazeRow, ImageRow, Store } from "@/lib/store/mod.ts";
import { type Column, columnsOf } from "@/lib/table_file.ts";
import { Turns } from "@/lib/turns.ts";

const image = {
  image: z.string(),
  label: z.string().nullable()
    .describe("In a multi-label set all findings, joined by +, where all are known"),
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

/** Rows of one image, from all of its gaze; `reader` picks some. */
type RowsOf<Table extends MeasureTable> = (
  image: ImageRow,
  gaze: GazeRow[],
  reader?: string,
) => Iterable<MeasureRow<Table>>;

export const measureTables: { [Table in MeasureTable]: RowsOf<Table> } = { scanpaths, agreement };

function* scanpaths(
  image: ImageRow,
  gaze: GazeRow[],
  reader?: string,
): Generator<MeasureRow<"scanpaths">> {
  const { name, label, patient } = image;
  for (const row of gaze) {
    if (reader !== undefined && row.reader !== reader) continue;
    const { format, fixations, dropped, data_loss } = row;
    const measures = scanpathMeasures(fixations, image, data_loss);
    yield { image: name, label, patient, reader: row.reader, format, ...measures, dropped };
  }
}

function* agreement(
  image: ImageRow,
  gaze: GazeRow[],
  reader?: string,
): Generator<MeasureRow<"agreement">> {
  const { name, label, patient } = image;
  for (const pair of agreements(gaze, image)) {
    if (reader !== undefined && pair.reader_1 !== reader && pair.reader_2 !== reader) continue;
    yield { image: name, label, patient, ...pair };
  }
}

/** Rows of some images, in their order. */
export async function measureRowsOf<Table extends MeasureTable>(
  store: Store,
  dataset: DatasetRow,
  images: ImageRow[],
  { table, reader }: { table: Table; reader?: string },
): Promise<MeasureRow<Table>[]> {
  const gaze = await store.gaze.ofImages(images.map(({ id }) => id));
  const classes = findingsOf(dataset);
  return images.flatMap((image) => {
    const row = { ...image, label: comparedLabel(image, classes) };
    return [...measureTables[table](row, gaze.get(image.id) ?? [], reader)];
  });
}

/** Images of a page; the gaze of one is looked at at a time, which may be much. */
const AT_ONCE = 100;

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
    const page = await store.images.listOf(dataset.id, { after, limit: AT_ONCE });
    for (const image of page.data) {
      yield await measureRowsOf(store, dataset, [image], { table, reader });
      await turns.give();
    }
    after = page.next ?? undefined;
  } while (after !== undefined);
}
