/** A thread that does one task and ends: for work that would keep the caller's thread too long. */
import { InvalidInput, Overloaded } from "./errors.ts";

interface Reply<Result> {
  result?: Result;
  refused?: { message: string; problems: InvalidInput["problems"] };
  failed?: string;
}

export interface TaskOptions {
  /** What is done, for messages: "read weights". */
  doing: string;
  /** Tasks of this kind at once. */
  most: number;
  limitMs: number;
  /** Buffers that move to the thread. */
  transfer?: Transferable[];
}

const running = new Map<string, number>();

/**
 * Has the module, which calls `serveTask`, do one task. Throws what is InvalidInput there; InvalidInput when
 * it takes too long or too much memory; Overloaded when too many of the kind are under way.
 */
export async function runTask<Result>(
  module: string,
  request: unknown,
  { doing, most, limitMs, transfer = [] }: TaskOptions,
): Promise<Result> {
  const now = running.get(module) ?? 0;
  if (now >= most) throw new Overloaded(`Cannot ${doing} now: others are doing it`, 2);
  running.set(module, now + 1);
  const worker = new Worker(module, { type: "module" });
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const reply = await new Promise<Reply<Result>>((resolve, reject) => {
      const late = new InvalidInput(`Cannot ${doing}: it takes longer than ${limitMs / 1000} s`);
      timer = setTimeout(() => reject(late), limitMs);
      worker.onmessage = ({ data }: MessageEvent<Reply<Result>>) => resolve(data);
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new InvalidInput(`Cannot ${doing}: it takes too much memory`));
      };
      worker.postMessage(request, transfer);
    });
    if (reply.refused) throw new InvalidInput(reply.refused.message, reply.refused.problems);
    if (reply.failed !== undefined) throw new Error(`Cannot ${doing}: ${reply.failed}`);
    return reply.result!;
  } finally {
    clearTimeout(timer);
    running.set(module, running.get(module)! - 1);
    worker.terminate();
  }
}

/** In the thread: waits for the task and answers it; `moved` names buffers of the result that may move. */
export function serveTask<Request, Result>(
  work: (request: Request) => Result | Promise<Result>,
  moved: (result: Result) => Transferable[] = () => [],
): void {
  const scope = globalThis as unknown as Worker;
  scope.onmessage = async ({ data }: MessageEvent<Request>) => {
    let reply: Reply<Result>;
    try {
      reply = { result: await work(data) };
    } catch (error) {
      reply = error instanceof InvalidInput
        ? { refused: { message: error.message, problems: error.problems } }
        : { failed: String((error as Error)?.stack ?? error) };
    }
    scope.postMessage(reply, reply.result === undefined ? [] : moved(reply.result));
  };
}
