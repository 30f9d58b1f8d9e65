/**
 * The thread that answers predictions. It has a device of its own, so that nobody waits for the steps that a
 * training has queued on the other one; and a better priority than that, so that a software driver, whose
 * threads are started from here, computes predictions first.
 */
/// <reference lib="deno.worker" />
import { setPriority } from "node:os";
import { type Gpu, GpuUnavailable, openGpu } from "@/gpu/device.ts";
import { Unavailable } from "@/lib/errors.ts";
import { Predictor } from "@/lib/inference/predictor.ts";
import type {
  EmbedRequest,
  PredictRequest,
  SaliencyMapRequest,
  SimilarityMapRequest,
} from "@/lib/inference/protocol.ts";
import { askingStore } from "./asking_store.ts";
import { type Desk, deskBehind } from "./desk.ts";
import { placeOf, type ThreadPlace } from "./place.ts";
import { type Message, Peer } from "./rpc.ts";

/** After the API, and far before the jobs' thread. */
const NICENESS = 10;

export type PredictorStart = ThreadPlace;

// The standard output belongs to the connection with the API.
console.log = console.error;
self.onmessage = ({ data }: MessageEvent<PredictorStart>) => start(data);

function start(place: PredictorStart): void {
  setPriority(NICENESS);
  const opening = open(place, deskBehind((method, params) => peer.call(method, params)));
  const look = async <Answer>(ask: (predictor: Predictor) => Promise<Answer>) =>
    await ask((await opening).predictor);
  const peer: Peer = new Peer((message) => self.postMessage(message), {
    predict: (request: PredictRequest) => look((predictor) => predictor.predict(request)),
    embed: (request: EmbedRequest) => look((predictor) => predictor.embed(request)),
    similarityMap: (request: SimilarityMapRequest) =>
      look((predictor) => predictor.similarityMap(request)),
    saliencyMap: (request: SaliencyMapRequest) =>
      look((predictor) => predictor.saliencyMap(request)),
  });
  self.onmessage = ({ data }: MessageEvent<Message>) => void peer.receive(data);
  opening.then(({ gpu }) => {
    const tell = () => self.postMessage({ method: "gpu_bytes", params: gpu.allocatedBytes() });
    setInterval(tell, 1000);
  }, (error) =>
    // After those who ask now were told: the next request starts the thread again.
    setTimeout(() => {
      throw error;
    }));
}

/** @throws {Unavailable} naming what to install */
async function open(place: PredictorStart, desk: Desk) {
  const gpu: Gpu = await openGpu().catch((error) => {
    throw error instanceof GpuUnavailable ? new Unavailable(error.message) : error;
  });
  // The thread ends, and is started again for the next request.
  gpu.lost.then((reason) => {
    throw new Error(`Cannot predict without the GPU: ${reason}`);
  });
  const store = askingStore(desk, placeOf(place));
  let serving = false;
  const serve = async () => {
    if (serving) return;
    serving = true;
    while (predictor.busy) {
      await predictor.serve();
      gpu.check();
      // Requests that came in meanwhile share the next batch.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    serving = false;
  };
  const predictor: Predictor = new Predictor(gpu, store, () => void serve());
  return { gpu, predictor };
}
