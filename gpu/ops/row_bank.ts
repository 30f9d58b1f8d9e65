/** Rows of steps gone by, kept on the GPU to be looked at now and then. */
import code from "@/kernels/row_scatter.wgsl" with { type: "text" };
import type { Tape } from "../tape.ts";
import type { Tensor } from "../tensor.ts";

export interface RowBankOptions {
  /** Of the statistic that holds the rows; several tensors may share one. */
  name: string;
  /** Rows that are kept: M. */
  rows: number;
  /** Where the slots of `x` begin in `slots`, default 0. */
  first?: number;
}

/**
 * Keeps row i of x in row `slots[first + i]` of a statistic `[M, D]`, zeros where nothing was put yet; a
 * slot of M or more keeps nothing. `x [N, D]`, no gradient.
 * @param slots u32, at least `first + N` of them, no slot below M twice
 */
export function rowBank(tape: Tape, x: Tensor, slots: Tensor, options: RowBankOptions): void {
  const { name, rows: M, first = 0 } = options;
  const [N, D] = x.shape;
  if (slots.shape[0] < first + N) {
    throw new Error(`Cannot keep ${N} rows: there are ${slots.shape[0] - first} slots for them`);
  }
  const initial = { kind: "constant", value: 0 } as const;
  const y = tape.statistic(name, [M, D], { initial, exported: false });
  tape.launch({
    code,
    bind: { x, slots, y },
    params: { D, M, n: N * D, first },
    grid: tape.grid(N * D, 64),
  });
}
