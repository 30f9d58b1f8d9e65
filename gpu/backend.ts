/** Which of the system's interfaces WebGPU goes through. */

const VARIABLE = "DENO_WEBGPU_BACKEND";

/**
 * Chooses it where the environment does not: on Linux Vulkan, since the runtime would take OpenGL without a word, on
 * which the kernels are not tested. For the first adapter of a process that is asked for.
 * @returns what was chosen; undefined where the runtime chooses
 */
export function chooseBackend(): string | undefined {
  const given = Deno.env.get(VARIABLE);
  if (given || Deno.build.os !== "linux") return given || undefined;
  Deno.env.set(VARIABLE, "vulkan");
  return "vulkan";
}
