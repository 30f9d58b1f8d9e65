/**
 * A tape builds, a program runs: ops append launches over symbolic tensors, `backward` appends those of
 * the gradients, and `compile` (program.ts) turns the whole into buffers and bind groups.
 *
 * An op is one file in `gpu/ops`, forward and backward together:
 * ```ts
 * export function double(tape: Tape, x: Tensor): Tensor {
 *   const params = { n: elementCount(x.shape) };
 *   const grid = tape.grid(params.n, 64);
 *   const y = tape.value(x.shape, [x]);                       // differentiable when x is
 *   tape.launch({ code, bind: { x, y }, params, grid });
 *   tape.onBackward(y, (dy) =>                                // runs only if a gradient reached y
 *     tape.addGradient(x, (dx, add) =>                        // skipped if x needs none
 *       tape.launch({ code, constants: { ADD: +add }, bind: { x: dy, y: dx }, params, grid })));
 *   return y;
 * }
 * ```
 * Gradients add. Whether `dx` holds something already is known while building, so the launch gets
 * `add`: false means it writes every element of `dx`, true means `dx += ...`. Gradients of parameters
 * are always `add` (the program clears them before a step). A kernel that can only write uses
 * `{ writes: true }`: it then gets a temporary tensor, and an addition is appended where needed.
 * A training step, compiled once and run many times:
 * ```ts
 * const store = new ParameterStore(gpu);
 * const tape = new Tape(store);
 * const x = tape.input("x", [N, S, S, 4]);
 * const { features } = resnet(tape, x, { name: "resnet18" });
 * const loss = crossEntropy(tape, classifier(tape, features, 3), labels);
 * tape.backward(loss);
 * const optimizer = adamW(tape, { loss, weightDecay: 1e-2 });
 * tape.record("loss", loss);
 * const program = compile(tape);
 * initialize(store, seed);
 * program.write("x", pictures);                               // for every step
 * program.set({ lr, ...optimizer.scalars(step + 1) });
 * program.run();
 * ```
 * Which bindings a launch reads and writes is read from the shader. A buffer cannot be read and written
 * by one launch through two bindings; values never share a buffer with another value of the same launch.
 */
import addCode from "@/kernels/add_into.wgsl" with { type: "text" };
import copyCode from "@/kernels/copy.wgsl" with { type: "text" };
import recordCode from "@/kernels/record.wgsl" with { type: "text" };
import fillCode from "@/kernels/fill.wgsl" with { type: "text" };
import type { HostArray } from "./buffer.ts";
import type { SelectedVariants } from "./convolution/selection.ts";
import type { ConvolutionPass } from "./convolution/variant.ts";
import type { Gpu } from "./device.ts";
import { checkNames, reflect } from "./kernel.ts";
import type { EntryOptions, ParameterStore, Section } from "./parameters.ts";
import { codeFor } from "./element_type.ts";
import type { Phase, Step } from "./step.ts";
import type { ElementType, Precision, Shape, Tensor } from "./tensor.ts";
import { elementCount, rootOf } from "./tensor.ts";

export interface TapeOptions {
  /**
   * Whether ops behave as in training (batch statistics) by default; default true. A tape for evaluation
   * has no gradients.
   */
  training?: boolean;
  /**
   * Whether backward steps also compute convolutions again instead of keeping their outputs: about a third
   * more time and a fraction of the memory, not a bit of difference in the results. Default false.
   */
  checkpointing?: boolean;
  /** Which variants of convolutions were measured to be fastest; without one the default holds. */
  selected?: SelectedVariants;
  /** How feature maps and their gradients are stored, default "f32". "f16" needs the adapter's shader-f16. */
  precision?: Precision;
}

/** What computing a value again takes: one pass over elements, or a convolution. */
export type Cost = "pass" | "convolution";

/** Slots for numbers that change per step. */
export const SCALARS = 64;

/** Columns and rows of the ring of recorded metrics. */
export const METRICS = 16;
export const METRICS_KEPT = 256;

