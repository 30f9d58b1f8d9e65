/**
 * The main thread of the worker process: passes messages between the API (standard input and output), the
 * thread that runs jobs and the one that predicts; beats and estimates jobs while these wait for the GPU.
 */
import type { ThreadStart, Tick } from "./gpu_service.ts";
import { kinds } from "./kinds.ts";
import { PredictorLink } from "./predictor_link.ts";
import { type Message, messages, Peer } from "./rpc.ts";
import type { JobKind } from "@/lib/specs/mod.ts";
import { assertFits, type Device, type Estimate } from "@/lib/training/estimate.ts";
import type { EstimateRequest } from "@/lib/training/estimate_request.ts";

const BEAT_MS = 1000;

/** What a heartbeat says. */
export interface Beat extends Tick {
  /** Milliseconds since the GPU thread was last seen alive. */
  silent_ms: number;
  /** Milliseconds for which somebody has waited for a thread that predicts and says nothing. */
  unanswered_ms: number;
  /** Memory of the process, bytes. */
  rss: number;
}

/** Runs until the API goes away or asks to leave; `thread` is the module of the GPU thread. */
export function work(data: string, thread = import.meta.resolve("./gpu_thread.ts")): void {
  const encoder = new TextEncoder();
  const out = Deno.stdout.writable.getWriter();
  const send = (message: Message) => {
    out.write(encoder.encode(JSON.stringify(message) + "\n")).catch(() => Deno.exit(0));
  };
  let seen = performance.now();
  let tick: Tick = { job: null, training: null, gpu_bytes: 0 };
  let device: Device | undefined;
  const own = new Peer(send, {
    estimate(request: EstimateRequest): Estimate | undefined {
      if (!device) return undefined;
      const needed = kinds[request.kind as JobKind]?.estimate?.(device, request);
      if (needed) assertFits(device, needed);
      return needed;
    },
  });
  const predictor = new PredictorLink({ start: { data }, send });
  const gpuThread = new Worker(thread, { type: "module", name: "gpu" });
  gpuThread.onmessage = ({ data: message }: MessageEvent<Message>) => {
    seen = performance.now();
    if (message.method === "device") device = deviceOf(message);
    if (message.method === "tick") tick = message.params as Tick;
    else if (message.method === "left") Deno.exit(0);
    else send(message);
  };
  gpuThread.onerror = (event) => {
    event.preventDefault();
    console.error(`The GPU thread died: ${event.message}`);
    Deno.exit(70);
  };
  const start: ThreadStart = { data, name: `${Deno.pid}-${crypto.randomUUID()}` };
  gpuThread.postMessage(start);
  // Ctrl-C, a closed terminal and a service manager reach all processes: the API decides when this one leaves,
  // and nobody but the person at the terminal where there is no API.
  const alone = Deno.stdin.isTerminal();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => {
      if (alone) gpuThread.postMessage({ method: "leave", params: null } satisfies Message);
    });
  }
  setInterval(() => {
    const silent_ms = performance.now() - seen;
    const beat: Beat = {
      ...tick,
      silent_ms,
      unanswered_ms: predictor.unansweredMs,
      gpu_bytes: tick.gpu_bytes + predictor.gpuBytes,
      rss: Deno.memoryUsage().rss,
    };
    send({ method: "beat", params: beat });
  }, BEAT_MS);
  relay({ own, predictor, gpuThread });
}

/** What the GPU thread says of its device, as estimates take it. */
function deviceOf({ params }: Message): Device | undefined {
  const { gpu, ...rest } = params as { gpu: Device["info"] | null } & Omit<Device, "info">;
  return gpu ? { info: gpu, ...rest } : undefined;
}

/** From the API to whom it concerns; the end of the input is the end of the API. */
async function relay(
  { own, predictor, gpuThread }: { own: Peer; predictor: PredictorLink; gpuThread: Worker },
): Promise<void> {
  for await (const message of messages(Deno.stdin.readable, () => {})) {
    if (Object.hasOwn(own.handlers, message.method ?? "")) await own.receive(message);
    else if (predictor.answers(message)) predictor.receive(message);
    else gpuThread.postMessage(message);
  }
  Deno.exit(0);
}
