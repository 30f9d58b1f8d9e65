/** A compiled tape: buffers, pipelines and bind groups made once; a run is one encoder and one submit. */
import {
  createBuffer,
  type DeviceBuffer,
  type HostArray,
  readBuffers,
  writeBuffer,
} from "./buffer.ts";
import { encode, kernel, type Launch, launch, reflect, uniformBuffer } from "./kernel.ts";
import type { Section } from "./parameters.ts";
import { bytesOf, inOrder, type Plan, plan } from "./plan.ts";
import { storedBytes } from "./element_type.ts";
import type { Phase, Step } from "./step.ts";
import { METRICS, METRICS_KEPT, SCALARS, type Tape } from "./tape.ts";
import { rootOf, type Tensor } from "./tensor.ts";

export interface CompileOptions {
  /** Values that `read` may ask for after a run; all others share memory. */
  outputs?: Tensor[];
}

export interface RunOptions {
  /** Whether gradients start at zero (default true); false for all but the first micro-batch. */
  clear?: boolean;
  /** Whether the launches of the update phase run (default true); false for all but the last micro-batch. */
  update?: boolean;
  /** Launches put in front of the same submit, for instance the augmentation that fills an input. */
  before?: Launch[];
}

/** What was recorded in one run. */
export interface Metrics {
  /** Count of runs before this one. */
  run: number;
  values: Record<string, number>;
}

const UNIFORM_ALIGN = 256;

export class Program {
  readonly plan: Plan;
  /** Bytes allocated: shared values, inputs and constants, uniforms; the store's sections come on top. */
  readonly bytes: { values: number; dedicated: number; uniforms: number; total: number };
  /** Launches per phase. */
  readonly launches: Record<Phase, Launch[]> = { load: [], step: [], update: [], record: [] };
  private readonly shared: DeviceBuffer[];
  private readonly dedicated = new Map<number, DeviceBuffer>();
  private readonly outputs: Set<number>;
  private readonly uniforms: DeviceBuffer;
  private readonly scalars = new Float32Array(SCALARS);
  private readonly unset: Set<string>;
  private readonly usesGradients: boolean;
  private readonly changesStore: boolean;
  /** Version of the store at which the launches of the phase `load` ran. */
  private loaded = -1;
  private runs = 0;
  private reported = 0;

  constructor(private readonly tape: Tape, options: CompileOptions = {}) {
    const { gpu } = tape;
    const outputs = options.outputs ?? [];
    this.outputs = new Set(outputs.map((tensor) => rootOf(tensor).id));
    this.plan = plan(tape, { outputs });
    const most = gpu.limits.maxStorageBufferBindingSize;
    const needed = [
      ...this.plan.buffers.map(({ bytes }) => bytes),
      ...this.plan.dedicated.map(bytesOf),
    ];
    const largest = Math.max(...needed);
    if (largest > most) {
      throw new Error(
        `Cannot compile: one tensor takes ${largest} bytes, this adapter binds ${most}; ` +
          "a smaller batch or image fits",
      );
    }
    this.shared = this.plan.buffers.map(({ bytes }, i) => createBuffer(gpu, bytes, `values ${i}`));
    for (const tensor of this.plan.dedicated) {
      const buffer = createBuffer(gpu, bytesOf(tensor), tensor.name);
      if (tensor.place.kind === "constant") writeBuffer(gpu, buffer, tensor.place.data);
      this.dedicated.set(tensor.id, buffer);
    }
    const ordered = inOrder(tape);
    const { bytes, offsets } = packUniforms(ordered.map(({ step }) => step));
    this.uniforms = uniformBuffer(gpu, bytes, "program");
    ordered.forEach(({ phase, step }, i) => {
      const compiled = kernel(gpu, step.code, step.constants);
      this.launches[phase].push(launch(gpu, compiled, {
        bind: Object.fromEntries(
          Object.entries(step.bind).map(([name, tensor]) => [name, this.binding(tensor)]),
        ),
        grid: step.grid,
        uniform: { buffer: this.uniforms, ...offsets[i] },
      }));
    });
    this.usesGradients = ordered.some(({ step }) =>
      Object.values(step.bind).some(({ place }) =>
        place.kind === "section" && place.section === "gradients"
      )
    );
    this.changesStore = ordered.some(({ phase, step }) => phase !== "load" && changes(step));
    this.unset = new Set(tape.slots.keys());
    this.set(Object.fromEntries(tape.starts));
    const sum = (buffers: Iterable<DeviceBuffer>) =>
      [...buffers].reduce((total, buffer) => total + buffer.size, 0);
    const values = sum(this.shared);
    const dedicated = sum(this.dedicated.values());
    const uniforms = this.uniforms.size;
    this.bytes = { values, dedicated, uniforms, total: values + dedicated + uniforms };
    gpu.check();
  }

  /** The buffer behind an input, for launches that fill it on the GPU. */
  buffer(name: string): DeviceBuffer {
    const input = this.tape.inputs.get(name);
    const buffer = input && this.dedicated.get(input.id);
    if (!buffer) {
      throw new Error(`Cannot find input "${name}": there is [${[...this.tape.inputs.keys()]}]`);
    }
    return buffer;
  }

  /** Sets an input; it keeps its contents until the next write. */
  write(name: string, data: HostArray): void {
    const buffer = this.buffer(name);
    const input = this.tape.inputs.get(name)!;
    if (data.byteLength !== storedBytes(input)) {
      throw new Error(
        `Cannot write "${name}": [${input.shape}] expected, got ${data.length} elements`,
      );
    }
    writeBuffer(this.tape.gpu, buffer, data);
  }

