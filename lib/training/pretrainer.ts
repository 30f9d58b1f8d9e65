/** A contrastive method as the loop trains it: tape, program, views, pairs. */
import type { Gpu } from "@/gpu/device.ts";
import type { Images } from "@/gpu/images.ts";
import { movingAverage } from "@/gpu/optim/moving_average.ts";
import type { Optimizer } from "@/gpu/optim/optimizer.ts";
import { ParameterStore } from "@/gpu/parameters.ts";
import { stdOfL2Normalized } from "@/gpu/ops/std_of_l2_normalized.ts";
import { compile, type Program } from "@/gpu/program.ts";
import { Tape } from "@/gpu/tape.ts";
import { batchPositives, type Positives } from "@/lib/gaze/positives.ts";
import type { NetworkSpec } from "@/lib/specs/network.ts";
import type { PretrainSpec } from "@/lib/specs/pretrain.ts";
import { backboneSpec } from "@/lib/models/specs.ts";
import type { Built, Encoder } from "@/lib/ssl/method.ts";
import { sizeOf } from "@/lib/images/image_size.ts";
import { methodOf } from "@/lib/ssl/mod.ts";
import type { SelectedVariants } from "@/lib/store/mod.ts";
import type { State } from "./checkpoint.ts";
import type { ImageSet } from "./image_set.ts";
import type { Moment, Trainee } from "./training_loop.ts";
import { appendEmbeddingCache, CACHE_SLOTS, EmbeddingCache } from "./embedding_bank.ts";
import { gauges, type Known } from "./embedding_metrics.ts";
import { appendOptimizer, rateAt, updateMetrics } from "./optimizer.ts";
import { QueueImages } from "./queue_images.ts";
import { restoreState, snapshotState } from "./snapshot.ts";
import { Views } from "./views.ts";

/** The whole training step of a method on a tape, nothing allocated yet. */
export interface PretrainTape {
  tape: Tape;
  store: ParameterStore;
  built: Built;
  optimizer: Optimizer;
  /** Inputs that views fill, by name. */
  views: { name: string; views: number[] }[];
}

export function pretrainTape(
  gpu: Gpu,
  spec: PretrainSpec & NetworkSpec,
  encoder: Encoder,
  { batch, selected }: { batch: number; selected?: SelectedVariants },
): PretrainTape {
  const store = new ParameterStore(gpu);
  const { checkpointing, precision } = spec;
  const tape = new Tape(store, { checkpointing, precision, selected });
  const views: PretrainTape["views"] = [];
  const { height, width } = sizeOf(spec.image_size);
  const built = methodOf(spec.method)(tape, {
    images: batch,
    encoder,
    views(which) {
      const name = `views ${which.join(" ")}`;
      views.push({ name, views: which });
      return tape.input(name, [which.length * batch, height, width, 4]);
    },
    weights: (columns) => tape.input("A", [batch, columns]),
  }, spec.config);
  tape.record("loss", built.loss);
  tape.record("output_spread", stdOfL2Normalized(tape, built.output));
  appendEmbeddingCache(tape, built, batch);
  const { decays } = backboneSpec(spec.backbone);
  const made = appendOptimizer(tape, spec.optimizer, {
    loss: built.loss,
    ...(decays && { decays: ({ name, shape }) => decays(name, shape.length) }),
    groups: built.fixedRate && { fixed: built.fixedRate },
  });
  if (built.momentum) movingAverage(tape);
  return { tape, store, built, optimizer: made, views };
}

export interface PretrainerOptions {
  spec: PretrainSpec & NetworkSpec;
  encoder: Encoder;
  /** Images of a batch. */
  batch: number;
  images: Images;
  means: ArrayLike<number>;
  gaze?: ImageSet["gaze"];
  normalization: { mean: number[]; std: number[] };
  positives: Positives;
  /** Class and patient of every image, where known, for the online kNN. */
  known?: Known[];
  /** Steps in an epoch, for the warm-up. */
  perEpoch: number;
  /** Which variants of convolutions to run by. */
  selected?: SelectedVariants;
}

