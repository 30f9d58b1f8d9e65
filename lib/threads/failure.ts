/** Errors on their way between threads: a clone would lose the class and the fields of the domain's own. */
import {
  ClaimLost,
  Conflict,
  Damaged,
  InvalidInput,
  NotFound,
  Overloaded,
  type Problem,
  Unavailable,
} from "@/lib/errors.ts";

/** An error as it can be sent. */
export interface Failure {
  name: string;
  message: string;
  stack?: string;
  problems?: Problem[];
  seconds?: number;
  /** Of the system: ENOSPC and such. */
  code?: string;
}

/** A thread ended without an answer. */
export class Crashed extends Error {
  override name = "Crashed";
}

const domain: Record<string, (failure: Failure) => Error> = {
  NotFound: ({ message }) => new NotFound(message),
  ClaimLost: ({ message }) => new ClaimLost(message),
  Conflict: ({ message }) => new Conflict(message),
  InvalidInput: ({ message, problems }) => new InvalidInput(message, problems),
  Overloaded: ({ message, seconds }) => new Overloaded(message, seconds),
  Damaged: ({ message }) => new Damaged(message),
  Unavailable: ({ message }) => new Unavailable(message),
  Crashed: ({ message }) => new Crashed(message),
};

// Those first that are others too.
const classes = [
  NotFound,
  ClaimLost,
  Conflict,
  Damaged,
  InvalidInput,
  Overloaded,
  Unavailable,
  Crashed,
];

/** Deno's own NotFound is no NotFound of the domain: classes count, not names. */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { name: "Error", message: String(error) };
  const { message, stack, code } = error as Error & { code?: unknown };
  const ours = classes.find((one) => error instanceof one);
  return {
    name: ours?.name ?? "Error",
    message,
    stack,
    code: typeof code === "string" ? code : undefined,
    problems: error instanceof InvalidInput ? error.problems : undefined,
    seconds: error instanceof Overloaded ? error.seconds : undefined,
  };
}

/** The error again, with its class; what is none of the domain's keeps message, code and stack. */
export function errorOf(failure: Failure): Error {
  if (Object.hasOwn(domain, failure.name)) return domain[failure.name](failure);
  const error = new Error(failure.message);
  if (failure.stack) error.stack = failure.stack;
  return failure.code === undefined ? error : Object.assign(error, { code: failure.code });
}
