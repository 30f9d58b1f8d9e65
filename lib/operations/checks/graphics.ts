/** Is there a GPU that computes, and by which way? */
import { existsSync } from "node:fs";
import { type Adapter, findAdapter, installCommands } from "@/lib/setup/adapter.ts";
import { fault, type Finding, ok, warning } from "./finding.ts";

export interface GraphicsProbe {
  /** The adapter that the server would take, or that of another backend. */
  find(backend?: string): Promise<Adapter | null>;
  /** Of the environment: DENO_WEBGPU_BACKEND. */
  backend?: string;
  exists(path: string): boolean;
  linux: boolean;
}

const here = (): GraphicsProbe => ({
  find: findAdapter,
  backend: Deno.env.get("DENO_WEBGPU_BACKEND") || undefined,
  exists: existsSync,
  linux: Deno.build.os === "linux",
});

export async function checkGraphics(probe: GraphicsProbe = here()): Promise<Finding[]> {
  const { backend, linux } = probe;
  const adapter = await probe.find();
  const install = `as root: ${installCommands().join(" && ")}`;
  if (!adapter) {
    const other = linux && backend === undefined ? await probe.find("gl") : null;
    const found = other
      ? `none by Vulkan; by OpenGL there is ${other.description}, which is not taken: the kernels are not tested there`
      : `none${backend ? ` by ${backend}` : ""}`;
    return [
      fault(
        "adapter",
        found,
        adviceFor(probe) ?? `a GPU's Vulkan driver, or the software one, ${install}`,
      ),
    ];
  }
  const way = backend ?? (linux ? "vulkan" : undefined);
  const found = `${adapter.description}${way ? ` by ${way}` : ""}`;
  const findings: Finding[] = [];
  if (way && !["vulkan", "metal", "dx12"].includes(way)) {
    const advice = "start the server without DENO_WEBGPU_BACKEND";
    findings.push(warning("backend", `${way}, on which the kernels are not tested`, advice));
  } else findings.push(ok("backend", way ?? "the runtime chooses"));
  const advice = adviceFor(probe);
  findings.unshift(
    !adapter.software
      ? ok("adapter", found)
      : advice
      ? fault("adapter", `${found}: software, although there is a GPU`, advice)
      : warning(
        "adapter",
        `${found}: software, no GPU`,
        "it works, slowly; for training at 224 px take a machine with a GPU and its Vulkan driver",
      ),
  );
  return findings;
}

/** What keeps a GPU that is there from being found. */
function adviceFor({ exists, linux }: GraphicsProbe): string | undefined {
  if (!linux) return undefined;
  if (exists("/proc/driver/nvidia/version")) {
    return "NVIDIA's driver runs, and its Vulkan part is missing: apt-get install libvulkan1 and the package with " +
      "nvidia_icd.json (libnvidia-gl-VERSION); in a container NVIDIA_DRIVER_CAPABILITIES=all";
  }
  if (exists("/dev/dri/renderD128")) {
    return "there is a GPU (/dev/dri/renderD128): apt-get install mesa-vulkan-drivers; usermod -aG render,video USER";
  }
  return undefined;
}
