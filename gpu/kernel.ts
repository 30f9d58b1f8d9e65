import { makeShaderDataDefinitions, makeStructuredView } from "webgpu-utils";
import type { Gpu } from "./device.ts";

/** A compiled compute shader; bindings and parameter layout come from its text by reflection. */
export interface Kernel {
  /** Name of the entry point, of the file and of the pipeline. */
  name: string;
  pipeline: GPUComputePipeline;
  /** Storage bindings by name (group 0). */
  bindings: Map<string, number>;
  /** Names of those that the shader may write. */
  writes: Set<string>;
  /** Makes the bytes of the uniform `params`; undefined when the shader has none. */
  params?: { binding: number; encode(values: Params): ArrayBuffer };
}

/** Values of one launch's `struct Params`; every field must be given, and none besides. */
export type Params = Record<string, number | number[]>;

/** A buffer, or a range of one (offsets are multiples of 256 bytes). */
export type Binding = GPUBuffer | GPUBufferBinding;

/** One dispatch, ready to be encoded any number of times. */
export interface Launch {
  kernel: Kernel;
  group: GPUBindGroup;
  /** Workgroups in x, y, z. */
  grid: [number, number, number];
  /** Uniform buffer made for this launch alone; `release` frees it. */
  params?: GPUBuffer;
}

const caches = new WeakMap<GPUDevice, Map<string, Kernel>>();

/**
 * Compiles WGSL, once per text and constants. The file must hold exactly one compute entry point.
 * @param constants values of the shader's `override`s
 */
export function kernel(gpu: Gpu, code: string, constants: Record<string, number> = {}): Kernel {
  let cache = caches.get(gpu.device);
  if (!cache) caches.set(gpu.device, cache = new Map());
  const key = JSON.stringify(constants) + code;
  const known = cache.get(key);
  if (known) return known;
  const compiled = compileKernel(gpu, code, constants);
  cache.set(key, compiled);
  return compiled;
}

/** What a shader's text says about itself: entry point, bindings, layout of its parameters. */
export type Reflection = Omit<Kernel, "pipeline">;

const reflections = new Map<string, Reflection>();

/** Reads a shader's text, once; needs no device. */
export function reflect(code: string): Reflection {
  const known = reflections.get(code);
  if (known) return known;
  const definitions = makeShaderDataDefinitions(code);
  const names = Object.keys(definitions.entryPoints);
  if (names.length !== 1) {
    throw new Error(`Cannot compile kernel: one entry point expected, got [${names}]`);
  }
  const name = names[0];
  const bindings = new Map<string, number>();
  for (const [storage, { binding }] of Object.entries(definitions.storages)) {
    bindings.set(storage, binding);
  }
  const writes = new Set(
    definitions.entryPoints[name].resources
      .filter(({ entry }) => "buffer" in entry && entry.buffer?.type === "storage")
      .map((resource) => resource.name),
  );
  const reflection: Reflection = { name, bindings, writes };
  const uniform = definitions.uniforms.params;
  if (uniform) {
    const { fields } = uniform.typeDefinition as unknown as { fields: object };
    const expected = Object.keys(fields).sort();
    reflection.params = {
      binding: uniform.binding,
      encode(values) {
        const given = Object.keys(values).sort();
        if (given.join() !== expected.join()) {
          throw new Error(
            `Cannot launch ${name}: parameters [${expected}] expected, got [${given}]`,
          );
        }
        const view = makeStructuredView(uniform);
        view.set(values);
        return view.arrayBuffer as ArrayBuffer;
      },
    };
  }
  reflections.set(code, reflection);
  return reflection;
}

function compileKernel(gpu: Gpu, code: string, constants: Record<string, number>): Kernel {
  const reflection = reflect(code);
  const label = reflection.name;
  const module = gpu.device.createShaderModule({ label, code });
  const pipeline = gpu.device.createComputePipeline({
    label,
    layout: "auto",
    compute: { module, entryPoint: label, constants },
  });
  return { ...reflection, pipeline };
}

/**
 * Binds buffers and parameters to a kernel.
 * @param options.uniform where the parameters' bytes lie already; without it a buffer is made for them,
 * which `release` frees
 * @throws {Error} when a name is missing or unknown, or the grid is beyond the adapter's limit
 */
export function launch(
  gpu: Gpu,
  made: Kernel,
  options: {
    bind: Record<string, Binding>;
    params?: Params;
    grid: number[];
    uniform?: GPUBufferBinding;
  },
): Launch {
  checkNames(made, Object.keys(options.bind));
  const entries: GPUBindGroupEntry[] = Object.entries(options.bind).map(([name, resource]) => ({
    binding: made.bindings.get(name)!,
    resource: "buffer" in resource ? resource : { buffer: resource },
  }));
  let own: GPUBuffer | undefined;
  if (made.params) {
    if (!options.uniform) {
      own = uniformBuffer(gpu, made.params.encode(options.params ?? {}), made.name);
    }
    entries.push({
      binding: made.params.binding,
      resource: options.uniform ?? { buffer: own! },
    });
  }
  const group = gpu.device.createBindGroup({
    label: made.name,
    layout: made.pipeline.getBindGroupLayout(0),
    entries,
  });
  return { kernel: made, group, grid: checkGrid(gpu, made, options.grid), params: own };
}

/** A uniform buffer with the given bytes. */
export function uniformBuffer(gpu: Gpu, bytes: ArrayBuffer, label: string): GPUBuffer {
  const buffer = gpu.device.createBuffer({
    label: `${label} params`,
    size: Math.max(16, Math.ceil(bytes.byteLength / 16) * 16),
    usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
  });
  gpu.device.queue.writeBuffer(buffer, 0, bytes);
  return buffer;
}

/** @throws {Error} when the names are not exactly the shader's */
export function checkNames(made: Reflection, names: string[]): void {
  const given = [...names].sort().join();
  const expected = [...made.bindings.keys()].sort().join();
  if (given !== expected) {
    throw new Error(`Cannot launch ${made.name}: buffers [${expected}] expected, got [${given}]`);
  }
}

function checkGrid(gpu: Gpu, made: Kernel, grid: number[]): [number, number, number] {
  const [x, y = 1, z = 1] = grid;
  const most = gpu.limits.maxComputeWorkgroupsPerDimension;
  if (!(x >= 1 && y >= 1 && z >= 1 && Math.max(x, y, z) <= most)) {
    throw new Error(`Cannot launch ${made.name}: grid [${x}, ${y}, ${z}], 1 to ${most} allowed`);
  }
  return [x, y, z];
}

/** Frees the parameter buffers that launches own. */
export function release(launches: Launch[]): void {
  for (const { params } of launches) params?.destroy();
}

/** Adds all launches to a compute pass. */
export function encode(pass: GPUComputePassEncoder, launches: Launch[]): void {
  let last: GPUComputePipeline | undefined;
  for (const { kernel, group, grid } of launches) {
    if (kernel.pipeline !== last) pass.setPipeline(last = kernel.pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(...grid);
  }
}

/** Encodes all launches into one compute pass and submits it once. */
export function submit(gpu: Gpu, launches: Launch[]): void {
  const encoder = gpu.device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  encode(pass, launches);
  pass.end();
  gpu.device.queue.submit([encoder.finish()]);
}
