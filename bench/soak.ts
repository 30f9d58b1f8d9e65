/**
 * `deno task soak [--steps N]`: trains a tiny network for many steps, with everything that a long job does
 * in between, and counts the buffers on the GPU. Ends with 1 when they, or the process, have grown.
 */
import { optionsOrEnd } from "@/lib/options.ts";
import { type Gpu, openGpu } from "@/gpu/device.ts";
import { images } from "@/gpu/images.ts";
import { compile } from "@/gpu/program.ts";
import { Tape } from "@/gpu/tape.ts";
import { parsePretrain } from "@/lib/specs/pretrain.ts";
import { initialize } from "@/lib/models/initial.ts";
import { resnet } from "@/lib/models/resnet.ts";
import { encoder } from "@/lib/ssl/encoder.ts";
import { Pretrainer } from "@/lib/training/pretrainer.ts";

/** What is alive after a step. */
export interface Census {
  step: number;
  buffers: number;
  bytes: number;
  /** Memory of the whole process, bytes; in software that is where buffers lie. */
  resident: number;
}

const IMAGES = 8;
const SIDE = 16;
const network = {
  backbone: "resnet18" as const,
  width: 4,
  channels: 1 as const,
  image_size: SIDE,
  normalization: "dataset" as const,
};

/** Counts what is made on a device from here on and not destroyed. */
function countBuffers({ device }: Gpu) {
  const live = new Map<GPUBuffer, number>();
  const create = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    const buffer = create(descriptor);
    live.set(buffer, descriptor.size);
    const destroy = buffer.destroy.bind(buffer);
    buffer.destroy = () => {
      live.delete(buffer);
      destroy();
    };
    return buffer;
  };
  return {
    live,
    stop: () => device.createBuffer = create,
  };
}

/**
 * MoCo in two micro-batches a step; every `every` steps the metrics are read, the state is saved and
 * restored, and an evaluation program is made, run and destroyed; then what is alive is counted.
 */
export async function soak(gpu: Gpu, options: { steps: number; every: number }): Promise<Census[]> {
  const { steps, every } = options;
  const counted = countBuffers(gpu);
  const spec = {
    ...parsePretrain({
      method: "moco",
      config: { output: 8, queue: 16 },
      dataset: "made up",
      arm: "labels",
      batch_size: IMAGES,
      augmentation: { preset: "medical", blur: {} },
      optimizer: { name: "adamw", learning_rate: 0.001 },
    }),
    ...network,
  };
  const data = Uint16Array.from({ length: IMAGES * SIDE ** 2 }, (_, i) => (i * 40503) & 0xffff);
  const set = images(gpu, { data, count: IMAGES, height: SIDE, width: SIDE, channels: 1 }, {
    batch: IMAGES / 2,
  });
  const matrix = Uint8Array.from({ length: IMAGES ** 2 }, (_, i) => +(i % (IMAGES + 1) === 0));
  const trainee = new Pretrainer(gpu, {
    spec,
    encoder: encoder(network),
    batch: IMAGES / 2,
    images: set,
    means: new Float32Array(IMAGES).fill(0.5),
    normalization: { mean: [0.5], std: [0.25] },
    positives: { matrix, n: IMAGES, cut: null, pairs: 0 },
    perEpoch: 1,
  });
  initialize(trainee.store, 0);
  const census: Census[] = [];
  for (let step = 0; step < steps; step++) {
    for (let part = 0; part < 2; part++) {
      const batch = Uint32Array.from({ length: IMAGES / 2 }, (_, i) => part * IMAGES / 2 + i);
      trainee.run(batch, { epoch: step, step, steps, part, parts: 2 });
    }
    if ((step + 1) % every > 0) continue;
    for (const { loss } of await trainee.recorded()) {
      if (!Number.isFinite(loss)) throw new Error(`Cannot go on at step ${step}: loss ${loss}`);
    }
    const read = await trainee.snapshot();
    trainee.restore(await read());
    const tape = new Tape(trainee.store, { training: false });
    const x = tape.input("x", [2, SIDE, SIDE, 4]);
    const { features } = resnet(tape, x, {
      name: "resnet18",
      width: 4,
      channels: 1,
      prefix: "backbone.",
    });
    const program = compile(tape, { outputs: [features] });
    program.run();
    await program.read(features);
    program.destroy();
    const bytes = [...counted.live.values()].reduce((sum, size) => sum + size, 0);
    const resident = Deno.memoryUsage().rss;
    census.push({ step: step + 1, buffers: counted.live.size, bytes, resident });
  }
  trainee.destroy();
  set.destroy();
  counted.stop();
  census.push({
    step: steps,
    buffers: counted.live.size,
    bytes: [...counted.live.values()].reduce((sum, size) => sum + size, 0),
    resident: Deno.memoryUsage().rss,
  });
  return census;
}

if (import.meta.main) {
  const help = "deno task soak [OPTIONS]\n  --steps N     (1000)";
  const values = optionsOrEnd(help, "soak", { steps: { type: "string", default: "1000" } });
  const steps = Number(values.steps);
  const census = await soak(await openGpu(), { steps, every: Math.ceil(steps / 20) });
  console.error("   step  buffers          MiB  resident MiB");
  for (const { step, buffers, bytes, resident } of census) {
    const mebibytes = (value: number) => (value / 2 ** 20).toFixed(2);
    console.error(
      `${String(step).padStart(7)}${String(buffers).padStart(9)}${mebibytes(bytes).padStart(13)}${
        mebibytes(resident).padStart(14)
      }`,
    );
  }
  const [last, end] = census.slice(-2);
  const settled = census[Math.floor(census.length / 4)];
  const grown = last.buffers > census[0].buffers || last.bytes > census[0].bytes;
  const left = end.buffers > 0;
  const swollen = last.resident > settled.resident * 1.2;
  if (grown || left || swollen) {
    console.error(`Grown: ${JSON.stringify({ grown, left, swollen })}`);
    Deno.exit(1);
  }
}
