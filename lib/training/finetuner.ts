/** A classifier as the loop trains it: all weights, or the last layer on a frozen backbone. */
import type { View } from "@/gpu/augment.ts";
import type { Gpu } from "@/gpu/device.ts";
import type { Images } from "@/gpu/images.ts";
import { classAttention } from "@/gpu/ops/class_attention.ts";
import { channelMean, classMap, classMapMean } from "@/gpu/ops/class_map.ts";
import { sigmoidLoss } from "@/gpu/ops/sigmoid_loss.ts";
import { softmaxLoss } from "@/gpu/ops/softmax_loss.ts";
import { weightedSum } from "@/gpu/ops/weighted_sum.ts";
import type { Optimizer } from "@/gpu/optim/optimizer.ts";
import { ParameterStore } from "@/gpu/parameters.ts";
import { compile, type Program } from "@/gpu/program.ts";
import { Tape } from "@/gpu/tape.ts";
import type { Tensor } from "@/gpu/tensor.ts";
import { layersOf } from "@/lib/inference/activations.ts";
import type { TokenAttention } from "@/lib/models/backbone.ts";
import { backboneSpec } from "@/lib/models/specs.ts";
import type { Truth } from "@/lib/evaluation/scores.ts";
import { attentionMapOf, type FinetuneSpec } from "@/lib/specs/finetune.ts";
import type { NetworkSpec } from "@/lib/specs/network.ts";
import { sizeOf } from "@/lib/images/image_size.ts";
import type { ModelSpec, SelectedVariants } from "@/lib/store/mod.ts";
import type { State } from "./checkpoint.ts";
import { type GazeGrid, gazeTarget, meanEntropy } from "./gaze_target.ts";
import type { ImageSet } from "./image_set.ts";
import type { Moment, Trainee } from "./training_loop.ts";
import { appendOptimizer, rateAt, updateMetrics } from "./optimizer.ts";
import { restoreState, snapshotState } from "./snapshot.ts";
import { Views } from "./views.ts";

export interface FinetuneTape {
  tape: Tape;
  store: ParameterStore;
  optimizer: Optimizer;
  /** Cells of the map whose attention is supervised. */
  grid?: GazeGrid;
}

/** The whole training step on a tape, nothing allocated yet. A linear probe keeps its norms still. */
export function finetuneTape(
  gpu: Gpu,
  spec:
    & Pick<
      FinetuneSpec,
      "mode" | "batch_norm" | "optimizer" | "attention" | "checkpointing" | "precision"
    >
    & NetworkSpec,
  classes: string[],
  { batch, selected, multi_label = false }: {
    batch: number;
    selected?: SelectedVariants;
    /** Whether an image may have any number of the classes. */
    multi_label?: boolean;
  },
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
  const K = classes.length;
  const network = layersOf(tape, views, { ...spec, classes }, { training: !still });
  const classification = multi_label
    ? sigmoidLoss(tape, network.logits!, w, tape.input(POSITIVE, [K]))
    : softmaxLoss(tape, network.logits!, w);
  const attention = spec.attention && appendAttention(tape, spec.attention, {
    ...network,
    kind: attentionMapOf(spec.backbone, spec.attention),
    classifier: () =>
      tape.parameter(`${head}.weight`, [network.features.shape[1], K], {
        initial: { kind: "constant", value: 0 },
      }),
    multi_label,
  });
  const loss = attention
    ? weightedSum(tape, [{ x: classification, weight: 1 }, attention.term])
    : classification;
  tape.record("loss", loss);
  if (attention) tape.record("attention_divergence", attention.term.x);
  const made = appendOptimizer(tape, spec.optimizer, {
    loss,
    ...(decays && { decays: ({ name, shape }) => decays(name, shape.length) }),
  });
  return { tape, store, optimizer: made, ...(attention && { grid: attention.grid }) };
}

/** Inputs of the tape: where readers looked, [N, h w], its mean entropy, [1], and each image's class, [N]. */
const GAZE = "gaze", ENTROPY = "gaze entropy", LABELS = "labels";
/** Of a multi-label set: the weight of what is present, [K], and each image's share of each finding, [K, N]. */
const POSITIVE = "positive weights", SHARES = "shares";

/**
 * The mean Kullback-Leibler divergence of the softmax over a map's cells (of a class token, of its mean attention to
 * them) from the gaze, over the images that have some; as a term of the loss.
 */
function appendAttention(
  tape: Tape,
  { weight, sigma }: NonNullable<FinetuneSpec["attention"]>,
  { kind, map, attention, classifier, multi_label }: {
    kind: ReturnType<typeof attentionMapOf>;
    map?: Tensor;
    attention?: TokenAttention;
    classifier: () => Tensor;
    multi_label: boolean;
  },
): { term: { x: Tensor; weight: number }; grid: GazeGrid } {
  const [rows, columns] = kind === "token" ? attention!.grid : map!.shape.slice(1);
  const byClass = (x: Tensor, w: Tensor) =>
    multi_label
      ? classMapMean(tape, x, w, tape.input(SHARES, [w.shape[1], x.shape[0]]))
      : classMap(tape, x, w, tape.input(LABELS, [x.shape[0]], "u32"));
  const cells = kind === "token"
    ? classAttention(tape, attention!.blocks.at(-1)!).mean
    : kind === "class"
    ? byClass(map!, classifier())
    : channelMean(tape, map!);
  const [N] = cells.shape;
  const crossEntropy = softmaxLoss(tape, cells, tape.input(GAZE, [N, rows * columns]));
  const x = weightedSum(tape, [
    { x: crossEntropy, weight: 1 },
    { x: tape.input(ENTROPY, [1]), weight: -1 },
  ]);
  return { term: { x, weight }, grid: { rows, columns, sigma } };
}