export class Tape {
  readonly gpu: Gpu;
  readonly training: boolean;
  readonly checkpointing: boolean;
  readonly selected: SelectedVariants;
  readonly precision: Precision;
  /** Passes of convolutions and products of matrices that were appended, by `keyOf`. */
  readonly passes = new Map<string, ConvolutionPass>();
  readonly steps: { phase: Phase; step: Step }[] = [];
  readonly inputs = new Map<string, Tensor>();
  /** Slots of `scalars` by name; set per step with `program.set`. */
  readonly slots = new Map<string, number>();
  /** Values of scalars that the host need not set. */
  readonly starts = new Map<string, number>();
  /** `[64]` f32: the numbers that change per step. Bind it as `scalars` and pass the slot as a parameter. */
  readonly scalars: Tensor;
  /** Columns of `ring` by the name of the metric. */
  readonly metrics = new Map<string, number>();
  /** `[256, 16]`: metrics of the last runs. */
  readonly ring: Tensor;
  private readonly parameters = new Map<string, Tensor>();
  private readonly backwards: { y: Tensor; run: (dy: Tensor) => void }[] = [];
  private readonly gradients = new Map<number, Tensor>();
  /** How to write a value again, by its id, and the values written again so far (rematerialisation). */
  private readonly recompute = new Map<number, (y: Tensor) => void>();
  private readonly recomputed = new Map<number, Tensor>();
  private backwardBegun = false;
  private phase: Phase = "step";
  private count = 0;

  constructor(readonly store: ParameterStore, options: TapeOptions = {}) {
    this.gpu = store.gpu;
    this.training = options.training ?? true;
    this.checkpointing = options.checkpointing ?? false;
    this.selected = options.selected ?? {};
    this.precision = options.precision ?? "f32";
    if (this.precision === "f16" && !this.gpu.features.f16) {
      throw new Error("Cannot store feature maps in f16: this adapter has no shader-f16");
    }
    this.scalars = this.make({ name: "scalars", shape: [SCALARS], place: { kind: "input" } });
    this.ring = this.make({
      name: "metrics",
      shape: [METRICS_KEPT, METRICS],
      place: { kind: "input" },
    });
  }

  /** A tensor that the host (or a launch of its own) fills before a step. */
  input(name: string, shape: Shape, type: ElementType = "f32"): Tensor {
    if (this.inputs.has(name)) throw new Error(`Cannot add input "${name}" twice`);
    const input = this.make({ name, shape, type, place: { kind: "input" } });
    this.inputs.set(name, input);
    return input;
  }

  /** A weight; asking for a name again gives the same tensor, whose gradient then adds up. */
  parameter(name: string, shape: Shape, options: EntryOptions): Tensor {
    const { section, offset } = this.store.declare(name, shape, options);
    let tensor = this.parameters.get(name);
    if (!tensor) {
      const differentiable = section === "values";
      tensor = this.make({
        name,
        shape,
        differentiable,
        place: { kind: "section", section, offset },
      });
      this.parameters.set(name, tensor);
    }
    return tensor;
  }

  /** Running statistics, a queue: read and written by steps, kept in the store. */
  statistic(name: string, shape: Shape, options: Omit<EntryOptions, "statistic">): Tensor {
    return this.parameter(name, shape, { ...options, statistic: true });
  }

  /** A whole flat buffer of the store, `[length]`, or `length` elements of it from `offset`. */
  section(name: Section, offset = 0, length = this.store.lengthOf(name) - offset): Tensor {
    return this.make({ name, shape: [length], place: { kind: "section", section: name, offset } });
  }

  /**
   * Room beside a parameter, of its shape, for what launches of the phase `load` make of it; one room for
   * all programs over the store.
   */
  folded({ name, shape, place }: Tensor): Tensor {
    if (place.kind !== "section") throw new Error(`Cannot fold "${name}": it is no parameter`);
    const section = place.section === "values" ? "folded_values" : "folded_frozen";
    return this.make({ name, shape, place: { ...place, section } });
  }

  /** Numbers fixed while building (tables). */
  constant(name: string, data: HostArray, type: ElementType = "u32"): Tensor {
    const place = { kind: "constant", data } as const;
    return this.make({ name, shape: [data.byteLength / 4], type, place });
  }

