/** Writes lossless JPEG (ITU-T T.81, annex H) in every form that decoders must know. */

export interface LosslessForm {
  width: number;
  height: number;
  components?: number;
  /** Bits per sample, 2 to 16. */
  precision: number;
  /** 1 to 7. */
  predictor: number;
  /** Rows between restarts; 0 for none. */
  restartRows?: number;
  /** Bits that are shifted out. */
  shift?: number;
  /** A scan for each component. */
  apart?: boolean;
  /** Codes that grow by one bit from the most frequent size on; else all have five bits. */
  short?: boolean;
}

class BitWriter {
  readonly out: number[] = [];
  #byte = 0;
  #count = 0;

  write(value: number, size: number): void {
    for (let i = size - 1; i >= 0; i--) {
      this.#byte = this.#byte << 1 | (value >> i) & 1;
      if (++this.#count === 8) this.#flush();
    }
  }

  #flush(): void {
    this.out.push(this.#byte);
    if (this.#byte === 0xff) this.out.push(0);
    this.#byte = this.#count = 0;
  }

  /** Fills the last byte with ones, and puts a marker behind it. */
  marker(second: number): void {
    while (this.#count > 0) this.write(1, 1);
    this.out.push(0xff, second);
  }
}

const segment = (marker: number, body: number[]) => [
  0xff,
  marker,
  (body.length + 2) >> 8,
  (body.length + 2) & 255,
  ...body,
];

/** Bits of a difference's magnitude. */
const sizeOf = (difference: number) => 32 - Math.clz32(Math.abs(difference));

/** The prediction of sample `i` of a row (H.1.2.1). */
function guess(row: number[], above: number[] | undefined, i: number, form: LosslessForm): number {
  if (!above) {
    return i === 0 ? 2 ** (form.precision - (form.shift ?? 0) - 1) : row[i - 1];
  }
  if (i === 0) return above[0];
  const a = row[i - 1], b = above[i], c = above[i - 1];
  return [
    a,
    b,
    c,
    a + b - c,
    a + ((b - c) >> 1),
    b + ((a - c) >> 1),
    (a + b) >> 1,
  ][form.predictor - 1];
}

/** `samples`: [height, width, components]. */
export function encodeLossless(samples: ArrayLike<number>, form: LosslessForm): Uint8Array {
  const { width, height, components = 1, precision, predictor, restartRows = 0, shift = 0 } = form;
  // Rows of each component: [component][height][width]
  const planes = Array.from(
    { length: components },
    (_, c) =>
      Array.from(
        { length: height },
        (_, y) =>
          Array.from(
            { length: width },
            (_, x) => samples[(y * width + x) * components + c] >> shift,
          ),
      ),
  );
  const startOf = (y: number) => restartRows === 0 ? y === 0 : y % restartRows === 0;
  const differences = planes.map((plane) =>
    plane.map((row, y) =>
      row.map((value, x) => {
        // Modulo 65536, from -32767 to 32768.
        const wrapped = (value - guess(row, startOf(y) ? undefined : plane[y - 1], x, form)) &
          0xffff;
        return wrapped > 32768 ? wrapped - 65536 : wrapped;
      })
    )
  );
  const table = codesFor(differences.flat(2).map(sizeOf), form.short ?? false);
  const file = [
    0xff,
    0xd8,
    ...segment(0xc3, [
      precision,
      height >> 8,
      height & 255,
      width >> 8,
      width & 255,
      components,
      ...planes.flatMap((_, c) => [c + 1, 0x11, 0]),
    ]),
    ...segment(0xc4, [0, ...table.counts, ...table.symbols]),
  ];
  if (restartRows > 0) {
    const interval = restartRows * width;
    file.push(...segment(0xdd, [interval >> 8, interval & 255]));
  }
  const all = planes.map((_, c) => c);
  for (const scan of form.apart ? all.map((c) => [c]) : [all]) {
    file.push(...segment(0xda, [
      scan.length,
      ...scan.flatMap((c) => [c + 1, 0]),
      predictor,
      0,
      shift,
    ]));
    const bits = new BitWriter();
    for (let y = 0, restarts = 0; y < height; y++) {
      if (y > 0 && startOf(y)) bits.marker(0xd0 + restarts++ % 8);
      for (let x = 0; x < width; x++) {
        for (const c of scan) writeDifference(bits, differences[c][y][x], table);
      }
    }
    bits.marker(0xd9);
    file.push(...bits.out.slice(0, -2));
  }
  return new Uint8Array([...file, 0xff, 0xd9]);
}

interface Codes {
  counts: number[];
  symbols: number[];
  code: Map<number, [value: number, length: number]>;
}

function codesFor(sizes: number[], short: boolean): Codes {
  const frequency = new Map<number, number>();
  for (const size of sizes) frequency.set(size, (frequency.get(size) ?? 0) + 1);
  const symbols = short
    ? [...frequency].sort((a, b) => b[1] - a[1]).map(([size]) => size)
    : Array.from({ length: 17 }, (_, i) => i);
  // 17 sizes at most: twelve of growing length leave room for eight of fifteen bits.
  const lengths = symbols.map((_, i) => short ? (i < 12 ? i + 1 : 15) : 5);
  const counts = new Array(16).fill(0);
  const code = new Map<number, [number, number]>();
  let next = 0, length = 0;
  symbols.forEach((symbol, i) => {
    next <<= lengths[i] - length;
    length = lengths[i];
    counts[length - 1]++;
    code.set(symbol, [next++, length]);
  });
  return { counts, symbols, code };
}

function writeDifference(bits: BitWriter, difference: number, { code }: Codes): void {
  const size = sizeOf(difference);
  bits.write(...code.get(size)!);
  if (size > 0 && size < 16) {
    bits.write(difference < 0 ? difference + 2 ** size - 1 : difference, size);
  }
}
