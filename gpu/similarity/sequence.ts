/** Pairs of sequences of different lengths: lists of pairs in, tiles out. */
import { createBuffer, type HostArray, readBuffers, writeBuffer } from "../buffer.ts";
import type { Gpu } from "../device.ts";
import { type Launch, release, submit } from "../kernel.ts";
import type { Pairs, Span } from "./pairs.ts";

/** Sequences of all comparands behind one another. */
export interface Sequences {
  /** Numbers of all elements, `stride` each; stride is a multiple of 4. */
  values: Float32Array<ArrayBuffer>;
  stride: number;
  /** Elements of each comparand, 0 where it is invalid, [comparands]. */
  lengths: Uint32Array<ArrayBuffer>;
}

/** What a measure of sequences adds: its launches over a list of pairs. */
export interface SequenceKernel {
  components: number;
  /** Words of scratch memory per pair of sequences of these lengths. */
  scratch(rows: number, columns: number): number;
  /** Pairs `first` to `first + count` of the list; `lanes` is the stride of `work`. */
  launch(buffers: SequenceBuffers, part: SequencePart): Launch;
}

export interface SequenceBuffers {
  /** u32 [total, 2]: row and column comparand. */
  pairs: GPUBuffer;
  /** u32 [comparands, 2]: first element and length. */
  spans: GPUBuffer;
  values: GPUBuffer;
  work: GPUBuffer;
  /** f32 [components, total] */
  s: GPUBuffer;
}

export interface SequencePart {
  first: number;
  count: number;
  total: number;
  lanes: number;
  /** Longest row and column sequence of the tile. */
  rows: number;
  columns: number;
}

/** Scratch memory and lanes of one launch; a launch keeps a software device busy for some 20 ms. */
const SCRATCH_BYTES = { software: 16 * 2 ** 20, hardware: 128 * 2 ** 20 };
const MOST_LANES = { software: 8192, hardware: 2 ** 18 };
/**
 * Of long sequences the work counts, in pairs of their elements: of one launch, though not below the lanes that
 * run side by side anyway, and of the launches between two pauses, some half a second.
 */
const LAUNCH_WORK = { software: 2 ** 26, hardware: 2 ** 32 };
const FEWEST_LANES = { software: 16, hardware: 1024 };
const PAUSE_WORK = { software: 2 ** 27, hardware: 2 ** 35 };

/** Prepares sequences for tiles of pairs. */
export function sequencePairs(gpu: Gpu, sequences: Sequences, made: SequenceKernel): Pairs {
  const { lengths, values, stride } = sequences;
  const kind = gpu.info.software ? "software" : "hardware";
  const spans = new Uint32Array(lengths.length * 2);
  for (let comparand = 0, at = 0; comparand < lengths.length; at += lengths[comparand++]) {
    spans.set([at, lengths[comparand]], comparand * 2);
  }
  if (spans.length > 0 && values.length / stride !== lengths.reduce((sum, n) => sum + n, 0)) {
    throw new Error("Cannot prepare sequences: lengths and values do not match");
  }
  const fixed = {
    spans: createBuffer(gpu, spans, "sequence spans"),
    values: createBuffer(gpu, values, "sequence values"),
  };
  const pool = new Pool(gpu);

  async function tile(
    rows: Span,
    columns: Span,
    pause?: () => Promise<void>,
  ): Promise<Float32Array> {
    const list = listPairs(lengths, rows, columns);
    const size = rows.count * columns.count;
    const out = new Float32Array(made.components * size).fill(NaN);
    if (list.total === 0) return out;
    const { total } = list;
    const words = made.scratch(list.rows, list.columns);
    if (words * 4 > gpu.limits.maxStorageBufferBindingSize) {
      throw new Error(
        `Cannot compare sequences of ${list.rows} and ${list.columns} elements: too long for this GPU`,
      );
    }
    const room = Math.min(SCRATCH_BYTES[kind], gpu.limits.maxStorageBufferBindingSize) / 4;
    const work = list.rows * list.columns;
    const busy = Math.max(FEWEST_LANES[kind], Math.floor(LAUNCH_WORK[kind] / work));
    const lanes = Math.max(1, Math.min(total, MOST_LANES[kind], busy, Math.floor(room / words)));
    const buffers: SequenceBuffers = {
      ...fixed,
      pairs: pool.filled("sequence pairs", list.pairs),
      work: pool.sized("sequence work", words * lanes * 4),
      s: pool.sized("sequence s", made.components * total * 4),
    };
    let launches: Launch[] = [];
    const run = () => {
      submit(gpu, launches);
      release(launches);
      launches = [];
    };
    for (let first = 0; first < total; first += lanes) {
      const count = Math.min(lanes, total - first);
      const { rows, columns } = list;
      launches.push(made.launch(buffers, { first, count, total, lanes, rows, columns }));
      if (launches.length * lanes * work < PAUSE_WORK[kind] || first + lanes >= total) continue;
      run();
      await gpu.device.queue.onSubmittedWorkDone();
      await pause?.();
    }
    run();
    const bytes = made.components * total * 4;
    const [read] = await readBuffers(gpu, [{ buffer: buffers.s, bytes }]);
    scatter(new Float32Array(read), list, { rows, columns, out, components: made.components });
    return out;
  }

  return {
    components: made.components,
    side: gpu.info.software ? 256 : 1024,
    tile,
    destroy() {
      for (const buffer of Object.values(fixed)) buffer.destroy();
      pool.destroy();
    },
  };
}