  /** Memory for an op's output or for something it keeps for its backward steps. */
  value(
    shape: Shape,
    from: Tensor[] = [],
    options: { name?: string; type?: ElementType } = {},
  ): Tensor {
    const differentiable = from.some((tensor) => tensor.differentiable);
    return this.make({
      name: "value",
      shape,
      differentiable,
      place: { kind: "value" },
      ...options,
    });
  }

  /** The same elements under another shape. */
  reshape(x: Tensor, shape: Shape): Tensor {
    if (elementCount(shape) !== elementCount(x.shape)) {
      throw new Error(`Cannot reshape "${x.name}" from [${x.shape}] to [${shape}]`);
    }
    return this.make({ ...x, shape, base: x });
  }

  /** The same elements, as a constant for the gradient: sg(x). */
  stopGradient(x: Tensor): Tensor {
    return this.make({ ...x, differentiable: false, base: x });
  }

  /** The same elements, as where backward steps end: their gradient is collected, whatever they came from. */
  watch(x: Tensor): Tensor {
    return this.make({ ...x, differentiable: true, base: x });
  }

  /** Slot of a number that changes per step; without a `start` the host must set it before a run. */
  scalar(name: string, start?: number): number {
    let slot = this.slots.get(name);
    if (start !== undefined) this.starts.set(name, start);
    if (slot === undefined) this.slots.set(name, slot = this.slots.size);
    if (slot >= SCALARS) throw new Error(`Cannot add scalar "${name}": there are ${SCALARS} slots`);
    return slot;
  }

  /** Records element `index` of `x` in every run; `program.metrics()` reads many runs at once. */
  record(name: string, x: Tensor, index = 0): void {
    const column = this.metrics.size;
    if (column >= METRICS) throw new Error(`Cannot record "${name}": there are ${METRICS} columns`);
    this.metrics.set(name, column);
    const params = { index, column, columns: METRICS, slot: this.scalar("metrics.row", 0) };
    const bind = { x, scalars: this.scalars, ring: this.ring };
    this.during("record", () => this.launch({ code: recordCode, bind, params, grid: [1] }));
  }

  /** Appends a launch; after the forward steps, values that are recomputable are written again for it. */
  launch(step: Step): void {
    const reflection = reflect(step.code);
    checkNames(reflection, Object.keys(step.bind));
    const bind = { ...step.bind };
    if (this.backwardBegun && this.phase === "step") {
      for (const [binding, tensor] of Object.entries(bind)) {
        if (!reflection.writes.has(binding)) bind[binding] = this.forBackward(tensor);
      }
    }
    this.steps.push({ phase: this.phase, step: { ...step, bind, code: codeFor(step.code, bind) } });
  }

  /**
   * Appends the launches that write `y`, and lets backward steps append them once more where they first
   * need it, so that its memory serves others in between. `build` writes the tensor that it is given, every
   * element, from tensors that hold in the backward steps what they hold now (or are recomputable themselves).
   */
  recomputable(y: Tensor, cost: Cost, build: (y: Tensor) => void): void {
    build(y);
    if (cost === "pass" || this.checkpointing) this.recompute.set(y.id, build);
  }

  /** Appends the launches of `build` to another phase. */
  during<T>(phase: Phase, build: () => T): T {
    const before = this.phase;
    this.phase = phase;
    const result = build();
    this.phase = before;
    return result;
  }

  /**
   * Workgroups for `items` items, `each` per workgroup, over x and y where x alone has too few:
   * kernels find theirs as `group.x + group.y * groups.x` and must check the end.
   */
  grid(items: number, each: number): [number, number] {
    const most = 32768;
    const groups = Math.max(1, Math.ceil(items / each));
    const rows = Math.ceil(groups / most);
    return [Math.ceil(groups / rows), rows];
  }

  /** Registers the backward steps of `y`; they are appended, last first, by `backward`. */
  onBackward(y: Tensor, run: (dy: Tensor) => void): void {
    if (y.differentiable) this.backwards.push({ y, run });
  }

