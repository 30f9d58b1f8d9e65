/** Pictures of where readers, or a network, looked: a map, the same over the image, or the scanpaths. */
import type { Fixation } from "../gaze.ts";
import { heatmap } from "../heatmap.ts";
import { decodeImage } from "@/lib/images/decode.ts";
import {
  colourPicture,
  heatmapPicture,
  overlayPicture,
  type ValueGrid,
} from "@/lib/images/picture.ts";
import { encodePng } from "@/lib/images/png_encoder.ts";
import type { Raster } from "@/lib/images/raster.ts";
import type { ViewOptions } from "@/lib/images/view.ts";
import { resize } from "@/lib/images/resize.ts";
import { scanpathPicture } from "./scanpath_picture.ts";

export interface GazePictureRequest {
  /** "image": the picture alone, as the others have it below the gaze. */
  kind: "heatmap" | "overlay" | "scanpath" | "image";
  /** The image's file, and its size in pixels. */
  bytes: Uint8Array;
  /** How it is shown. */
  view?: ViewOptions;
  /** Whether 16 bits are stretched from the least value to the greatest; without it where no view is asked for. */
  stretch?: boolean;
  width: number;
  height: number;
  /** Longer side of the picture at most, pixels. */
  most: number;
  /** By reader, in image pixels. */
  scanpaths: Fixation[][];
  /** Files of ready-made maps; they show where there are no scanpaths. */
  maps: Uint8Array[];
  /** A map that is known already; it goes before all others. */
  known?: ValueGrid;
}

/** Cells of the longer side of a map; a Gaussian needs no more. */
const CELLS = 256;

/** The PNG. Throws InvalidInput when a file does not decode. */
export async function gazePicture(request: GazePictureRequest): Promise<Uint8Array<ArrayBuffer>> {
  const { kind, width, height, most } = request;
  const scale = Math.min(1, most / Math.max(width, height));
  const size = {
    width: Math.max(1, Math.round(width * scale)),
    height: Math.max(1, Math.round(height * scale)),
  };
  if (kind === "heatmap") return encodePng(heatmapPicture(await mapOf(request), size));
  const image = await decodeImage(request.bytes, {
    size: [size.width, size.height],
    view: request.view,
  });
  const options = { stretch: request.stretch ?? request.view === undefined };
  if (kind === "image") return encodePng(colourPicture(image, options));
  if (kind === "overlay") return encodePng(overlayPicture(image, await mapOf(request), options));
  const placed = request.scanpaths.map((fixations) =>
    fixations.map(({ x, y, duration }) => ({ x: x * scale, y: y * scale, duration }))
  );
  return encodePng(scanpathPicture(image, placed, options));
}

async function mapOf(request: GazePictureRequest): Promise<ValueGrid> {
  const { width, height, scanpaths, maps, known } = request;
  if (known) return known;
  if (scanpaths.length === 0 && maps.length > 0) {
    return mean(await Promise.all(maps.map((map) => decodeImage(map))));
  }
  const scale = Math.min(1, CELLS / Math.max(width, height));
  const grid = {
    columns: Math.max(1, Math.round(width * scale)),
    rows: Math.max(1, Math.round(height * scale)),
  };
  const source = { width, height, fixations: scanpaths.flat() };
  return { ...grid, values: heatmap(source, grid, { weight: "duration", parity: false }) };
}

/** The mean of maps, each divided by its maximum, on the grid of the first. */
function mean(maps: Raster[]): ValueGrid {
  const [{ width: columns, height: rows }] = maps;
  const values = new Float64Array(columns * rows);
  for (const map of maps) {
    const { data, channels } = resize(map, columns, rows);
    let most = 1;
    for (const value of data) most = Math.max(most, value);
    for (let i = 0; i < values.length; i++) values[i] += data[i * channels] / most / maps.length;
  }
  return { columns, rows, values };
}
