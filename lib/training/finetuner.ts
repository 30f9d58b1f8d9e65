/** A classifier as the loop trains it: all weights, or the last layer on a frozen backbone. */
import type { Gpu } from "@/gpu/device.ts";
import type { Images } from "@/gpu/images.ts";
import { softmaxLoss } from "@/gpu/ops/softmax_loss.ts";
import type { Optimizer } from "@/gpu/optim/optimizer.ts";
import { ParameterStore } from "@/gpu/parameters.ts";
import { compile, type Program } from "@/gpu/program.ts";
import { Tape } from "@/gpu/tape.ts";
import { classify } from "@/lib/inference/evaluator.ts";
import { backboneSpec } from "@/lib/models/specs.ts";
import type { FinetuneSpec } from "@/lib/specs/finetune.ts";
import type { NetworkSpec } from "@/lib/specs/network.ts";
import { sizeOf } from "@/lib/images/image_size.ts";
import type { ModelSpec, SelectedVariants } from "@/lib/store/mod.ts";
import type { State } from "./checkpoint.ts";
import type { ImageSet } from "./image_set.ts";
import type { Moment, Trainee } from "./training_loop.ts";
import { appendOptimizer, rateAt, updateMetrics } from "./optimizer.ts";
import { restoreState, snapshotState } from "./snapshot.ts";
import { Views } from "./views.ts";

export interface FinetuneTape {
  tape: Tape;
  store: ParameterStore;
  optimizer: Optimizer;
}

/** The whole training step on a tape, nothing allocated yet. A linear probe keeps its norms still. */
export function finetuneTape(
  gpu: Gpu,
  spec:
    & Pick<FinetuneSpec, "mode" | "batch_norm" | "optimizer" | "checkpointing" | "precision">
    & NetworkSpec,
  classes: string[],
  { batch, selected }: { batch: number; selected?: SelectedVariants },
): FinetuneTape {
  const linear = spec.mode !== "full";
  const still = linear || spec.batch_norm === "frozen";
  const { head, isNorm, decays } = backboneSpec(spec.backbone);
  const store = new ParameterStore(gpu, {
    trainable: (name) => linear ? name.startsWith(`${head}.`) : !(still && isNorm(name)),
  });
  const { checkpointing, precision } = spec;
  const tape = new Tape(store, { checkpointing, precision, selected });
  const { height, width } = sizeOf(spec.image_size);
  const views = tape.input("views", [batch, height, width, 4]);
  const w = tape.input("targets", [batch, classes.length]);
  const logits = classify(tape, views, { ...spec, classes }, { training: !still });
  const loss = softmaxLoss(tape, logits, w);
  tape.record("loss", loss);
  const made = appendOptimizer(tape, spec.optimizer, {
    loss,
    ...(decays && { decays: ({ name, shape }) => decays(name, shape.length) }),
  });
  return { tape, store, optimizer: made };
}

export interface FinetunerOptions {
  spec: FinetuneSpec & NetworkSpec;
  model: ModelSpec;
  batch: number;
  images: Images;
  means: ArrayLike<number>;
  gaze?: ImageSet["gaze"];
  /** Class of each training image, and the weight of each class in the loss. */
  labels: ArrayLike<number>;
  weights: ArrayLike<number>;
  /** Draws of this fold. */
  seed: number;
  perEpoch: number;
  /** Which variants of convolutions to run by. */
  selected?: SelectedVariants;
}

export class Finetuner implements Trainee {
  readonly store: ParameterStore;
  private readonly program: Program;
  private readonly views: Views;
  private readonly optimizer: Optimizer;

  constructor(gpu: Gpu, readonly options: FinetunerOptions) {
    const { spec, model, batch, images, means, gaze, seed, selected } = options;
    const { tape, store, optimizer } = finetuneTape(gpu, spec, model.classes, {
      ...{ batch, selected },
    });
    this.store = store;
    this.optimizer = optimizer;
    this.program = compile(tape);
    const outputs = [{ output: this.program.buffer("views"), views: [0] }];
    this.views = new Views(gpu, images, outputs, {
      images: batch,
      size: sizeOf(spec.image_size),
      channels: spec.channels,
      normalization: model.normalization,
      augmentation: spec.augmentation,
      seed,
      ...{ means, gaze },
    });
  }

  run(batch: Uint32Array<ArrayBuffer>, { epoch, step, steps }: Moment): Record<string, number> {
    const { spec, labels, weights, model: { classes }, perEpoch } = this.options;
    this.views.write(batch, epoch);
    const targets = new Float32Array(batch.length * classes.length);
    batch.forEach((image, i) => {
      targets[i * classes.length + labels[image]] = weights[labels[image]];
    });
    this.program.write("targets", targets);
    const learning_rate = rateAt(spec.optimizer, spec.schedule, { step, steps, perEpoch });
    this.program.set({ lr: learning_rate, ...this.optimizer.scalars(step + 1) });
    this.program.run({ before: this.views.launches });
    return { learning_rate };
  }

  async recorded(): Promise<Record<string, number>[]> {
    return (await this.program.metrics()).map(({ values }) => updateMetrics(values));
  }

  async snapshot(): Promise<State> {
    return await snapshotState(this.store);
  }

  restore(state: State): void {
    restoreState(this.store, state);
  }

  destroy(): void {
    this.views.destroy();
    this.program.destroy();
    this.store.destroy();
  }
}

/** Weights of the classes in the loss: 1, or the inverse of a class's share, 1 on average over images. */
export function classWeights(
  labels: ArrayLike<number>,
  classes: number,
  kind: FinetuneSpec["class_weights"],
): number[] {
  const counts = new Array(classes).fill(0);
  for (let i = 0; i < labels.length; i++) counts[labels[i]]++;
  const present = counts.filter((count) => count > 0).length;
  return counts.map((count) =>
    kind === "none" || count === 0 ? 1 : labels.length / (present * count)
  );
}
