/** Opens the GPU: adapter, limits asked for explicitly, errors that cannot be overlooked. */
import { chooseBackend } from "./backend.ts";

/** What is known of the adapter; `software` is true for Mesa's llvmpipe, SwiftShader and the like. */
export interface AdapterInfo {
  vendor: string;
  architecture: string;
  device: string;
  description: string;
  software: boolean;
}

/** An open device with its adapter. All of `gpu/` takes this as its first argument. */
export interface Gpu {
  device: GPUDevice;
  info: AdapterInfo;
  /** What WebGPU goes through, as `DENO_WEBGPU_BACKEND` names it; undefined where the runtime chose. */
  backend?: string;
  /** `subgroupSize`: invocations of a subgroup where that is one number and subgroups were granted, else 0. */
  features: { f16: boolean; timestamps: boolean; subgroups: boolean; subgroupSize: number };
  limits: Record<string, number>;
  /** Bytes of all buffers that were made and not destroyed yet: a figure of the program, not of the driver. */
  allocatedBytes(): number;
  /** Resolves with the reason when the device is lost. */
  lost: Promise<string>;
  /** Throws the first error that WebGPU reported outside of any scope, if there was one. */
  check(): void;
}

/** No adapter, or none that computes; the message says what to install. */
export class GpuUnavailable extends Error {
  override name = "GpuUnavailable";
}

export const INSTALL_HINT =
  "Cannot find a GPU adapter. On a machine with a GPU install its Vulkan driver and the Vulkan loader; " +
  "without one install the software driver: apt-get install libvulkan1 mesa-vulkan-drivers " +
  "(on Debian 12 from bookworm-backports, which is about 4 times faster).";

const WANTED_LIMITS = [
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupsPerDimension",
] as const;

/**
 * Opens the best adapter with its own limits.
 * @throws {GpuUnavailable} when there is no adapter; the message names what to install
 */
export async function openGpu(): Promise<Gpu> {
  const backend = chooseBackend();
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw new GpuUnavailable(INSTALL_HINT);
  const info = adapter.info;
  const software = /llvmpipe|swiftshader|softpipe|lavapipe|basic render/i.test(
    `${info.description} ${info.device} ${info.vendor}`,
  );
  const requiredLimits: Record<string, number> = {};
  for (const name of WANTED_LIMITS) requiredLimits[name] = adapter.limits[name];
  const wanted = ["shader-f16", "timestamp-query"] as const;
  const granted = wanted.filter((feature) => adapter.features.has(feature));
  const { device, subgroups } = await requestDevice(adapter, granted, requiredLimits);
  let firstError: string | undefined;
  device.addEventListener("uncapturederror", (event) => {
    const { message } = (event as GPUUncapturedErrorEvent).error;
    firstError ??= message;
    console.error(`WebGPU: ${message}`);
  });
  return {
    device,
    backend,
    info: {
      vendor: info.vendor,
      architecture: info.architecture,
      device: info.device,
      description: info.description,
      software,
    },
    features: {
      f16: device.features.has("shader-f16"),
      timestamps: device.features.has("timestamp-query"),
      subgroups,
      subgroupSize: subgroups && info.subgroupMinSize === info.subgroupMaxSize
        ? info.subgroupMinSize
        : 0,
    },
    limits: requiredLimits,
    allocatedBytes: countBuffers(device),
    lost: device.lost.then((loss) => `${loss.reason}: ${loss.message}`),
    check() {
      if (firstError !== undefined) {
        throw new Error(`Cannot go on after a GPU error: ${firstError}`);
      }
    },
  };
}

/** Makes a device count its buffers; the function that is returned tells their bytes. */
function countBuffers(device: GPUDevice): () => number {
  let bytes = 0;
  const create = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    const buffer = create(descriptor);
    const { size } = buffer;
    const destroy = buffer.destroy.bind(buffer);
    let counted = size;
    bytes += counted;
    buffer.destroy = () => {
      bytes -= counted;
      counted = 0;
      destroy();
    };
    return buffer;
  };
  return () => bytes;
}

/** Subgroups are granted by this runtime although the adapter does not list them; ask, and fall back. */
async function requestDevice(
  adapter: GPUAdapter,
  features: GPUFeatureName[],
  requiredLimits: Record<string, number>,
): Promise<{ device: GPUDevice; subgroups: boolean }> {
  try {
    const requiredFeatures = [...features, "subgroups" as GPUFeatureName];
    return {
      device: await adapter.requestDevice({ requiredFeatures, requiredLimits }),
      subgroups: true,
    };
  } catch {
    const device = await adapter.requestDevice({ requiredFeatures: features, requiredLimits });
    return { device, subgroups: false };
  }
}
