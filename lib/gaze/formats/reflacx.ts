/**
 * REFLACX: a folder per reading, `main_data/<reading>/fixations.csv` and `gaze_data/<reading>/gaze.csv`; which image
 * a reading is of, and how large it was, stands in the metadata. As its scripts write them: `x_position, y_position`
 * are px of the whole image, taken from the screen by the rectangle that was shown (`xmin_shown_from_image, ...`),
 * which changes with zoom and goes on beyond itself: a position outside it was not on the picture.
 */
import type { GazeOptions } from "./format.ts";
import type { GazeFormat } from "./gaze_format.ts";
import { delimiterOfHead, headersOf } from "./head.ts";
import { eachRow, readTable, type Row, type Table } from "./gaze_table.ts";
import { ofRectangle, type Scanpath } from "./scanpath.ts";
import { isYes, numberOf } from "./table_cell.ts";
import type { GazeSink } from "./sink.ts";
import { Text } from "./text.ts";
import type { Size } from "../gaze.ts";

const SIDES = ["xmin", "ymin", "xmax", "ymax"].map((side) => `${side}_shown_from_image`);

export const reflacx: GazeFormat = {
  title: "REFLACX fixations or gaze",
  detect(head) {
    const headers = headersOf(head.first);
    return headers.includes("timestamp_start_fixation") ||
      (headers.includes("timestamp_sample") && headers.includes("x_position"));
  },
  async parse(text, sink, options) {
    const name = options.file.split("/").at(-2) ?? "";
    const reading = await readingOf(name, options);
    const image = options.image ?? reading?.image ?? name;
    // A folder of the image's name tells no reading: the file's name and the options may tell the reader.
    const reader = options.reader ?? (image === name ? "" : name);
    sink.assume("positions in image px; time in s, from the start of the reading");
    if (reading?.discarded) {
      sink.leaveOut("the metadata says that this reading's gaze was discarded: left out");
    }
    await readTable(text, sink, (table) => {
      const visit = rowsOf(table, sink, reader, image, reading?.size);
      return reading?.discarded ? () => {} : visit;
    });
  },
};

function rowsOf(
  table: Table,
  sink: GazeSink,
  reading: string,
  image: string,
  told?: Size,
): (row: Row) => void {
  const start = table.find("timestamp_start_fixation");
  const end = start < 0 ? -1 : table.need("timestamp_end_fixation");
  const time = start < 0 ? table.need("timestamp_sample") : -1;
  const [x, y] = ["x", "y"].map((axis) =>
    table.need(`${axis}_position`, `average_${axis}_position`)
  );
  const shown = SIDES.map((side) => table.find(side));
  if (shown.every((column) => column >= 0)) {
    sink.assume("positions outside the part of the image that was shown taken as off the image");
  }
  const placed = new Set<Scanpath>();
  return (row) => {
    const scanpath = sink.scanpath(image, reading, row.line);
    if (!scanpath) return;
    if (!placed.has(scanpath) && told && scanpath.size) {
      scanpath.mapping = ofRectangle({ x: 0, y: 0, ...told }, scanpath.size);
      if (told.width !== scanpath.size.width || told.height !== scanpath.size.height) {
        sink.assume(
          "positions taken from the size in the metadata to that of the image in the data set",
        );
      }
    }
    placed.add(scanpath);
    let [px, py] = [table.number(row, x), table.number(row, y)];
    const [left, top, right, bottom] = shown.map((column) => table.number(row, column));
    const beside = right > left && bottom > top &&
      (px < left || px > right || py < top || py > bottom);
    // Beyond the image it is told by its place; within it, the picture did not show that part.
    const hidden = beside && onImage(px, py, scanpath);
    if (hidden) {
      sink.tally("gaze beside the part of the image that was shown left out", row.line);
      px = py = NaN;
    }
    if (time >= 0) {
      const t = table.number(row, time);
      if (Number.isNaN(t)) return sink.tally("rows without a time left out", row.line, time + 1);
      if (sink.inTime(scanpath, t, row.line, time + 1)) scanpath.addSample(t, px, py);
      return;
    }
    const [begin, finish] = [table.number(row, start), table.number(row, end)];
    if (finish < begin) sink.problem("a fixation ends before it starts", row.line, end + 1);
    // Times are negative before the image was shown.
    if (hidden) scanpath.away++;
    else scanpath.addFixation(px, py, begin, finish - begin);
  };
}

function onImage(x: number, y: number, { mapping: { ax, bx, ay, by }, size }: Scanpath): boolean {
  const [px, py] = [x * ax + bx, y * ay + by];
  return px >= 0 && py >= 0 && !(size && (px >= size.width || py >= size.height));
}

interface Reading {
  image: string;
  size?: Size;
  discarded: boolean;
}

/** A reading by the metadata beside the file; undefined without. */
async function readingOf(reading: string, { beside }: GazeOptions): Promise<Reading | undefined> {
  const names = beside?.names.filter((name) => /(^|\/)metadata[^/]*\.csv$/.test(name)) ?? [];
  for (const name of names) {
    const text = await Text.open(await beside!.read(name), name);
    const headers = headersOf(text.head.first);
    const at = (header: string) => headers.indexOf(header);
    let found: Reading | undefined;
    await eachRow(text, delimiterOfHead(text.head), ({ cells }) => {
      if (at("id") < 0 || at("dicom_id") < 0 || cells[at("id")] !== reading) return;
      const [width, height] = ["image_size_x", "image_size_y"].map((header) =>
        numberOf(cells[at(header)]) ?? NaN
      );
      found = {
        image: cells[at("dicom_id")],
        discarded: isYes(cells[at("eye_tracking_data_discarded")]),
        ...(width > 0 && height > 0 ? { size: { width, height } } : {}),
      };
    });
    if (found) return found;
  }
  return undefined;
}