export class Pretrainer implements Trainee {
  readonly store: ParameterStore;
  /** Dimensions of the output whose spread is recorded: D. */
  readonly dimensions: number;
  private readonly program: Program;
  private readonly views: Views;
  private readonly queue?: QueueImages;
  private readonly cache: EmbeddingCache;
  private readonly made: PretrainTape;
  /** For each run not read yet, whether it updated the weights. */
  private updates: boolean[] = [];

  constructor(gpu: Gpu, readonly options: PretrainerOptions) {
    const { spec, encoder, batch, images, means, gaze, normalization, selected } = options;
    this.made = pretrainTape(gpu, spec, encoder, { batch, selected });
    const { tape, store, built } = this.made;
    this.store = store;
    this.program = compile(tape);
    const outputs = this.made.views.map(({ name, views }) => ({
      output: this.program.buffer(name),
      views,
    }));
    this.views = new Views(gpu, images, outputs, {
      images: batch,
      size: sizeOf(spec.image_size),
      channels: spec.channels,
      normalization,
      augmentation: spec.augmentation,
      seed: spec.seed,
      ...{ means, gaze },
    });
    this.cache = new EmbeddingCache(store, options.positives.n, spec.seed);
    if (built.queue) this.queue = new QueueImages(built.queue);
    this.dimensions = built.output.shape.at(-1)!;
  }

  run(batch: Uint32Array<ArrayBuffer>, moment: Moment): Record<string, number> {
    const { spec, perEpoch } = this.options;
    const { built, optimizer } = this.made;
    const { epoch, step, steps, part, parts } = moment;
    this.views.write(batch, epoch);
    const { weights, pairs } = this.weights(batch, step * MOST_PARTS + part);
    this.program.write("A", weights);
    this.program.write(CACHE_SLOTS, this.cache.slotsOf(batch));
    const learning_rate = rateAt(spec.optimizer, spec.schedule, { step, steps, perEpoch });
    const update = part === parts - 1;
    this.program.set({
      lr: learning_rate,
      ...optimizer.scalars(step + 1),
      "gradient.scale": 1 / parts,
      ...(built.fixedRate && { "lr.fixed": spec.optimizer.learning_rate }),
      ...(built.momentum && { "ema.momentum": built.momentum(step, steps) }),
      ...(this.queue && { "queue.at": this.queue.at }),
    });
    this.program.run({ clear: part === 0, update, before: this.views.launches });
    this.queue?.put(batch);
    this.updates.push(update);
    return { learning_rate, pairs };
  }

  /** A of a batch, and how many of its pairs are positive besides an image with itself. */
  private weights(batch: Uint32Array<ArrayBuffer>, step: number) {
    const { positives, spec: { drop, seed } } = this.options;
    const draw = { drop, seed, step };
    const weights = this.queue
      ? this.queue.weights(positives, batch, draw)
      : batchPositives(positives, batch, batch, draw);
    let pairs = 0;
    for (const weight of weights) if (weight > 0) pairs++;
    return { weights, pairs: this.queue ? pairs : (pairs - batch.length) / 2 };
  }

  /** Figures of the embeddings as the steps since the last epoch's end have left them. */
  async gauges(): Promise<Record<string, number>> {
    const { known, positives } = this.options;
    return gauges(await this.cache.read(), { known, positives });
  }

  async recorded(): Promise<Record<string, number>[]> {
    const records = await this.program.metrics();
    const updates = this.updates.splice(0).slice(-records.length);
    return records.map(({ values }, i) => updateMetrics(values, updates[i]));
  }

  async snapshot(): Promise<() => Promise<State>> {
    const queued: State = new Map();
    this.queue?.save(queued);
    const read = await snapshotState(this.store);
    return async () => new Map([...await read(), ...queued]);
  }

  restore(state: State): void {
    restoreState(this.store, state);
    this.queue?.restore(state);
  }

  destroy(): void {
    this.views.destroy();
    this.program.destroy();
    this.store.destroy();
  }
}

/** Above the parts of any step, so that every batch has a place of its own among the draws. */
const MOST_PARTS = 1024;