export interface FinetunerOptions {
  spec: FinetuneSpec & NetworkSpec;
  model: ModelSpec;
  batch: number;
  images: Images;
  means: ArrayLike<number>;
  gaze?: ImageSet["gaze"];
  /** Where the network is told to look on each training image, if it is. */
  attention?: ImageSet["gaze"];
  /** What each training image shows, and the weights of classes, or of findings that are present, in the loss: [K]. */
  truth: { labels: number[] } | { truths: Truth[][] };
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
  private readonly grid?: GazeGrid;

  constructor(gpu: Gpu, readonly options: FinetunerOptions) {
    const { spec, model, batch, images, means, gaze, seed, selected } = options;
    const { tape, store, optimizer, grid } = finetuneTape(gpu, spec, model.classes, {
      ...{ batch, selected, multi_label: model.multi_label },
    });
    this.store = store;
    this.optimizer = optimizer;
    this.grid = grid;
    this.program = compile(tape);
    if (model.multi_label) this.program.write(POSITIVE, Float32Array.from(options.weights));
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
    const { spec, perEpoch } = this.options;
    const views = this.views.write(batch, epoch);
    this.program.write("targets", this.targets(batch));
    if (this.grid) this.writeGaze(batch, views, this.grid);
    const learning_rate = rateAt(spec.optimizer, spec.schedule, { step, steps, perEpoch });
    this.program.set({ lr: learning_rate, ...this.optimizer.scalars(step + 1) });
    this.program.run({ before: this.views.launches });
    return { learning_rate };
  }

  async recorded(): Promise<Record<string, number>[]> {
    return (await this.program.metrics()).map(({ values }) => updateMetrics(values));
  }

  /** [N, K]: the weight of an image's class, or 1 and 0 of a finding, -1 where it is not known. */
  private targets(batch: Uint32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
    const { truth, weights, model: { classes: { length: K } } } = this.options;
    const targets = new Float32Array(batch.length * K);
    batch.forEach((image, i) => {
      if ("truths" in truth) truth.truths[image].forEach((is, k) => targets[i * K + k] = is ?? -1);
      else targets[i * K + truth.labels[image]] = weights[truth.labels[image]];
    });
    return targets;
  }

  private writeGaze(batch: Uint32Array<ArrayBuffer>, views: View[], grid: GazeGrid): void {
    const { attention, truth, spec } = this.options;
    const byClass = spec.attention !== null &&
      attentionMapOf(spec.backbone, spec.attention) === "class";
    const L = grid.rows * grid.columns;
    const targets = new Float32Array(batch.length * L);
    batch.forEach((image, i) => {
      // Without a finding there is no class whose map could be told.
      if (byClass && "truths" in truth && !truth.truths[image].includes(1)) return;
      targets.set(gazeTarget(attention?.[image], views[i], grid), i * L);
    });
    this.program.write(GAZE, targets);
    this.program.write(ENTROPY, Float32Array.of(meanEntropy(targets, L)));
    if (!byClass) return;
    if ("truths" in truth) this.program.write(SHARES, shares(batch, truth.truths));
    else this.program.write(LABELS, Uint32Array.from(batch, (image) => truth.labels[image]));
  }

  async snapshot(): Promise<() => Promise<State>> {
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

/** Each image's share of each of its findings, one over their number: [K, N]. */
function shares(batch: Uint32Array<ArrayBuffer>, truths: Truth[][]): Float32Array<ArrayBuffer> {
  const [N, K] = [batch.length, truths[0].length];
  const all = new Float32Array(K * N);
  batch.forEach((image, n) => {
    const own = truths[image].flatMap((is, k) => is === 1 ? [k] : []);
    for (const k of own) all[k * N + n] = 1 / own.length;
  });
  return all;
}

/**
 * The weight of what is present, of each finding, as PyTorch's `pos_weight`: 1, those that are given, or images
 * without it over images with it, among those of which it is known (1 where a side has none).
 */
export function positiveWeights(
  truths: Truth[][],
  classes: string[],
  kind: FinetuneSpec["pos_weight"],
): number[] {
  return classes.map((name, k) => {
    if (kind === "none") return 1;
    if (kind !== "balanced") return Object.hasOwn(kind, name) ? kind[name] : 1;
    const present = truths.filter((row) => row[k] === 1).length;
    const absent = truths.filter((row) => row[k] === 0).length;
    return present > 0 && absent > 0 ? absent / present : 1;
  });
}
