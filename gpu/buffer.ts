import type { Gpu } from "./device.ts";

/** Memory on the GPU, as rooms above this one name it. */
export type DeviceBuffer = GPUBuffer;

/** The typed arrays that go to and from the GPU. */
export type HostArray =
  | Float32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>;

/**
 * A storage buffer of `bytes` bytes (rounded up to 16), zeroed, or filled with an array.
 * It is freed by `destroy()` only: the garbage collector does not see GPU memory.
 */
export function createBuffer(gpu: Gpu, content: number | HostArray, label = ""): GPUBuffer {
  const bytes = typeof content === "number" ? content : content.byteLength;
  const buffer = gpu.device.createBuffer({
    label,
    size: Math.max(16, Math.ceil(bytes / 16) * 16),
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
  });
  if (typeof content !== "number") writeBuffer(gpu, buffer, content);
  return buffer;
}

/** Queues a write of `data` at byte `offset`; lengths that are no multiple of 4 are padded by zeros. */
export function writeBuffer(gpu: Gpu, buffer: GPUBuffer, data: HostArray, offset = 0): void {
  // The runtime aborts on a write of nothing.
  if (data.byteLength === 0) return;
  let bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (bytes.byteLength % 4 !== 0) {
    const padded = new Uint8Array(Math.ceil(bytes.byteLength / 4) * 4);
    padded.set(bytes);
    bytes = padded;
  }
  gpu.device.queue.writeBuffer(buffer, offset, bytes);
}

interface Range {
  buffer: GPUBuffer;
  /** Bytes; from 0 to the buffer's end when not given. */
  offset?: number;
  bytes?: number;
}

/** Bytes that are copied at once: some milliseconds. */
const COPIED_AT_ONCE = 2 ** 24;

/**
 * Copies bytes back. A mapped read blocks the thread until the GPU is done and costs about 11 ms even
 * when idle: read once per several steps, several ranges at a time.
 */
export async function readBuffers(gpu: Gpu, ranges: Range[]): Promise<ArrayBuffer[]> {
  const read = await copyBuffers(gpu, ranges);
  return await read();
}

/**
 * Copies bytes beside where they are: what becomes of the buffers from the call on changes nothing of the copy.
 * @returns what brings the copy to the host, in turns with other work of the thread; to be called, and once
 */
export async function copyBuffers(
  gpu: Gpu,
  ranges: Range[],
): Promise<() => Promise<ArrayBuffer[]>> {
  const spans = ranges.map(({ buffer, offset = 0, bytes = buffer.size - offset }) => ({
    buffer,
    offset,
    bytes,
    padded: Math.ceil(bytes / 4) * 4,
  }));
  const total = spans.reduce((sum, span) => sum + span.padded, 0);
  const staging = gpu.device.createBuffer({
    label: "read",
    size: Math.max(4, total),
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  const encoder = gpu.device.createCommandEncoder();
  let at = 0;
  for (const { buffer, offset, padded } of spans) {
    encoder.copyBufferToBuffer(buffer, offset, staging, at, padded);
    at += padded;
  }
  gpu.device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  return async () => {
    const mapped = staging.getMappedRange();
    const copies = [];
    let at = 0;
    for (const { bytes, padded } of spans) {
      copies.push(await copyOf(mapped, at, bytes));
      at += padded;
    }
    staging.unmap();
    staging.destroy();
    gpu.check();
    return copies;
  };
}

async function copyOf(mapped: ArrayBuffer, at: number, bytes: number): Promise<ArrayBuffer> {
  if (bytes <= COPIED_AT_ONCE) return mapped.slice(at, at + bytes);
  const copy = new Uint8Array(bytes);
  for (let done = 0; done < bytes; done += COPIED_AT_ONCE) {
    const length = Math.min(COPIED_AT_ONCE, bytes - done);
    copy.set(new Uint8Array(mapped, at + done, length), done);
    await new Promise((resolve) => setTimeout(resolve));
  }
  return copy.buffer;
}

/** One buffer read back as f32. */
export async function readFloats(
  gpu: Gpu,
  buffer: GPUBuffer,
  count?: number,
): Promise<Float32Array<ArrayBuffer>> {
  const [bytes] = await readBuffers(gpu, [{
    buffer,
    bytes: count === undefined ? undefined : count * 4,
  }]);
  return new Float32Array(bytes);
}