  /** Sets numbers that change per step; they hold until set again. */
  set(values: Record<string, number>): void {
    for (const [name, value] of Object.entries(values)) {
      const slot = this.tape.slots.get(name);
      if (slot === undefined) {
        throw new Error(`Cannot set "${name}": there is [${[...this.tape.slots.keys()]}]`);
      }
      this.scalars[slot] = value;
      this.unset.delete(name);
    }
  }

  /** Queues one step: one encoder, one submit, nothing allocated, nothing read back. */
  run(options: RunOptions = {}): void {
    const { clear = true, update = true, before = [] } = options;
    if (this.unset.size) throw new Error(`Cannot run: [${[...this.unset]}] was never set`);
    const { gpu, store } = this.tape;
    const row = this.tape.slots.get("metrics.row");
    if (row !== undefined) this.scalars[row] = this.runs % METRICS_KEPT;
    writeBuffer(gpu, this.dedicated.get(this.tape.scalars.id)!, this.scalars);
    const encoder = gpu.device.createCommandEncoder();
    if (clear && this.usesGradients) encoder.clearBuffer(store.buffer("gradients"));
    const pass = encoder.beginComputePass();
    if (this.loaded !== store.version) encode(pass, this.launches.load);
    this.loaded = store.version;
    encode(pass, before);
    encode(pass, this.launches.step);
    if (update) encode(pass, this.launches.update);
    encode(pass, this.launches.record);
    pass.end();
    gpu.device.queue.submit([encoder.finish()]);
    this.runs++;
    if (this.changesStore) store.changed();
  }

  /** Reads f32 and f16 tensors back (outputs, inputs, parameters) with one mapped read. */
  async read(...tensors: Tensor[]): Promise<Float32Array<ArrayBuffer>[]> {
    const ranges = tensors.map((tensor) => {
      const root = rootOf(tensor);
      if (root.place.kind === "value" && !this.outputs.has(root.id)) {
        throw new Error(
          `Cannot read "${tensor.name}": it is not among the outputs that were named when compiling`,
        );
      }
      const { buffer, offset } = this.binding(tensor);
      return { buffer, offset, bytes: storedBytes(tensor) };
    });
    const bytes = await readBuffers(this.tape.gpu, ranges);
    return bytes.map((part, i) =>
      tensors[i].type === "f16" ? Float32Array.from(new Float16Array(part)) : new Float32Array(part)
    );
  }

  /** What was recorded in the runs since the last call, oldest first; at most the last 256 of them. */
  async metrics(): Promise<Metrics[]> {
    const first = Math.max(this.reported, this.runs - METRICS_KEPT);
    const last = this.runs;
    this.reported = last;
    if (first === last || !this.tape.metrics.size) return [];
    const [ring] = await this.read(this.tape.ring);
    return Array.from({ length: last - first }, (_, i) => ({
      run: first + i,
      values: Object.fromEntries(
        [...this.tape.metrics].map(([name, column]) => [
          name,
          ring[(first + i) % METRICS_KEPT * METRICS + column],
        ]),
      ),
    }));
  }

  /** Frees everything but the store. */
  destroy(): void {
    for (const buffer of [...this.shared, ...this.dedicated.values(), this.uniforms]) {
      buffer.destroy();
    }
  }

  private binding(tensor: Tensor): { buffer: DeviceBuffer; offset: number; size: number } {
    const root = rootOf(tensor);
    const size = Math.ceil(storedBytes(tensor) / 16) * 16;
    const { place } = root;
    if (place.kind === "section") {
      const buffer = this.tape.store.buffer(place.section as Section);
      return { buffer, offset: place.offset * 4, size };
    }
    const buffer = this.dedicated.get(root.id) ?? this.shared[this.plan.place.get(root.id)!];
    return { buffer, offset: 0, size };
  }
}

/** Whether a step writes parameters or statistics. */
function changes({ code, bind }: Step): boolean {
  const { writes } = reflect(code);
  return Object.entries(bind).some(([name, { place }]) =>
    writes.has(name) && place.kind === "section" && place.section !== "gradients"
  );
}

/** All parameters of all launches in one uniform buffer; equal ones share a place. */
function packUniforms(steps: Step[]) {
  const places = new Map<string, number>();
  const parts: Uint8Array[] = [];
  const offsets = steps.map((step) => {
    const { params } = reflect(step.code);
    if (!params) return { offset: 0, size: 16 };
    const bytes = new Uint8Array(params.encode(step.params ?? {}));
    const key = bytes.join();
    let offset = places.get(key);
    if (offset === undefined) {
      offset = parts.length * UNIFORM_ALIGN;
      if (bytes.length > UNIFORM_ALIGN) {
        throw new Error(
          `Cannot compile ${reflect(step.code).name}: its parameters exceed 256 bytes`,
        );
      }
      parts.push(bytes);
      places.set(key, offset);
    }
    return { offset, size: Math.ceil(bytes.length / 16) * 16 };
  });
  const packed = new Uint8Array(Math.max(1, parts.length) * UNIFORM_ALIGN);
  parts.forEach((part, i) => packed.set(part, i * UNIFORM_ALIGN));
  return { bytes: packed.buffer, offsets };
}

/** Compiles a tape; its store is laid out from here on. */
export function compile(tape: Tape, options: CompileOptions = {}): Program {
  return new Program(tape, options);
}
