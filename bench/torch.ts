/** PyTorch, in a process of its own that takes its own times: `torch_peer.py`. */
import { fileURLToPath } from "node:url";
import { z } from "zod";
import {
  type Engine,
  EPS,
  LEARNING_RATE,
  MOMENTUM,
  NEWEST,
  type Prepared,
  type PreparedStep,
  type Start,
  WATCHED,
} from "./engine.ts";

const helloSchema = z.strictObject({ version: z.string(), device: z.string() });
const answerSchema = z.strictObject({
  error: z.string().optional(),
  ms: z.number().nonnegative().optional(),
  loss: z.number().optional(),
  norms: z.record(z.string(), z.number()).optional(),
});

/** What runs: the version of PyTorch, and the name of its device. */
export type TorchHello = z.infer<typeof helloSchema>;

export interface TorchEngine extends Engine {
  hello: TorchHello;
}

/** The peer's first line; undefined when it is none. */
export function parseHello(line: string | undefined): TorchHello | undefined {
  try {
    return helloSchema.parse(JSON.parse(line ?? ""));
  } catch {
    return undefined;
  }
}

/**
 * What the peer answered to a request: milliseconds, a state, or nothing.
 * @throws {Error} with the peer's own words when it could not do it
 */
export function parseAnswer(line: string): Omit<z.infer<typeof answerSchema>, "error"> {
  let answer;
  try {
    answer = answerSchema.parse(JSON.parse(line));
  } catch {
    throw new Error(`Cannot read PyTorch's answer: ${line.slice(0, 200)}`);
  }
  const { error, ...rest } = answer;
  if (error !== undefined) throw new Error(`Cannot run PyTorch: ${error}`);
  return rest;
}

/** PyTorch of the first Python that has it; undefined when none does. */
export async function torch(pythons = ["python3", "/usr/bin/python3", "python"]) {
  for (const python of pythons) {
    const started = await startPeer(python);
    if (started) return engineOf(started);
  }
  return undefined;
}

interface Peer {
  hello: TorchHello;
  ask(request: Record<string, unknown>): Promise<ReturnType<typeof parseAnswer>>;
}

async function startPeer(python: string): Promise<Peer | undefined> {
  const script = fileURLToPath(import.meta.resolve("./torch_peer.py"));
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(python, {
      args: [script],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch {
    return undefined;
  }
  const complaint = new Response(child.stderr).text()
    .then((text) => text.trim().split("\n").at(-1));
  const lines = linesOf(child.stdout);
  const next = async () => (await lines.next()).value as string | undefined;
  const hello = parseHello(await next());
  if (!hello) {
    console.error(`${python} runs no PyTorch: ${await complaint}`);
    await child.status;
    return undefined;
  }
  const writer = child.stdin.getWriter();
  return {
    hello,
    async ask(request) {
      // A write to a process that has ended fails; the answer that does not come tells so.
      await writer.write(new TextEncoder().encode(`${JSON.stringify(request)}\n`)).catch(() => {});
      const line = await next();
      if (line !== undefined) return parseAnswer(line);
      throw new Error(`Cannot run PyTorch: its process has ended: ${await complaint}`);
    },
  };
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}

function engineOf({ hello, ask }: Peer): TorchEngine {
  const ms = async (request: Record<string, unknown>) => {
    const { ms } = await ask(request);
    if (ms === undefined) throw new Error(`Cannot time PyTorch: no time for "${request.do}"`);
    return ms;
  };
  const prepared: Prepared = {
    run: (times) => ms({ do: "run", times }),
    wait: () => ms({ do: "wait" }),
    async destroy() {
      await ask({ do: "release" });
    },
  };
  return {
    name: "torch",
    hello,
    async prepare({ op, shape }) {
      await ask({ do: "prepare", op, shape });
      return prepared;
    },
    async prepareStep(start): Promise<PreparedStep> {
      const folder = Deno.makeTempDirSync({ prefix: "mcgip_bench_" });
      try {
        const { network, batch, pixels } = start.step;
        const rates = { lr: LEARNING_RATE[network], momentum: MOMENTUM, eps: EPS, newest: NEWEST };
        const entries = writeStart(folder, start);
        const watched = WATCHED;
        await ask({ do: "step", network, batch, pixels, folder, entries, watched, rates });
      } finally {
        Deno.removeSync(folder, { recursive: true });
      }
      return {
        ...prepared,
        async state() {
          const { loss, norms } = await ask({ do: "state" });
          if (loss === undefined || !norms) throw new Error("Cannot read PyTorch's state");
          return { loss, norms };
        },
      };
    },
  };
}

/** Writes weights, images and labels as bare numbers, one file each; returns file and shape by name. */
function writeStart(folder: string, { weights, images, labels }: Start) {
  const write = (name: string, { buffer, byteOffset, byteLength }: Float32Array | Uint32Array) =>
    Deno.writeFileSync(`${folder}/${name}`, new Uint8Array(buffer, byteOffset, byteLength));
  write("images", images);
  write("labels", labels);
  return Object.fromEntries(
    [...weights].map(([name, { shape, data }], place) => {
      write(String(place), data);
      return [name, [place, shape]];
    }),
  );
}
