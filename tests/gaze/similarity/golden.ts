/** The reference scanpaths and what published code gives for them; see ../shared/goldens/README.md. */
import type { Item } from "@/lib/gaze/similarity/measure.ts";

export const GOLDEN_FILES = ["goldens/gaze.json", "goldens/gaze.safetensors"];

export interface Golden {
  items: Item[];
  params: { TDir_deg: number; TDur: number; TAmp_px: number };
  timaLabels: number[][];
  /** By name, as numbers, row-major. */
  tensors: Record<string, number[]>;
}

interface GoldenJson {
  screen: [number, number];
  scanpaths: { image: string; x: number[]; y: number[]; duration: number[] }[];
  multimatch_params: { TDir_deg: number; TDur: number; TAmp_px: number };
  tima_labels: number[][];
}

export function readGolden(jsonFile: string, tensorFile: string): Golden {
  const json = JSON.parse(Deno.readTextFileSync(jsonFile)) as GoldenJson;
  const items = json.scanpaths.map(({ image, x, y, duration }) => ({
    id: image,
    width: json.screen[0],
    height: json.screen[1],
    scanpaths: [{
      reader: "one",
      fixations: x.map((_, i) => ({ x: x[i], y: y[i], start: 0, duration: duration[i] })),
    }],
  }));
  return {
    items,
    params: json.multimatch_params,
    timaLabels: json.tima_labels,
    tensors: readTensors(Deno.readFileSync(tensorFile)),
  };
}

function readTensors(bytes: Uint8Array<ArrayBuffer>): Record<string, number[]> {
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as Record<
    string,
    { dtype: string; data_offsets: [number, number] }
  >;
  const tensors: Record<string, number[]> = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const { dtype, data_offsets: [from, to] } = entry;
    const data = bytes.slice(8 + length + from, 8 + length + to);
    tensors[name] = [...(dtype === "F64" ? new Float64Array(data.buffer) : data)];
  }
  return tensors;
}

/** Largest difference; NaN must meet NaN. */
export function largestDifference(got: ArrayLike<number>, wanted: ArrayLike<number>): number {
  if (got.length !== wanted.length) return Infinity;
  let most = 0;
  for (let i = 0; i < got.length; i++) {
    if (Number.isNaN(got[i]) && Number.isNaN(wanted[i])) continue;
    const difference = Math.abs(got[i] - wanted[i]);
    if (!(difference <= most)) most = Number.isNaN(difference) ? Infinity : difference;
  }
  return most;
}
