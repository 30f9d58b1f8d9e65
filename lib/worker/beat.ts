/** The heartbeat of a worker process. */
import type { Tick } from "./gpu_service.ts";

export const BEAT_MS = 1000;
/** The longest that one wait for the GPU may take. */
export const SILENT_MS = 600_000;

/** What a heartbeat says. */
export interface Beat extends Tick {
  /** Milliseconds since the GPU thread was last seen alive. */
  silent_ms: number;
  /** Milliseconds for which somebody has waited for a thread that predicts and says nothing. */
  unanswered_ms: number;
  /** Memory of the process, bytes. */
  rss: number;
}
