/** EGD-CXR's `master_sheet.csv`: how wide the black bars were that each radiograph was shown with. */
import type { GazeOptions } from "./format.ts";
import { numberOf } from "./table_cell.ts";
import { delimiterOf, eachRow } from "./gaze_table.ts";
import { Text } from "./text.ts";

export const MASTER_SHEET = "master_sheet.csv";

/** Pads around an image, in its px. */
export interface Shown {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** Pads by DICOM id; empty without a master sheet beside the file. */
export async function readShownImages({ beside, file }: GazeOptions): Promise<Map<string, Shown>> {
  const shown = new Map<string, Shown>();
  const folder = file.slice(0, file.lastIndexOf("/") + 1);
  const name = beside?.names.find((name) => name === `${folder}${MASTER_SHEET}`) ??
    beside?.names.find((name) => name.split("/").at(-1) === MASTER_SHEET);
  if (!beside || name === undefined) return shown;
  const text = await Text.open(await beside.read(name), name);
  let header: string[] | undefined;
  await eachRow(text, delimiterOf(text.head.first), ({ cells }) => {
    if (!header) {
      header = cells.map((cell) => cell.trim().toLowerCase());
      return;
    }
    const at = (column: string) => cells[header!.indexOf(column)];
    const [left, right, top, bottom] = ["left", "right", "top", "bottom"]
      .map((side) => numberOf(at(`image_${side}_pad`)));
    const id = at("dicom_id");
    if (id && [left, right, top, bottom].every((pad) => pad !== undefined && !Number.isNaN(pad))) {
      shown.set(id.trim(), { left: left!, right: right!, top: top!, bottom: bottom! });
    }
  });
  return shown;
}
