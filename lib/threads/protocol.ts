/** What threads and the pool say to each other, over one port. `moved`: buffers that are transferred. */
import type { Failure } from "./failure.ts";
import type { Limits } from "./limits.ts";

/** A task as a thread asks for it, of a pool of the process. */
export interface Call {
  module: string;
  limits: Limits;
  request: unknown;
  memory: number;
  size: number;
  moved: Transferable[];
}

export type ToThread =
  | { task: unknown }
  | { abort: true }
  | { ping: true }
  | { call: number; outcome: Outcome };

export type FromThread =
  | { outcome: Outcome }
  | { progress: unknown }
  | { pong: true }
  | { call: number; asks: Call }
  | { drop: number };

export type Outcome = { result: unknown; moved: Transferable[] } | { failure: Failure };
