/**
 * The main thread of the worker process: passes messages between the API (standard input and output)
 * and the GPU thread, beats and estimates jobs while that thread waits for the GPU. A worker that no server
 * started has nobody to tell of its beats: it writes them into the store itself.
 */
import { HOLD_MS } from "@/lib/store/lease.ts";
import { openStore } from "@/lib/store/mod.ts";
import { type Beat, BEAT_MS, SILENT_MS } from "./beat.ts";
import type { ThreadStart, Tick } from "./gpu_service.ts";
import { kinds } from "./kinds.ts";
import { type Message, messages, Peer } from "./rpc.ts";
import type { JobKind } from "@/lib/specs/mod.ts";
import { assertFits, type Device, type Estimate } from "@/lib/training/estimate.ts";
import type { EstimateRequest } from "@/lib/training/estimate_request.ts";

export interface WorkOptions extends ThreadStart {
  /** No server started it: signals ask it to leave. */
  alone: boolean;
  /** The module of the GPU thread. */
  thread?: string;
}

/** Runs until whoever started it goes away, or asks to leave. */
export async function work(
  { alone, thread = import.meta.resolve("./gpu_thread.ts"), ...start }: WorkOptions,
): Promise<void> {
  const lease = alone ? await ownLease(start) : undefined;
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
  const gpuThread = new Worker(thread, { type: "module", name: "gpu" });
  gpuThread.onmessage = async ({ data: message }: MessageEvent<Message>) => {
    seen = performance.now();
    if (message.method === "device") device = deviceOf(message);
    if (message.method === "tick") tick = message.params as Tick;
    else if (message.method === "left") {
      await lease?.end();
      Deno.exit(0);
    } else send(message);
  };
  gpuThread.onerror = (event) => {
    event.preventDefault();
    console.error(`The GPU thread died: ${event.message}`);
    Deno.exit(70);
  };
  gpuThread.postMessage(start);
  // Ctrl-C, a closed terminal and a service manager reach all processes: the API decides when this one leaves,
  // where there is one.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => {
      if (alone) gpuThread.postMessage({ method: "leave", params: null } satisfies Message);
    });
  }
  setInterval(async () => {
    const silent_ms = performance.now() - seen;
    const beat: Beat = { ...tick, silent_ms, rss: Deno.memoryUsage().rss };
    if (lease) {
      // Nobody else ends a worker that hangs: its launcher starts it again.
      if (tick.job !== null && silent_ms > SILENT_MS) Deno.exit(70);
      await lease.hold();
    } else send({ method: "beat", params: beat });
  }, BEAT_MS);
  relay(gpuThread, own);
}

/** Tells the store that this worker lives. */
async function ownLease({ data, name, cluster }: ThreadStart): Promise<{
  hold(): Promise<void>;
  end(): Promise<void>;
}> {
  const store = await openStore(data, { shared: true, cluster });
  // What a process of this name ran that has died.
  await store.jobs.release(name);
  let held = -Infinity;
  return {
    async hold() {
      if (performance.now() - held < HOLD_MS) return;
      held = performance.now();
      try {
        await store.workers.hold(name);
        await store.jobs.hold(name);
      } catch (error) {
        // The next one may come through, long before the lease ends.
        console.error("Cannot prolong the lease of this worker:", error);
      }
    },
    async end() {
      await store.workers.remove(name);
      await store.close();
    },
  };
}

/** What the GPU thread says of its device, as estimates take it. */
function deviceOf({ params }: Message): Device | undefined {
  const { gpu, ...rest } = params as { gpu: Device["info"] | null } & Omit<Device, "info">;
  return gpu ? { info: gpu, ...rest } : undefined;
}

/** From the API to the GPU thread, but for what this thread answers itself; the end of the input is the end of the API. */
async function relay(gpuThread: Worker, own: Peer): Promise<void> {
  for await (const message of messages(Deno.stdin.readable, () => {})) {
    if (Object.hasOwn(own.handlers, message.method ?? "")) await own.receive(message);
    else gpuThread.postMessage(message);
  }
  Deno.exit(0);
}
