/** A program beside the test: its output kept, its end awaited, ended by its process id only. */

export interface Child {
  pid: number;
  /** What it printed so far. */
  log(): string;
  ended(): boolean;
  /** Sends a signal; nothing happens to one that has ended. */
  kill(signal: Deno.Signal): void;
  /** Sends the signal and waits for the end, with SIGKILL after 10 s. */
  stop(signal?: Deno.Signal): Promise<void>;
}

export interface ChildOptions extends Pick<Deno.CommandOptions, "env" | "cwd" | "uid" | "gid"> {
  /** Its standard input stays open as long as it lives; otherwise it has none. */
  stdin?: boolean;
}

export function startChild(
  program: string,
  args: string[],
  { stdin = false, ...options }: ChildOptions = {},
): Child {
  const process = new Deno.Command(program, {
    ...options,
    args,
    stdin: stdin ? "piped" : "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let text = "";
  const keep = async (stream: ReadableStream<Uint8Array>) => {
    for await (const part of stream.pipeThrough(new TextDecoderStream())) text += part;
  };
  const read = Promise.all([keep(process.stdout), keep(process.stderr)]);
  let ended = false;
  const status = process.status.then(() => ended = true);
  const kill = (signal: Deno.Signal) => {
    if (!ended) process.kill(signal);
  };
  return {
    pid: process.pid,
    log: () => text,
    ended: () => ended,
    kill,
    async stop(signal = "SIGTERM") {
      kill(signal);
      const timer = setTimeout(() => kill("SIGKILL"), 10_000);
      await status;
      clearTimeout(timer);
      await read;
      if (stdin) await process.stdin.close().catch(() => {});
    },
  };
}
