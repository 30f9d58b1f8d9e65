/**
 * EGD-CXR's `master_sheet.csv`: how wide the black bars were that each radiograph was shown with, in px of the
 * 1920 x 1080 screen (its scripts subtract them from FPOGX x 1920 and FPOGY x 1080).
 */
import type { GazeOptions } from "./format.ts";
import { numberOf } from "./table_cell.ts";
import { delimiterOfHead } from "./head.ts";
import { eachRow } from "./gaze_table.ts";
import { Text } from "./text.ts";
import type { Rectangle, Size } from "../gaze.ts";

/** The screen of EGD-CXR. */
export const EGD_SCREEN: Size = { width: 1920, height: 1080 };

export interface Shown {
  /** Where the radiograph stood, screen px. */
  on: Rectangle;
}

/** Places by DICOM id; empty without a master sheet beside the file. */
export async function readShownImages({ beside, file }: GazeOptions): Promise<Map<string, Shown>> {
  const shown = new Map<string, Shown>();
  const folder = file.slice(0, file.lastIndexOf("/") + 1);
  const name = beside?.names.find((name) => name === `${folder}master_sheet.csv`) ??
    beside?.names.find((name) => /(^|\/)master_sheet\.csv$/.test(name));
  if (!beside || name === undefined) return shown;
  const text = await Text.open(await beside.read(name), name);
  let header: string[] | undefined;
  await eachRow(text, delimiterOfHead(text.head), ({ cells }) => {
    if (!header) {
      header = cells.map((cell) => cell.trim().toLowerCase());
      return;
    }
    const at = (column: string) => cells[header!.indexOf(column)];
    const pads = ["left", "right", "top", "bottom"].map((side) =>
      numberOf(at(`image_${side}_pad`) ?? at(`image_${side}`))
    );
    const id = at("dicom_id");
    if (!id || !pads.every((pad) => pad !== undefined && !Number.isNaN(pad))) return;
    const [left, right, top, bottom] = pads as number[];
    const on = {
      x: left,
      y: top,
      width: EGD_SCREEN.width - left - right,
      height: EGD_SCREEN.height - top - bottom,
    };
    if (on.width > 0 && on.height > 0) shown.set(id.trim(), { on });
  });
  return shown;
}
