/**
 * The desk: all that a worker knows of the server. A worker opens no store; these messages go over whatever joins the
 * two, and are answered by whoever holds the store.
 */
import type { Claim, News } from "@/lib/jobs/outcome.ts";
import type { Outcome } from "@/lib/specs/job_context.ts";
import type { JobRow } from "@/lib/store/mod.ts";
import type { Handlers } from "./rpc.ts";

export interface Desk {
  /**
   * The next job of these kinds, which belongs to this worker from now on; null when there is none.
   * @param adapter name of the worker's
   */
  claim(kinds: string[], adapter: string): Promise<JobRow | null>;
  /**
   * What a job has told; the answer is what a person has asked of it.
   * @throws {ClaimLost}
   */
  tell(claim: Claim, news: News): Promise<JobRow["requested"]>;
  /** What a job has made: all is kept, or nothing. @throws {ClaimLost} */
  publish(claim: Claim, outcome: Outcome): Promise<void>;
  /** A question to a table (`questions` of the worker's store). */
  ask(table: string, method: string, args: unknown[]): Promise<unknown>;
  /** Makes sure that a stored file lies, sound, in the directory that the two have in common. @throws {Damaged} */
  bring(sha256: string): Promise<void>;
  /** The worker runs nothing: what it has claimed is free at once, and the attempt does not count. */
  release(): Promise<void>;
  /** Whether there is room on the disk again. */
  hasRoom(): Promise<boolean>;
  /** Queues a job again that was paused for a full disk with this error, unless a person did something else. */
  goOn(job_id: string, error: string): Promise<void>;
}

/** Everything that can be asked of a desk, by its name on the way. */
export const deskMethods = [
  "claim",
  "tell",
  "publish",
  "ask",
  "bring",
  "release",
  "hasRoom",
  "goOn",
] as const satisfies readonly (keyof Desk)[];

/** A desk at the other end of a connection; `call` asks that end. */
export function deskBehind(call: <T>(method: string, params: unknown[]) => Promise<T>): Desk {
  return Object.fromEntries(
    deskMethods.map((method) => [method, (...params: unknown[]) => call(method, params)]),
  ) as unknown as Desk;
}

/** What a connection's end answers by that has a desk. */
export function deskHandlers(desk: Desk): Handlers {
  return Object.fromEntries(
    deskMethods.map((method) => [
      method,
      (params: never[]) => (desk[method] as (...params: never[]) => unknown)(...params),
    ]),
  );
}
