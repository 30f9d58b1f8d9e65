import { type Operation, PRODUCTS } from "./shapes.ts";

export interface Row {
  op: Operation;
  shape: string;
  /** Of ours. */
  ms: number;
  gflops: number;
  /** Which of our kernels computed it. */
  variant: string;
  /** Milliseconds of the others; null where one cannot compute it. `torch` with `--torch` only. */
  peers: { jax_js: number | null; tfjs: number | null; torch?: number | null };
}

/** Geometric means by operation; null where nothing was measured beside ours. */
export type Ratios<O extends Operation = Operation> = Record<O, number | null>;

export interface Report {
  adapter: string;
  driver: string;
  /** The faster of jax-js and TensorFlow.js, divided by ours. */
  ratios: Ratios<typeof PRODUCTS[number] | "resnet18_step">;
  rows: Row[];
  /** PyTorch's time divided by ours; null when it was asked for and is not installed. */
  torch?: { device: string; version: string; ratios: Ratios } | null;
}

/** Time of the faster peer divided by ours: above 1 we are faster; null when no peer computed it. */
export function ratioOf({ ms, peers }: Row): number | null {
  const times = [peers.jax_js, peers.tfjs].filter((time) => time !== null);
  return times.length > 0 ? Math.min(...times) / ms : null;
}

/** Time of PyTorch divided by ours; null where it did not run. */
export function torchRatioOf({ ms, peers }: Row): number | null {
  return typeof peers.torch === "number" ? peers.torch / ms : null;
}

/** Means over the rows of each operation, in this order. */
export function ratiosOf<O extends Operation>(
  rows: Row[],
  operations: readonly O[],
  ratio: (row: Row) => number | null,
): Ratios<O> {
  const mean = (op: O) => {
    const logs = rows.filter((row) => row.op === op).map(ratio)
      .filter((value) => value !== null)
      .map(Math.log);
    if (logs.length === 0) return null;
    const average = logs.reduce((sum, log) => sum + log, 0) / logs.length;
    return Number(Math.exp(average).toFixed(3));
  };
  return Object.fromEntries(operations.map((op) => [op, mean(op)])) as Ratios<O>;
}

/** The whole report of a run; with `torch` when PyTorch was asked for. */
export function reportOf(
  { adapter, driver, rows }: Pick<Report, "adapter" | "driver" | "rows">,
  torch?: { device: string; version: string } | null,
): Report {
  return {
    adapter,
    driver,
    ratios: ratiosOf(rows, [...PRODUCTS, "resnet18_step"], ratioOf),
    rows,
    ...(torch === null && { torch }),
    ...(torch && {
      torch: {
        ...torch,
        ratios: ratiosOf(rows, [...PRODUCTS, "resnet18_step", "resnet50_step"], torchRatioOf),
      },
    }),
  };
}

/** Operations that were measured and have no ratio, as words. */
export function missing({ ratios, torch, rows }: Report): string[] {
  const without = (ratios: Partial<Ratios>, whom: string) =>
    Object.entries(ratios)
      .filter(([op, ratio]) => ratio === null && rows.some((row) => row.op === op))
      .map(([op]) => `no ratio of ${op}: ${whom} did not compute it`);
  return [
    ...without(ratios, "the other engines"),
    ...(torch ? without(torch.ratios, "PyTorch") : []),
  ];
}

export function header(torch: boolean): string {
  const cells = ["operation", "shape", "ms", "GFLOP/s", "jax-js ms", "tfjs ms", "ratio"];
  return line([...cells, ...(torch ? ["torch ms", "ratio"] : [])], "variant");
}

export function rowText(row: Row): string {
  const number = (value: number | null) => value === null ? "-" : value.toFixed(2);
  const { torch } = row.peers;
  return line([
    row.op,
    row.shape,
    number(row.ms),
    row.gflops.toFixed(1),
    number(row.peers.jax_js),
    number(row.peers.tfjs),
    number(ratioOf(row)),
    ...(torch === undefined ? [] : [number(torch), number(torchRatioOf(row))]),
  ], row.variant);
}

function line(cells: string[], last: string): string {
  const widths = [21, 28, 9, 8, 10, 10, 7, 10, 7];
  return cells.map((cell, i) => i < 2 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])).join(
    "",
  ) +
    `  ${last}`;
}
