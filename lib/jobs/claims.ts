/**
 * Who may work on which job, and for how long: what a queue between several API processes must do. The table
 * `jobs` stays what people see; a queue says who holds what. What is done "in the caller's transaction" is done
 * with what the caller writes there, or not at all.
 */
import { ClaimLost } from "@/lib/errors.ts";
import type { JobRow } from "@/lib/store/mod.ts";

export { ClaimLost };

/** A worker's right to a job; it ends by itself when it is not held. */
export interface Claim {
  job_id: string;
  /** What the job was handed out under. */
  delivery: string;
  /** Grows with every delivery of the job. */
  attempt: number;
}

/** What a job needs of a worker; also what a worker has. */
export interface Needs {
  f16: boolean;
}

/** Every method may throw {Unavailable} while the queue's server is away. */
export interface Queue {
  /** In the caller's transaction: the job waits from now on. */
  send(job: Pick<JobRow, "id" | "study">, needs: Needs): Promise<void>;
  /**
   * The next job for a worker that has so much; undefined when none came within `wait_ms`. Jobs of people go
   * before cells of studies; of each the oldest comes first, also when it was handed out before.
   */
  claim(has: Needs, wait_ms: number, signal?: AbortSignal): Promise<Claim | undefined>;
  /**
   * In the caller's transaction, with what is written under the claim: prolongs it.
   * @throws {ClaimLost} when it has ended; nothing is to be written then
   */
  hold(claim: Claim): Promise<void>;
  /**
   * In the caller's transaction: the job has ended, or waits for a person.
   * @throws {ClaimLost}
   */
  end(claim: Claim): Promise<void>;
  /** Gives the job back unfinished, for anyone to claim at once. @throws {ClaimLost} */
  release(claim: Claim): Promise<void>;
  /** In the caller's transaction: nobody is to work on it, whoever holds it. One that is not there is no error. */
  withdraw(job_id: string): Promise<void>;
}
