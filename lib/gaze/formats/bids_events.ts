/** Which images were shown when, by `stim_file` in the events beside a BIDS recording. */
import type { GazeOptions } from "./format.ts";
import { readTable } from "./gaze_table.ts";
import { GazeSink } from "./sink.ts";
import { Text } from "./text.ts";

export interface Showing {
  image: string;
  /** s, as the events count. */
  start: number;
  end: number;
}

export async function showings(options: GazeOptions, sink: GazeSink): Promise<Showing[]> {
  const { beside, file, columns } = options;
  const shown: Showing[] = [];
  const stem = file.replace(/(_recording-[^_]+)?_(physio|eyetrack)\.tsv(\.gz)?$/, "_events.tsv");
  const name = [stem, `${stem}.gz`].find((name) => beside?.names.includes(name));
  if (name === undefined) return shown;
  const text = await Text.open(await beside!.read(name), name);
  const roles = columns?.image === undefined ? undefined : { image: columns.image };
  const events = new GazeSink({ file: name, columns: roles }, "bids");
  if (roles) sink.use("columns.image");
  await readTable(text, events, (table) => {
    const [onset, duration] = ["onset", "duration"].map((column) => table.find(column));
    const image = table.findRole("image", "stim_file");
    return (row) => {
      const path = table.text(row, image);
      const start = table.number(row, onset);
      if (path === "" || path === "n/a" || Number.isNaN(start)) return;
      const length = table.number(row, duration);
      const previous = shown.at(-1);
      if (previous && previous.end === Infinity) previous.end = start;
      const end = length > 0 ? start + length : Infinity;
      shown.push({ image: sink.imageByPath(path), start, end });
    };
  });
  events.stopIfWrong();
  return shown.sort((a, b) => a.start - b.start);
}
