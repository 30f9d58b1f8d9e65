/** The two eyes of a BIDS recording, which are two files: `recording-eye1` and `recording-eye2`. */
import type { GazeOptions } from "./format.ts";
import type { Point } from "./eyes.ts";
import { type Sidecar, sidecarOf } from "./bids_sidecars.ts";
import { eachRow } from "./gaze_table.ts";
import { numberOf } from "./table_cell.ts";
import type { GazeSink } from "./sink.ts";
import { Text } from "./text.ts";

/** Points of the other eye by the text of their time, or by their number where there are no times. */
export type OtherEye = Map<string, Point>;

/**
 * The eye that is read together with this one; undefined where there is one eye, or one is wanted; "left out" where
 * this file's eye is not wanted, or is read with the other.
 */
export async function otherEyeOf(
  options: GazeOptions,
  kind: string,
  sidecar: Sidecar,
  sink: GazeSink,
): Promise<OtherEye | "left out" | undefined> {
  const { file, beside, eye = "average" } = options;
  const own = /recording-eye([12])/.exec(file)?.[1];
  const twin = file.replace(/recording-eye[12]/, `recording-eye${own === "1" ? 2 : 1}`);
  const both = own !== undefined && (beside?.names.includes(twin) ?? false);
  const wanted = eye === "average" ? undefined : eye;
  if (wanted) {
    sink.useEye();
    const side = sideOf(sidecar, own);
    if (side === wanted) return undefined;
    sink.leaveOut(
      side === undefined
        ? `the sidecar does not say which eye it is (RecordedEye), ${wanted} was asked for: left out`
        : `recording of the ${side} eye, ${wanted} was asked for: left out`,
    );
    return "left out";
  }
  if (!both) return undefined;
  if (own === "2") {
    sink.leaveOut(
      "the other eye of a recording whose first eye is there: read with it, and averaged",
    );
    return "left out";
  }
  const twinSidecar = await sidecarOf({ ...options, file: twin }, kind, sink);
  const columns = (twinSidecar.Columns ?? []) as string[];
  const at = (name: string) => columns.indexOf(name);
  const [time, x, y] = [at("timestamp"), at("x_coordinate"), at("y_coordinate")];
  const points: OtherEye = new Map();
  if (x < 0 || y < 0) {
    sink.warn(`no columns of positions by the sidecar of ${twin}: one eye read`);
    return undefined;
  }
  const text = await Text.open(await beside!.read(twin), twin);
  await eachRow(text, "\t", ({ cells }) => {
    const key = time < 0 ? `${points.size}` : cells[time].replace(/^\ufeff/, "").trim();
    const place = (column: number) => numberOf(cells[column]) ?? NaN;
    points.set(key, { x: place(x), y: place(y) });
  });
  return points;
}

/** Which eye it is by the sidecar, else by its number. */
function sideOf({ RecordedEye }: Sidecar, own?: string): "left" | "right" | undefined {
  const told = String(RecordedEye ?? "").toLowerCase();
  if (told === "left" || told === "right") return told;
  return own === "1" ? "left" : own === "2" ? "right" : undefined;
}
