/** How many places the last map of a network tells apart, and what a map of few cells must say of itself. */
import { counted } from "@/lib/counted.ts";
import { type ImageSize, sizeOf } from "@/lib/images/image_size.ts";
import { backboneSpec } from "./specs.ts";

export interface Grid {
  rows: number;
  columns: number;
}

/** Cells on a side from which places can be told apart. */
const ENOUGH = 4;

/** Cells of the last map of a network; null where it has none. */
export function mapGrid(
  { backbone, image_size }: { backbone: string; image_size: ImageSize },
): Grid | null {
  const { map, family: { stride } } = backboneSpec(backbone);
  if (map === undefined || stride === undefined) return null;
  const { height, width } = sizeOf(image_size);
  return { rows: Math.ceil(height / stride), columns: Math.ceil(width / stride) };
}

/** `1 row and 2 columns` */
export const gridWords = ({ rows, columns }: Grid): string =>
  `${counted(rows, "row")} and ${counted(columns, "column")}`;

/** What is said of a map of few cells, whose places are then told by its enlarging alone. */
export function fewCells(grid: Grid): string[] {
  if (Math.min(grid.rows, grid.columns) >= ENOUGH) return [];
  return [
    `The network's last map has ${
      gridWords(grid)
    } of cells: so few hardly tell places apart. A larger image_size ` +
    "gives more",
  ];
}
