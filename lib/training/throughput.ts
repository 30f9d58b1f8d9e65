/** How fast this device trains, by a few steps of a small training: for plans where nothing was timed yet. */
import type { Gpu } from "@/gpu/device.ts";
import { crossEntropy } from "@/gpu/ops/cross_entropy.ts";
import { sgd } from "@/gpu/optim/sgd.ts";
import { ParameterStore } from "@/gpu/parameters.ts";
import { compile } from "@/gpu/program.ts";
import { Tape } from "@/gpu/tape.ts";
import { multiplyAdds } from "@/lib/models/cost.ts";
import { classifier } from "@/lib/models/heads.ts";
import { initialize } from "@/lib/models/initial.ts";
import { resnet } from "@/lib/models/resnet.ts";

const NETWORK = { backbone: "resnet18", width: 64 } as const;
const CLASSES = 2;
const STEPS = 3;

/** Serves requests on the GPU thread; what was measured holds as long as the device. */
export class Throughput {
  #known?: number;
  #waiting: { resolve(throughput: number): void; reject(error: unknown): void }[] = [];

  /** @param wake called when `serve` has something to do */
  constructor(readonly gpu: Gpu, private readonly wake: () => void = () => {}) {}

  /** 10^9 multiply-adds a second, a backward pass counted as two; answers once `serve` has run. */
  async measured(): Promise<number> {
    if (this.#known !== undefined) return this.#known;
    return await new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.wake();
    });
  }

  /** Measures, if somebody waits for it; called between the steps of jobs and when there are none. */
  async serve(): Promise<void> {
    const waiting = this.#waiting.splice(0);
    if (waiting.length === 0) return;
    try {
      const throughput = this.#known ??= await measure(this.gpu);
      for (const { resolve } of waiting) resolve(throughput);
    } catch (error) {
      for (const { reject } of waiting) reject(error);
    }
  }
}

async function measure(gpu: Gpu): Promise<number> {
  const { software } = gpu.info;
  const [batch, side] = software ? [8, 64] : [32, 224];
  const store = new ParameterStore(gpu);
  const tape = new Tape(store);
  const x = tape.input("x", [batch, side, side, 4]);
  const { features } = resnet(tape, x, { name: NETWORK.backbone, width: NETWORK.width });
  const labels = tape.input("labels", [batch], "u32");
  const loss = crossEntropy(tape, classifier(tape, features, CLASSES), labels);
  tape.backward(loss);
  const { scalars } = sgd(tape, { loss });
  const program = compile(tape);
  try {
    initialize(store, 0);
    program.set({ lr: 0, ...scalars(1) });
    const run = async () => {
      const start = performance.now();
      program.run();
      await gpu.device.queue.onSubmittedWorkDone();
      return (performance.now() - start) / 1000;
    };
    await run();
    let least = Infinity;
    for (let step = 0; step < STEPS; step++) least = Math.min(least, await run());
    gpu.check();
    return 3 * batch * multiplyAdds({ ...NETWORK, image_size: side }) / least;
  } finally {
    program.destroy();
    store.destroy();
  }
}
