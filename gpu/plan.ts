/** Which values share a buffer: decided by lifetimes before anything is allocated. */
import { reflect } from "./kernel.ts";
import { storedBytes } from "./element_type.ts";
import type { Tape } from "./tape.ts";
import { rootOf, type Tensor } from "./tensor.ts";

/** A buffer of the plan and the values that take turns in it. */
export interface PlannedBuffer {
  bytes: number;
  values: Tensor[];
}

export interface Plan {
  buffers: PlannedBuffer[];
  /** Index into `buffers` by the id of the value. */
  place: Map<number, number>;
  /** Inputs and constants that some launch uses, each with a buffer of its own. */
  dedicated: Tensor[];
  /** Bytes of shared buffers, of inputs and constants, and what the values would take one by one. */
  bytes: { values: number; dedicated: number; unshared: number };
}

/** Bytes that a tensor's buffer takes. */
export function bytesOf(tensor: Tensor): number {
  return Math.max(256, Math.ceil(storedBytes(tensor) / 256) * 256);
}

interface Life {
  value: Tensor;
  first: number;
  last: number;
}

/**
 * Values whose lives (first to last launch) do not overlap may share a buffer; the largest choose first
 * and take the tightest buffer that is free.
 * @param options.outputs values that must be readable after a run
 * @throws {Error} when a launch reads a value that none before it wrote
 */
export function plan(tape: Tape, options: { outputs: Tensor[] }): Plan {
  const outputs = new Set(options.outputs.map((tensor) => rootOf(tensor).id));
  const dedicated = new Map<number, Tensor>([[tape.scalars.id, tape.scalars]]);
  const lives = findLives(tape, dedicated);
  for (const tensor of [...tape.inputs.values(), ...options.outputs.map(rootOf)]) {
    if (tensor.place.kind === "input") dedicated.set(tensor.id, tensor);
  }
  for (const life of lives.values()) if (outputs.has(life.value.id)) life.last = Infinity;
  const buffers: (PlannedBuffer & { lives: Life[] })[] = [];
  const place = new Map<number, number>();
  const order = [...lives.values()].sort((a, b) =>
    bytesOf(b.value) - bytesOf(a.value) || a.first - b.first
  );
  for (const life of order) {
    let index = -1;
    buffers.forEach((buffer, i) => {
      const free = buffer.lives.every((other) =>
        other.last < life.first || life.last < other.first
      );
      if (free && (index < 0 || buffer.bytes < buffers[index].bytes)) index = i;
    });
    if (index < 0) index = buffers.push({ bytes: bytesOf(life.value), values: [], lives: [] }) - 1;
    buffers[index].lives.push(life);
    buffers[index].values.push(life.value);
    place.set(life.value.id, index);
  }
  const total = (sizes: number[]) => sizes.reduce((sum, size) => sum + size, 0);
  return {
    buffers: buffers.map(({ bytes, values }) => ({ bytes, values })),
    place,
    dedicated: [...dedicated.values()],
    bytes: {
      values: total(buffers.map(({ bytes }) => bytes)),
      dedicated: total([...dedicated.values()].map(bytesOf)),
      unshared: total(order.map(({ value }) => bytesOf(value))),
    },
  };
}

/** Launches in the order in which they run: those that load, a step's, an update's, those that record. */
export function inOrder(tape: Tape) {
  const phases = ["load", "step", "update", "record"] as const;
  return phases.flatMap((phase) => tape.steps.filter((made) => made.phase === phase));
}

function findLives(tape: Tape, dedicated: Map<number, Tensor>): Map<number, Life> {
  const lives = new Map<number, Life>();
  inOrder(tape).forEach(({ step }, at) => {
    const { name, writes } = reflect(step.code);
    for (const [binding, tensor] of Object.entries(step.bind)) {
      const root = rootOf(tensor);
      if (root.place.kind === "input" || root.place.kind === "constant") {
        dedicated.set(root.id, root);
      }
      if (root.place.kind !== "value") continue;
      const life = lives.get(root.id);
      if (life) life.last = at;
      else if (writes.has(binding)) lives.set(root.id, { value: root, first: at, last: at });
      else throw new Error(`Cannot plan ${name}: "${root.name}" is read before it is written`);
    }
  });
  return lives;
}
