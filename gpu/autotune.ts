/**
 * Measures which variant of a convolution is fastest on this device. The selection is plain JSON that the
 * caller keeps, and gives to the tapes of a run, so that it never changes within it. Without them the defaults of
 * `convolution/selection.ts` hold, which depend on shape and adapter only.
 */
import { createBuffer } from "./buffer.ts";
import {
  candidates,
  keyOf,
  type SelectedVariants,
  selectVariant,
  variants,
} from "./convolution/selection.ts";
import { outputSize } from "./convolution/shape.ts";
import type { ConvolutionPass, Pass, Variant } from "./convolution/variant.ts";
import type { Gpu } from "./device.ts";
import { kernel, type Launch, launch, release, submit } from "./kernel.ts";
import { codeFor, storedBytes } from "./element_type.ts";
import type { Step } from "./step.ts";
import type { ElementType, Shape } from "./tensor.ts";

export interface TuneOptions {
  /** Most time for all passes together, ms; what was measured until then counts. Default 20 s. */
  budget?: number;
  /** Called between two passes; may throw to stop. */
  between?(): Promise<void>;
}

/** Adapter and driver, as far as the runtime names them: selected hold for no other. */
export function deviceName({ info }: Pick<Gpu, "info">): string {
  return [info.vendor, info.architecture, info.device, info.description].join(" | ");
}

/** Measures every candidate for the passes that `selected` lacks, and adds the fastest of each to it. */
export async function tune(
  gpu: Gpu,
  passes: Iterable<ConvolutionPass>,
  selected: SelectedVariants,
  options: TuneOptions = {},
): Promise<void> {
  const end = performance.now() + (options.budget ?? 20_000);
  for (const wanted of passes) {
    const key = keyOf(wanted.pass, wanted.shape, wanted.precision);
    if (selected[key] !== undefined) continue;
    await options.between?.();
    if (performance.now() >= end) return;
    selected[key] = await fastest(gpu, wanted, end);
  }
}

/** Memory that a candidate is measured on. */
interface Room {
  buffer: GPUBuffer;
  type: ElementType;
}

/** The default is measured first and stays unless another is faster by more than the noise. */
async function fastest(
  gpu: Gpu,
  { pass, shape, precision }: ConvolutionPass,
  end: number,
): Promise<string> {
  const first = selectVariant(gpu, pass, shape, { precision });
  const all = candidates(gpu, pass, shape, precision);
  const { N, H, W, C, K, R, S } = shape;
  const { P, Q } = outputSize(shape);
  const room = (shape: Shape, type: ElementType = "f32"): Room => ({
    buffer: createBuffer(gpu, storedBytes({ shape, type }), "tuning"),
    type,
  });
  const x = room([N, H, W, C], precision);
  const y = room([N, P, Q, K], precision);
  const w = room([R, S, C, K]);
  const operands = {
    forward: { x, w, y },
    backward_data: { dy: y, w, dx: x },
    backward_weight: { x, dy: y, dw: w },
  }[pass];
  let best = { name: first, ms: Infinity };
  for (const name of [first, ...all.filter((name) => name !== first)]) {
    if (performance.now() > end) break;
    const variant: Variant<Pass> = variants[pass][name];
    const temporaries: Room[] = [];
    const temporary = (shape: Shape) => {
      temporaries.push(room(shape));
      return temporaries.at(-1)!;
    };
    const steps = variant.steps<Room>(shape, operands as never, { gpu, add: false, temporary });
    const launches = steps.map((step) => launchOf(gpu, step));
    const ms = await time(gpu, launches, best.ms);
    if (ms < best.ms * (name === first ? 1 : 0.95)) best = { name, ms };
    release(launches);
    for (const { buffer } of temporaries) buffer.destroy();
  }
  for (const { buffer } of [x, y, w]) buffer.destroy();
  return best.name;
}

function launchOf(gpu: Gpu, step: Step<Room>): Launch {
  const rooms = Object.entries(step.bind);
  return launch(gpu, kernel(gpu, codeFor(step.code, step.bind), step.constants), {
    ...step,
    bind: Object.fromEntries(rooms.map(([name, { buffer }]) => [name, buffer])),
  });
}

/** What waiting for the device costs by itself, ms. */
const WAIT = 11;
/** What a timed run should take, so that the wait is drowned, ms. */
const AIM = 30;

/** Milliseconds of one run: the least of three, each long enough to drown the wait; hopeless ones end early. */
async function time(gpu: Gpu, launches: Launch[], best: number): Promise<number> {
  const run = async (times: number) => {
    const start = performance.now();
    submit(gpu, Array.from({ length: times }, () => launches).flat());
    await gpu.device.queue.onSubmittedWorkDone();
    return (performance.now() - start) / times;
  };
  await run(1);
  const once = await run(1);
  if (once - WAIT > 3 * best) return once;
  const times = Math.max(1, Math.min(50, Math.ceil(AIM / Math.max(0.5, once - WAIT))));
  let least = await run(times);
  for (let trial = 0; trial < 2 && least < 1.5 * best; trial++) {
    least = Math.min(least, await run(times));
  }
  return least;
}