  /**
   * Lets `build` append a launch that adds to the gradient of `x`. Not called when `x` needs none.
   * @param options.writes the launch can only write, so it always gets `add = false`
   */
  addGradient(
    x: Tensor,
    build: (dx: Tensor, add: boolean) => void,
    options: { writes?: boolean } = {},
  ): void {
    if (!x.differentiable) return;
    const root = rootOf(x);
    const known = this.gradientOfRoot(root);
    if (!known) {
      const gradient = this.value(root.shape, [], { name: `d ${root.name}`, type: root.type });
      this.gradients.set(root.id, gradient);
      build(this.viewAs(gradient, x), false);
    } else if (!options.writes) build(this.viewAs(known, x), true);
    else {
      const part = this.value(x.shape, [], { name: `d ${x.name}`, type: x.type });
      build(part, false);
      this.addInto(known, part);
    }
  }

  /**
   * Gives `g` away as (a part of) the gradient of `x`, without a copy if it is the first part. The giver
   * appends no further launch that uses `g`, and gives it to one tensor only.
   */
  giveGradient(x: Tensor, g: Tensor): void {
    if (!x.differentiable) return;
    const root = rootOf(x);
    const known = this.gradientOfRoot(root);
    if (known) this.addInto(known, g);
    else this.gradients.set(root.id, this.viewAs(g, root));
  }

  /** The gradient collected so far, under the shape of `x`; undefined when none reached it. */
  gradient(x: Tensor): Tensor | undefined {
    const known = x.differentiable ? this.gradientOfRoot(rootOf(x)) : undefined;
    return known && this.viewAs(known, x);
  }

  /**
   * Appends the backward steps of all ops, from `loss` (one element). Call it once.
   * @param options.scale `[1]`: all gradients become those of the loss times this, by default 1
   */
  backward(loss: Tensor, { scale }: { scale?: Tensor } = {}): void {
    if (elementCount(loss.shape) !== 1) {
      throw new Error(`Cannot start backward from [${loss.shape}]`);
    }
    if (!this.training) throw new Error("Cannot start backward: this tape is for evaluation");
    this.backwardBegun = true;
    const start = (y: Tensor): Step =>
      scale
        ? { code: copyCode, bind: { x: scale, y }, params: { n: 1 }, grid: [1] }
        : { code: fillCode, bind: { y }, params: { value: 1, n: 1 }, grid: [1] };
    this.addGradient(loss, (dy) => this.launch(start(dy)));
    for (const { y, run } of this.backwards.splice(0).reverse()) {
      const dy = this.gradient(y);
      if (dy) run(dy);
    }
  }

  /** The tensor to read in a backward step. */
  private forBackward(tensor: Tensor): Tensor {
    const root = rootOf(tensor);
    const build = this.recompute.get(root.id);
    if (!build) return tensor;
    let again = this.recomputed.get(root.id);
    if (!again) {
      again = this.value(root.shape, [], { name: root.name, type: root.type });
      build(again);
      this.recomputed.set(root.id, again);
    }
    return this.viewAs(again, tensor);
  }

  private addInto(y: Tensor, x: Tensor): void {
    const n = elementCount(y.shape);
    this.launch({ code: addCode, bind: { x, y }, params: { n }, grid: this.grid(n, 1024) });
  }

  private gradientOfRoot(root: Tensor): Tensor | undefined {
    const known = this.gradients.get(root.id);
    if (known || root.place.kind !== "section") return known;
    const { offset } = root.place;
    const gradient = this.make({
      name: `d ${root.name}`,
      shape: root.shape,
      place: { kind: "section", section: "gradients", offset },
    });
    this.gradients.set(root.id, gradient);
    return gradient;
  }

  private viewAs(tensor: Tensor, like: Tensor): Tensor {
    return tensor.shape.join() === like.shape.join() ? tensor : this.reshape(tensor, like.shape);
  }

  private make(
    tensor: Pick<Tensor, "name" | "shape" | "place"> & Partial<Tensor>,
  ): Tensor {
    return { type: "f32", differentiable: false, ...tensor, id: this.count++ };
  }
}
