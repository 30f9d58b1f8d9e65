/** Which variants of convolutions a training runs by: decided on each device before its first step there, and held. */
import { adapterName } from "@/lib/adapter_name.ts";
import { deviceName, tune } from "@/gpu/autotune.ts";
import { candidates } from "@/gpu/convolution/selection.ts";
import type { Gpu } from "@/gpu/device.ts";
import type { Tape } from "@/gpu/tape.ts";
import type { JobContext } from "@/lib/specs/job_context.ts";
import type { TuningMode } from "@/lib/specs/tuning.ts";
import type { SelectedVariants } from "@/lib/store/tuning.ts";

/**
 * The variants of a job; measures those that are not known on this device yet, for 20 s at most.
 * @param build makes the tape of the training, for the passes on it
 * @throws {JobStopped} between two measurements; what was measured is kept
 */
export async function selectVariants(
  context: Pick<JobContext, "store" | "job" | "gpu" | "event" | "yield">,
  tuning: TuningMode,
  build: () => Tape,
): Promise<SelectedVariants> {
  const { store, job, gpu } = context;
  const device = deviceName(gpu);
  const begun = await store.tuning.ofJob(job.id);
  const held = begun[device] ?? begun[""];
  if (held && Object.keys(unfit(gpu, held, build)).length === 0) return held;
  const wanted = tuning === "on" || (tuning === "auto" && !gpu.info.software);
  if (held) {
    const message = `variants of ${
      Object.values(unfit(gpu, held, build)).join(", ")
    } do not fit on this adapter: they are chosen anew, and results are no longer identical`;
    context.event("warning", { message });
  } else if (Object.keys(begun).length > 0) {
    const message = "this adapter is another: the variants of convolutions are chosen anew";
    context.event("log", { message, adapter: adapterName(gpu.info) });
  }
  const selected = wanted ? await measured(context, build()) : {};
  await store.tuning.setOfJob(job.id, device, selected);
  return selected;
}

/** Passes whose variant cannot be computed here, each as it is told. */
function unfit(gpu: Gpu, held: SelectedVariants, build: () => Tape): SelectedVariants {
  if (Object.keys(held).length === 0) return {};
  const found = [...build().passes].filter(([key, { pass, shape, precision }]) =>
    held[key] !== undefined && !candidates(gpu, pass, shape, precision).includes(held[key])
  );
  return Object.fromEntries(found.map(([key]) => [key, `"${held[key]}" for ${key}`]));
}

async function measured(
  context: Parameters<typeof selectVariants>[0],
  { passes }: Tape,
): Promise<SelectedVariants> {
  const { store, gpu } = context;
  const device = deviceName(gpu);
  const known = await store.tuning.ofDevice(device);
  const before = Object.keys(known).length;
  const started = performance.now();
  try {
    await tune(gpu, passes.values(), known, { between: () => context.yield() });
  } finally {
    await store.tuning.add(device, known);
  }
  const selected = Object.entries(known).filter(([pass]) => passes.has(pass));
  context.event("log", {
    message: `variants of ${selected.length} of ${passes.size} convolution passes are chosen`,
    measured: Object.keys(known).length - before,
    seconds: Number(((performance.now() - started) / 1000).toFixed(1)),
  });
  return Object.fromEntries(selected);
}
