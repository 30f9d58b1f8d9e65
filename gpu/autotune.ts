/**
 * Measures which variant of a convolution is fastest on this device. Choices are plain JSON that the caller
 * keeps, and gives to the tapes of a run, so that they never change within it. Without them the defaults of
 * `convolution/choice.ts` hold, which depend on shape and adapter only.
 */
import { createBuffer } from "./buffer.ts";
import { candidates, choiceOf, type Choices, keyOf, variants } from "./convolution/choice.ts";
import { type ConvolutionShape, flops, outputSize } from "./convolution/shape.ts";
import type { Pass, Variant } from "./convolution/variant.ts";
import type { Gpu } from "./device.ts";
import { kernel, type Launch, launch, release, submit } from "./kernel.ts";
import { sizeOf } from "./tensor.ts";

export interface TuneOptions {
  /** Most time for all passes together, ms; what was measured until then counts. Default 20 s. */
  budget?: number;
  /** Called between two passes; may throw to stop. */
  between?(): Promise<void>;
}

/** Adapter and driver, as far as the runtime names them: choices hold for no other. */
export function deviceName({ info }: Pick<Gpu, "info">): string {
  return [info.vendor, info.architecture, info.device, info.description].join(" | ");
}

/** Measures every candidate for the passes that have no choice yet, and adds their choices. */
export async function tune(
  gpu: Gpu,
  passes: Iterable<{ pass: Pass; shape: ConvolutionShape }>,
  choices: Choices,
  options: TuneOptions = {},
): Promise<void> {
  const end = performance.now() + (options.budget ?? 20_000);
  for (const { pass, shape } of passes) {
    const key = keyOf(pass, shape);
    if (choices[key] !== undefined) continue;
    await options.between?.();
    if (performance.now() >= end) return;
    choices[key] = await fastest(gpu, pass, shape, end);
  }
}

/** The default is measured first and stays unless another is faster by more than the noise. */
async function fastest(
  gpu: Gpu,
  pass: Pass,
  shape: ConvolutionShape,
  end: number,
): Promise<string> {
  const first = choiceOf(gpu, pass, shape);
  const names = [first, ...candidates(gpu, pass, shape).filter((name) => name !== first)];
  const made: GPUBuffer[] = [];
  const buffer = (size: readonly number[]) => {
    made.push(createBuffer(gpu, sizeOf(size) * 4, "tuning"));
    return made.at(-1)!;
  };
  const { N, H, W, C, K, R, S } = shape;
  const { P, Q } = outputSize(shape);
  const [x, w, y] = [buffer([N, H, W, C]), buffer([R, S, C, K]), buffer([N, P, Q, K])];
  const operands = {
    forward: { x, w, y },
    data: { dy: y, w, dx: x },
    weight: { x, dy: y, dw: w },
  }[pass];
  let best = { name: first, ms: Infinity };
  for (const name of names) {
    if (performance.now() > end) break;
    const variant: Variant<Pass> = variants[pass][name];
    const steps = variant.steps(shape, operands as never, { gpu, add: false, temporary: buffer });
    const launches = steps.map((step) => launch(gpu, kernel(gpu, step.code, step.constants), step));
    const ms = await time(gpu, launches, flops(shape), best.ms);
    if (ms < best.ms * (name === first ? 1 : 0.95)) best = { name, ms };
    release(launches);
  }
  for (const buffer of made) buffer.destroy();
  return best.name;
}

/** Milliseconds of one run: the least of three, each long enough to drown the wait; hopeless ones end early. */
async function time(gpu: Gpu, launches: Launch[], work: number, best: number): Promise<number> {
  const run = async (times: number) => {
    const start = performance.now();
    submit(gpu, Array.from({ length: times }, () => launches).flat());
    await gpu.device.queue.onSubmittedWorkDone();
    return (performance.now() - start) / times;
  };
  await run(1);
  const times = Math.max(1, Math.min(50, Math.ceil((gpu.info.software ? 5e8 : 2e11) / work)));
  let least = await run(times);
  for (let trial = 0; trial < 2 && least < 1.5 * best; trial++) {
    least = Math.min(least, await run(times));
  }
  return least;
}
