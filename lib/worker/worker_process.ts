/**
 * The main thread of the worker process: passes messages between the API (standard input and output), the
 * thread that runs jobs and the one that predicts; beats and estimates jobs while these wait for the GPU. The
 * threads know of the store what their desk (desk.ts) tells; only for a worker that no server started it is opened here.
 */
import type { ClusterSettings } from "@/lib/cluster_settings.ts";
import { HOLD_MS } from "@/lib/store/lease.ts";
import { openStore } from "@/lib/store/mod.ts";
import { type Beat, BEAT_MS, SILENT_MS } from "./beat.ts";
import type { ThreadStart, Tick } from "./gpu_service.ts";
import { kinds } from "./kinds.ts";
import { PredictorLink } from "./predictor_link.ts";
import { type Message, messages, Peer } from "./rpc.ts";
import { type Desk, deskBehind, deskHandlers } from "./desk.ts";
import { StoreDesk } from "./store_desk.ts";
import type { JobKind } from "@/lib/specs/mod.ts";
import { assertFits, type Device, type Estimate } from "@/lib/training/estimate.ts";
import type { EstimateRequest } from "@/lib/training/estimate_request.ts";

export interface WorkOptions extends ThreadStart {
  /** Of this worker; no other one that lives has it. */
  name: string;
  /** No server started it: signals ask it to leave. */
  alone: boolean;
  /** What its store shares with others, where it opens one itself. */
  cluster?: ClusterSettings;
  /** The module of the GPU thread. */
  thread?: string;
}

/** Runs until whoever started it goes away, or asks to leave. */
export async function work(
  { data, name, cluster, alone, thread = import.meta.resolve("./gpu_thread.ts") }: WorkOptions,
): Promise<void> {
  const own = alone ? await ownStore(data, name, cluster) : undefined;
  const encoder = new TextEncoder();
  const out = Deno.stdout.writable.getWriter();
  const send = (message: Message) => {
    out.write(encoder.encode(JSON.stringify(message) + "\n")).catch(() => Deno.exit(0));
  };
  let seen = performance.now();
  let tick: Tick = { job: null, training: null, gpu_bytes: 0 };
  let device: Device | undefined;
  const here: Peer = new Peer(send, {
    estimate(request: EstimateRequest): Estimate | undefined {
      if (!device) return undefined;
      const needed = kinds[request.kind as JobKind]?.estimate?.(device, request);
      if (needed) assertFits(device, needed);
      return needed;
    },
  });
  const desk = own?.desk ?? deskBehind((method, params) => here.call(method, params));
  const predictor = new PredictorLink({ start: { data }, desk, send });
  const gpuThread = new Worker(thread, { type: "module", name: "gpu" });
  const asked = new Peer((message) => gpuThread.postMessage(message), deskHandlers(desk));
  gpuThread.onmessage = async ({ data: message }: MessageEvent<Message>) => {
    seen = performance.now();
    if (message.method === "device") device = deviceOf(message);
    if (message.method === "tick") tick = message.params as Tick;
    else if (message.method === "left") {
      await own?.end();
      Deno.exit(0);
    } else if (asked.answers(message)) await asked.receive(message);
    else send(message);
  };
  gpuThread.onerror = (event) => {
    event.preventDefault();
    console.error(`The GPU thread died: ${event.message}`);
    Deno.exit(70);
  };
  const start: ThreadStart = { data };
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
    const beat: Beat = {
      ...tick,
      silent_ms,
      unanswered_ms: predictor.unansweredMs,
      gpu_bytes: tick.gpu_bytes + predictor.gpuBytes,
      rss: Deno.memoryUsage().rss,
    };
    if (own) {
      // Nobody else ends a worker that hangs: its launcher starts it again.
      if (tick.job !== null && silent_ms > SILENT_MS) Deno.exit(70);
      await own.hold();
    } else send({ method: "beat", params: beat });
  }, BEAT_MS);
  relay({ here, predictor, gpuThread });
}

/** The store of a worker that no server started: its desk, and its beats. */
async function ownStore(data: string, name: string, cluster?: ClusterSettings): Promise<{
  desk: Desk;
  hold(): Promise<void>;
  end(): Promise<void>;
}> {
  const store = await openStore(data, { shared: true, cluster });
  const desk = new StoreDesk(store, name);
  // What a process of this name ran that has died.
  await desk.left({ blameless: false });
  let held = -Infinity;
  return {
    desk,
    async hold() {
      if (performance.now() - held < HOLD_MS) return;
      held = performance.now();
      try {
        await store.workers.hold(name);
        await desk.hold();
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

/** From the API to whom it concerns; the end of the input is the end of the API. */
async function relay(
  { here, predictor, gpuThread }: { here: Peer; predictor: PredictorLink; gpuThread: Worker },
): Promise<void> {
  for await (const message of messages(Deno.stdin.readable, () => {})) {
    if (message.method === undefined || here.answers(message)) await here.receive(message);
    else if (predictor.answers(message)) predictor.receive(message);
    else gpuThread.postMessage(message);
  }
  Deno.exit(0);
}
