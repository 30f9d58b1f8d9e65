/** Reads the reference files of `../shared/goldens`. */

export interface Golden {
  shape: number[];
  data: Float32Array<ArrayBuffer>;
}

const ARRAYS = { F32: Float32Array, F64: Float64Array, I32: Int32Array, U8: Uint8Array };

type Header = Record<
  string,
  { dtype: keyof typeof ARRAYS; shape: number[]; data_offsets: number[] }
>;

function parts(path: string) {
  const bytes = Deno.readFileSync(path);
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const { __metadata__: words = {}, ...header } = JSON.parse(
    new TextDecoder().decode(bytes.subarray(8, 8 + length)),
  ) as Header & { __metadata__?: Record<string, string> };
  return { bytes, length, words, header: header as Header };
}

/** What a file says of itself: its `__metadata__`, whose values are JSON. */
export function goldenWords(path: string): Record<string, string> {
  const { words } = parts(path);
  return Object.fromEntries(
    Object.entries(words).map(([key, json]) => [key, String(JSON.parse(json as string))]),
  );
}

/** Tensors of a file by name, as f32. */
export function readGoldens(path: string): Record<string, Golden> {
  const { bytes, length, header } = parts(path);
  const goldens: Record<string, Golden> = {};
  for (const [name, { dtype, shape, data_offsets: [from, to] }] of Object.entries(header)) {
    const part = bytes.slice(8 + length + from, 8 + length + to).buffer;
    const data = Float32Array.from(new ARRAYS[dtype](part));
    goldens[name] = { shape, data };
  }
  return goldens;
}
