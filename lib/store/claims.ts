/**
 * Who may work on which job, and for how long. The table `jobs` is what people see, and what is chosen from; a queue
 * says which of its rows are free, and ends claims that nobody prolongs. `LeaseQueue` is that of one machine; that of
 * a cluster is `cluster/pg_boss.ts`. All that changes something is done in the caller's transaction: with what the
 * caller writes there, or not at all.
 */

/** On which the servers and workers of a cluster are told that a job waits. */
export const WAITS = "mcgip_waits";

/** Of a job whose row the caller has locked. */
export interface QueuedJob {
  id: string;
  /** Place in the order of queueing. */
  sequence: number;
  /** What it was handed out under. */
  delivery: string | null;
}

/** Every method may throw {Unavailable} while the queue's server is away. */
export interface Queue {
  /** A condition on a row of `jobs`: it waits, or it runs and its worker is gone. */
  readonly free: string;
  /** It runs, and its claim has ended by itself: its worker says nothing any more, and nobody has said that it is gone. */
  readonly lapsed: string;
  /** It should wait, and the queue does not know of it. */
  readonly unknown: string;
  /** The job waits from now on. */
  send(job: QueuedJob): Promise<void>;
  /** Claims a free job; false where it is not free any more. */
  take(job: QueuedJob): Promise<boolean>;
  /** In a transaction of its own: a worker lives, all that it runs stays its own. */
  hold(worker: string): Promise<void>;
  /**
   * The job has ended, or waits for a person.
   * @throws {ClaimLost} when the claim has ended, and another may have the job
   */
  end(job: QueuedJob): Promise<void>;
  /** The claim is given up, or has ended: anyone may have the job at once. */
  release(job: QueuedJob): Promise<void>;
  /** Nobody is to work on the job, whoever holds it; one that the queue does not know is no error. */
  withdraw(job: QueuedJob): Promise<void>;
  close(): Promise<void>;
}