interface PairList {
  /** [total, 2] comparands. */
  pairs: Uint32Array<ArrayBuffer>;
  total: number;
  rows: number;
  columns: number;
}

/**
 * All pairs of valid comparands, in order of length, so that neighbours do equal work; of a tile on the
 * diagonal only row < column, and each comparand with itself.
 */
function listPairs(lengths: Uint32Array, rows: Span, columns: Span): PairList {
  const sorted = (span: Span) => {
    const comparands = Uint32Array.from({ length: span.count }, (_, at) => span.from + at)
      .filter((comparand) => lengths[comparand] > 0);
    return comparands.sort((a, b) => lengths[b] - lengths[a] || a - b);
  };
  const down = sorted(rows), across = sorted(columns);
  const pairs = new Uint32Array(down.length * across.length * 2);
  const diagonal = rows.from === columns.from;
  let at = 0;
  for (const row of down) {
    for (const column of across) {
      if (diagonal && column < row) continue;
      pairs[at++] = row;
      pairs[at++] = column;
    }
  }
  return {
    pairs: pairs.subarray(0, at),
    total: at / 2,
    rows: down.length ? lengths[down[0]] : 0,
    columns: across.length ? lengths[across[0]] : 0,
  };
}

/** Puts the values of listed pairs into their places of a tile, mirrored where it lies on the diagonal. */
function scatter(
  values: Float32Array,
  { pairs, total }: PairList,
  to: { rows: Span; columns: Span; out: Float32Array; components: number },
): void {
  const { rows, columns, out } = to;
  const diagonal = rows.from === columns.from;
  for (let component = 0; component < to.components; component++) {
    const base = component * rows.count * columns.count, start = component * total;
    for (let q = 0; q < total; q++) {
      const row = pairs[2 * q] - rows.from, column = pairs[2 * q + 1] - columns.from;
      out[base + row * columns.count + column] = values[start + q];
      if (diagonal) out[base + column * columns.count + row] = values[start + q];
    }
  }
}

/** Buffers that are kept between tiles and grow when they must. */
export class Pool {
  readonly #buffers = new Map<string, GPUBuffer>();

  constructor(readonly gpu: Gpu) {}

  /** A buffer of at least `bytes` bytes; what it held is kept unless it had to grow. */
  sized(label: string, bytes: number): GPUBuffer {
    const known = this.#buffers.get(label);
    if (known && known.size >= bytes) return known;
    known?.destroy();
    const buffer = createBuffer(this.gpu, bytes, label);
    this.#buffers.set(label, buffer);
    return buffer;
  }

  filled(label: string, content: HostArray): GPUBuffer {
    const buffer = this.sized(label, content.byteLength);
    writeBuffer(this.gpu, buffer, content);
    return buffer;
  }

  destroy(): void {
    for (const buffer of this.#buffers.values()) buffer.destroy();
    this.#buffers.clear();
  }
}
