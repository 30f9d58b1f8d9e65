/** REFLACX: a folder per reading, `<reading>/fixations.csv`; which image a reading is of stands in the metadata. */
import type { GazeFormat, GazeOptions } from "./format.ts";
import { delimiterOf, eachRow, headersOf, readTable } from "./gaze_table.ts";
import { Text } from "./text.ts";

const METADATA = /^metadata.*\.csv$/;
/** What a reading holds beside its fixations. */
const READING =
  /^(anomaly_location_ellipses|chest_bounding_box|timestamps_transcription)\.csv$|^transcription\.txt$/;

export const reflacx: GazeFormat = {
  title: "REFLACX fixations",
  detect: (head) => headersOf(head.first).includes("timestamp_start_fixation"),
  isCompanion: (file, folder, names) =>
    METADATA.test(file) || (READING.test(file) && names.includes(`${folder}fixations.csv`)),
  async parse(text, recording, options) {
    const reading = options.file.split("/").at(-2) ?? "";
    const image = options.image ?? await imageOfReading(reading, options) ?? "";
    recording.assume("positions in image px; time in s, from the start of the reading");
    await readTable(text, recording, (table) => {
      const [start, end, x, y] = [
        table.need("timestamp_start_fixation"),
        table.need("timestamp_end_fixation"),
        table.need("average_x_position"),
        table.need("average_y_position"),
      ];
      return (row) => {
        const scanpath = recording.scanpath(image, reading, row.line);
        if (!scanpath) return;
        const [begin, finish] = [table.number(row, start), table.number(row, end)];
        if (finish < begin) {
          recording.problem("a fixation ends before it starts", row.line, end + 1);
        }
        // -1 is a position here, and times are negative before the image was shown.
        const px = Number.isNaN(finish - begin) ? NaN : table.number(row, x);
        scanpath.addFixation(px, table.number(row, y), begin, finish - begin);
      };
    });
  },
};

/** DICOM id of a reading, by the metadata beside the file; the reading itself without. */
async function imageOfReading(
  reading: string,
  { beside }: GazeOptions,
): Promise<string | undefined> {
  const names = beside?.names.filter((name) => /(^|\/)metadata[^/]*\.csv$/.test(name)) ?? [];
  for (const name of names) {
    const text = await Text.open(await beside!.read(name), name);
    const headers = headersOf(text.head.first);
    const [id, image] = [headers.indexOf("id"), headers.indexOf("dicom_id")];
    let found: string | undefined;
    await eachRow(text, delimiterOf(text.head.first), ({ cells }) => {
      if (id >= 0 && image >= 0 && cells[id] === reading) found = cells[image];
    });
    if (found !== undefined) return found;
  }
  return reading === "" ? undefined : reading;
}
