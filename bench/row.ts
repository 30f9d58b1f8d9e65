import type { SelectedVariants } from "@/gpu/convolution/selection.ts";
import type { Gpu } from "@/gpu/device.ts";
import {
  difference,
  type Engine,
  type Prepared,
  type PreparedStep,
  type Start,
  type StepState,
  TOLERANCE,
} from "./engine.ts";
import type { Row } from "./report.ts";
import { type Measured, type Product, shapeText, type TrainingStep, workOf } from "./shapes.ts";
import { type TimingOptions, timings } from "./timing.ts";
import { startOf } from "./training.ts";
import { variantOf } from "./variants.ts";

/** An engine that can compute what is measured. */
interface Able<P = Prepared> {
  name: Engine["name"];
  prepared: P;
}

/**
 * Times one operation on all engines that can compute it; ours is the first of them. Why another one
 * cannot goes to stderr.
 * @param options.torch whether PyTorch was asked for; `selected` are those that ours runs by
 * @throws {Error} when ours cannot, or results differ
 */
export async function measure(
  gpu: Gpu,
  engines: Engine[],
  one: Measured,
  options: { torch: boolean; selected: SelectedVariants },
): Promise<Row> {
  const able = "network" in one
    ? await alikeSteps(engines, one, await startOf(gpu, one))
    : await alikeProducts(engines, one);
  const times = await timings(able, timingOf(gpu, one));
  for (const { prepared } of able) await prepared.destroy();
  const of = (name: Engine["name"]) => {
    const at = able.findIndex((engine) => engine.name === name);
    return at < 0 ? null : Number(times[at].toPrecision(4));
  };
  const ms = of("ours")!;
  return {
    op: one.op,
    shape: shapeText(one),
    ms,
    gflops: Number((workOf(one) / ms / 1e6).toPrecision(4)),
    variant: variantOf(gpu, one, options.selected),
    peers: {
      jax_js: of("jax_js"),
      tfjs: of("tfjs"),
      ...(options.torch && { torch: of("torch") }),
    },
  };
}

function timingOf(gpu: Gpu, one: Measured): TimingOptions {
  const { software } = gpu.info;
  if ("network" in one) {
    return { budget: 20_000, rounds: [2, 6], repeats: { aim: 0, most: 1 } };
  }
  const { N, H, W, C, K } = one.shape;
  // All results of one timed run lie in memory at the same time.
  const fitting = Math.floor(2 ** 30 / (4 * Math.max(N * H * W * C, N * H * W * K)));
  return {
    budget: 1200,
    rounds: [2, 12],
    repeats: { aim: software ? 20 : 60, most: software ? 8 : Math.min(64, fitting) },
  };
}

/** Prepares all engines and runs each once. */
async function prepareAll<P extends Prepared>(
  engines: Engine[],
  one: Measured,
  prepare: (engine: Engine) => Promise<P>,
): Promise<Able<P>[]> {
  const able: Able<P>[] = [];
  for (const engine of engines) {
    try {
      const prepared = await prepare(engine);
      await prepared.run(1);
      able.push({ name: engine.name, prepared });
    } catch (error) {
      if (engine.name === "ours") throw error;
      say(engine.name, one, error);
    }
  }
  return able;
}

/** A fast wrong result is worth nothing: those with one layout must agree. */
async function alikeProducts(engines: Engine[], one: Product): Promise<Able[]> {
  const able = await prepareAll(engines, one, (engine) => engine.prepare(one));
  const results = [];
  for (const { prepared } of able) {
    if (prepared.result) results.push(await prepared.result());
  }
  const [first, ...others] = results;
  for (const other of others) {
    let worst = 0;
    let largest = 0;
    for (let i = 0; i < first.length; i++) {
      worst = Math.max(worst, Math.abs(first[i] - other[i]));
      largest = Math.max(largest, Math.abs(first[i]));
    }
    if (!(first.length === other.length && worst <= 1e-4 * largest)) {
      for (const { prepared } of able) await prepared.destroy();
      throw new Error(`Cannot compare ${one.op} ${shapeText(one)}: results differ by ${worst}`);
    }
  }
  return able;
}

/** Those whose loss, gradients and statistics are ours after each of two steps. */
async function alikeSteps(
  engines: Engine[],
  one: TrainingStep,
  start: Start,
): Promise<Able<PreparedStep>[]> {
  // PyTorch alone trains more than a ResNet-18 here.
  const asked = engines.filter(({ name }) =>
    one.network === "resnet18" || name === "ours" || name === "torch"
  );
  const able = await prepareAll(asked, one, (engine) => engine.prepareStep(start));
  const alike: Able<PreparedStep>[] = [];
  let known: StepState[] | undefined;
  for (const { name, prepared } of able) {
    const states = [await prepared.state()];
    await prepared.run(1);
    states.push(await prepared.state());
    known ??= states;
    const wrong = known.map((state, i) => difference(state, states[i], TOLERANCE[one.network]))
      .find((difference) => difference !== undefined);
    if (wrong === undefined) alike.push({ name, prepared });
    else {
      say(name, one, `Cannot compare: ${wrong}`);
      await prepared.destroy();
    }
  }
  return alike;
}

function say(name: string, one: Measured, problem: unknown): void {
  console.error(`${name} ${one.op} ${shapeText(one)}: ${problem}`);
}
