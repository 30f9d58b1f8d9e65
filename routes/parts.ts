/** The parts of a multipart body, whatever reads them: one that fails ends all, and nothing is left under way. */
import type { Readable, Writable } from "node:stream";
import { Turns } from "@/lib/turns.ts";
import { HttpError } from "./problem.ts";

/** Parts that are handled at the same time. */
const AT_ONCE = 4;

/** What a listener to the reader of parts may do. */
export interface Parts {
  /** Parts that are, were, or will be handled. */
  readonly handled: Promise<void>[];
  /** Takes a part's stream on before anybody reads it: one that is cut off says so at once. */
  open(stream: Readable): void;
  /** Lets a part be handled in its turn: a chunk of the body may hold a hundred of them. */
  handle(work: () => Promise<void>): void;
  /** Ends the whole: parts that are being read, or are still to be, end with it. */
  fail(error: unknown): void;
}

/**
 * Sends `source` through `reader`; resolves once every part is handled.
 * @param doing what cannot be done with a malformed body: "read the form"
 * @param listen hears the reader's parts
 * @throws {HttpError} 400 for what is malformed; whatever a handler throws
 */
export async function readAllParts(
  source: Readable,
  reader: Writable,
  doing: string,
  listen: (parts: Parts) => void,
): Promise<void> {
  const handled: Promise<void>[] = [];
  const streams: Readable[] = [];
  const turns = new Turns();
  let started: Promise<unknown> = Promise.resolve();
  const done = new Promise<void>((resolve, reject) => {
    const fail = (error: unknown) => {
      reject(error);
      source.destroy();
      reader.destroy();
      for (const stream of streams) stream.destroy(error as Error);
    };
    const broken = (error: unknown) => fail(malformed(error, doing));
    listen({
      handled,
      open(stream) {
        stream.on("error", broken);
        streams.push(stream);
      },
      handle(work) {
        const ahead = [started, handled.at(-AT_ONCE)];
        started = Promise.all(ahead).then(() => turns.give());
        const handling = started.then(work);
        handled.push(handling);
        handling.catch(fail);
      },
      fail,
    });
    reader.on("error", broken);
    reader.on("finish", resolve);
    source.on("error", broken);
    source.pipe(reader);
  });
  try {
    await done;
    await Promise.all(handled);
  } catch (error) {
    // Nothing of the parts may be under way when the answer goes.
    await Promise.allSettled(handled);
    throw error;
  }
}

/** An error of a reader as one of the request, where it is none yet. */
export function malformed(error: unknown, doing: string): HttpError {
  return error instanceof HttpError
    ? error
    : new HttpError(400, `Cannot ${doing}: ${(error as Error).message}`);
}
