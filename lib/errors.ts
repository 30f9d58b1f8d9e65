/** The ways in which a request can fail that are no bug; `routes/` turns them into status codes. */
import type { Problem } from "./problems.ts";

export type { Problem };

export class NotFound extends Error {
  override name = "NotFound";
}

export class Conflict extends Error {
  override name = "Conflict";
}

/** The claim of a job was lost: another worker has the job, or it was ended. */
export class ClaimLost extends Conflict {
  override name = "ClaimLost";
}

/** Understood, but not acceptable; `problems` names each place. */
export class InvalidInput extends Error {
  override name = "InvalidInput";
  constructor(message: string, readonly problems: Problem[] = []) {
    super(message);
  }
}

/** More is asked for than can be done now; the same request may succeed after `seconds`. */
export class Overloaded extends Error {
  override name = "Overloaded";
  constructor(message: string, readonly seconds = 1) {
    super(message);
  }
}

/** What was stored is not what it was: its file is gone or holds other bytes. `message` names what it is of. */
export class Damaged extends Error {
  override name = "Damaged";
}

/** A part of the server that the request needs is not there: no GPU, or it is leaving. */
export class Unavailable extends Error {
  override name = "Unavailable";
}

/** Whether an error says that the database's own pages make no sense. */
export function isDatabaseDamaged(error: unknown): boolean {
  return error instanceof Error &&
    /database disk image is malformed|file is not a database|malformed database schema/i
      .test(error.message);
}

/** Whether an error says that the disk has no room left. */
export function isDiskFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (error as { code?: unknown }).code === "ENOSPC" ||
    /no space left on device|disk is full/i.test(error.message);
}
