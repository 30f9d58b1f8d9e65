/** What the thread that runs jobs does; between their steps it shows views and measures its speed. */
/// <reference lib="deno.worker" />
import { setPriority } from "node:os";
import { type Gpu, GpuUnavailable, openGpu } from "@/gpu/device.ts";
import type { HandlerOf } from "@/lib/jobs/kinds/handler.ts";
import type { TrainingPace } from "@/lib/specs/job_context.ts";
import { askingStore } from "./asking_store.ts";
import { deskBehind } from "./desk.ts";
import { type Message, Peer } from "./rpc.ts";
import { placeOf, type ThreadPlace } from "./place.ts";
import { JobRunner } from "./job_runner.ts";
import type { Throughput } from "@/lib/training/throughput.ts";
import type { SampleRequest, ViewSampler } from "@/lib/training/view_sampler.ts";

/** The priority of this thread and of the driver's threads, which it starts: API and predictions come first. */
const NICENESS = 19;
const TICK_MS = 500;

export type ThreadStart = ThreadPlace;

/** What the GPU thread tells of itself. */
export interface Tick {
  /** Id of the job that it works on. */
  job: string | null;
  training: TrainingPace | null;
  /** Memory in buffers of the GPU, bytes. */
  gpu_bytes: number;
}

/** Makes this thread run jobs of these kinds, once it is told the data directory. */
export function runThread(kinds: Record<string, HandlerOf>): void {
  // The standard output belongs to the connection with the API.
  console.log = console.error;
  self.onmessage = ({ data }: MessageEvent<ThreadStart>) => void start(kinds, data);
}

async function start(
  kinds: Record<string, HandlerOf>,
  place: ThreadStart,
): Promise<void> {
  setPriority(NICENESS);
  const held: {
    runner?: JobRunner;
    gpu?: Gpu;
    sampler?: ViewSampler;
    throughput?: Throughput;
  } = {};
  const wake = () => held.runner!.wake();
  const peer: Peer = new Peer((message) => self.postMessage(message), {
    wake: () => held.runner?.wake(),
    // Loaded by the first request for them.
    sample: async (request: SampleRequest) => {
      const { ViewSampler } = await import("@/lib/training/view_sampler.ts");
      held.sampler ??= new ViewSampler(held.gpu!, store, wake);
      return await held.sampler.sample(request);
    },
    throughput: async () => {
      const { Throughput } = await import("@/lib/training/throughput.ts");
      held.throughput ??= new Throughput(held.gpu!, wake);
      return await held.throughput.measured();
    },
    leave: () => held.runner ? held.runner.leave() : peer.notify("left"),
  });
  self.onmessage = ({ data }: MessageEvent<Message>) => void peer.receive(data);
  const desk = deskBehind((method, params) => peer.call(method, params));
  const store = askingStore(desk, placeOf(place));
  const gpu = await openGpu().catch((error) => {
    if (!(error instanceof GpuUnavailable)) throw error;
    peer.notify("device", { gpu: null, hint: error.message });
  });
  if (!gpu) return;
  held.gpu = gpu;
  gpu.lost.then(async (reason) => {
    // The next process takes the job up from its last checkpoint.
    await held.runner?.warn(`The GPU was lost: ${reason}`).catch(() => {});
    throw new Error(`Cannot go on without the GPU: ${reason}`);
  });
  const tick = ticker((tick) => peer.notify("tick", tick));
  const runner = held.runner = new JobRunner({
    desk,
    store,
    gpu,
    kinds,
    between: async () => {
      tick(() => ({
        job: held.runner?.current ?? null,
        training: held.runner?.training ?? null,
        gpu_bytes: gpu.allocatedBytes(),
      }));
      await held.sampler?.serve();
      await held.throughput?.serve();
    },
    log: (text) => console.error(text),
  });
  // `lanes` is what the subgroup's size is called in the answer of GET /v1/device.
  const { subgroupSize: lanes, ...features } = gpu.features;
  const { info, backend, limits } = gpu;
  peer.notify("device", { gpu: info, backend, features: { ...features, lanes }, limits });
  await runner.loop();
  peer.notify("left");
}

/** Tells the main thread, at most each `TICK_MS`, that this one is alive and what it does. */
function ticker(tell: (tick: Tick) => void): (tick: () => Tick) => void {
  let last = -Infinity;
  return (tick) => {
    if (performance.now() - last < TICK_MS) return;
    last = performance.now();
    tell(tick());
  };
}
