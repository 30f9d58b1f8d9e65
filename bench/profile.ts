/**
 * `deno task profile [--json] [--backbone NAME] [--batch N] [--pixels N]`: what one training step spends
 * its time on, kernel by kernel. The table goes to stderr; `--json` prints one object on stdout.
 */
import { optionsOrEnd } from "@/lib/options.ts";
import { openGpu } from "@/gpu/device.ts";
import { profile } from "@/gpu/profile.ts";
import { initialize } from "@/lib/models/initial.ts";
import type { ResnetName } from "@/lib/models/resnet_stages.ts";
import { feed, pictures, trainee } from "./training.ts";

const HELP = `deno task profile [OPTIONS]
  --json           one object on stdout; the table goes to stderr
  --backbone NAME  resnet18 or resnet50 (resnet18)
  --batch N        images of the step (16)
  --pixels N       side of the images (64)`;

const options = optionsOrEnd(HELP, "run the profile", {
  json: { type: "boolean", default: false },
  backbone: { type: "string", default: "resnet18" },
  batch: { type: "string", default: "16" },
  pixels: { type: "string", default: "64" },
});
const [batch, pixels] = [Number(options.batch), Number(options.pixels)];
/** The least time of several counts: load from elsewhere only ever adds. */
const ROUNDS = 12;

/** What the first step waits for, one after the other. */
const first: Record<"device" | "pipelines" | "weights" | "run", number> = {
  device: 0,
  pipelines: 0,
  weights: 0,
  run: 0,
};
let mark = performance.now();
function lap(part: keyof typeof first): void {
  const now = performance.now();
  first[part] = rounded(now - mark);
  mark = now;
}

const gpu = await openGpu();
lap("device");
const training = trainee(gpu, { network: options.backbone as ResnetName, batch, pixels }, {
  rate: 0.01,
});
const { program, store, loss } = training;
lap("pipelines");
initialize(store, 0);
feed(training, pictures(batch, pixels));
lap("weights");
program.run();
const [[value]] = await program.read(loss);
lap("run");
if (!Number.isFinite(value)) throw new Error(`Cannot profile: the loss is ${value}`);

/** Time of a whole step, one submit, and the part in which JavaScript and the encoder hold it up. */
let [step, host] = [Infinity, Infinity];
for (let round = 0; round < ROUNDS; round++) {
  const start = performance.now();
  program.run();
  host = Math.min(host, performance.now() - start);
  await gpu.device.queue.onSubmittedWorkDone();
  step = Math.min(step, performance.now() - start);
}

const launches = [...program.launches.step, ...program.launches.update];
const least = launches.map(() => Infinity);
for (let round = 0; round < ROUNDS; round++) {
  const times = await profile(gpu, launches);
  times.forEach((time, i) => least[i] = Math.min(least[i], time));
}
const total = least.reduce((sum, time) => sum + time, 0);
const kernels = [...Map.groupBy(launches.map((_, i) => i), (i) => launches[i].kernel.name)]
  .map(([kernel, places]) => ({
    kernel,
    launches: places.length,
    ms: rounded(places.reduce((sum, i) => sum + least[i], 0)),
  }))
  .sort((a, b) => b.ms - a.ms);
// Matrix products run in the kernels of convolutions, with images of one pixel.
const multiplying = kernels.filter(({ kernel }) => kernel.startsWith("conv2d_"))
  .reduce((sum, { ms }) => sum + ms, 0);

const report = {
  adapter: gpu.info.description || gpu.info.device,
  backbone: options.backbone,
  batch,
  pixels,
  first_step_ms: rounded(Object.values(first).reduce((sum, time) => sum + time, 0)),
  ...Object.fromEntries(
    Object.entries(first).map(([part, time]) => [`first_step_${part}_ms`, time]),
  ),
  step_ms: rounded(step),
  host_ms: rounded(host),
  host_share: rounded(host / step),
  kernels_ms: rounded(total),
  convolution_share: rounded(multiplying / total),
  launches: launches.length,
  bytes: program.bytes,
  kernels,
};
if (options.json) console.log(JSON.stringify(report));
else {
  const { adapter, bytes: _, kernels: __, ...numbers } = report;
  console.error(adapter);
  for (const [name, value] of Object.entries(numbers)) {
    console.error(`${name.padEnd(32)}${String(value).padStart(12)}`);
  }
  for (const { kernel, launches, ms } of kernels) {
    const share = `${(100 * ms / total).toFixed(1)} %`;
    console.error(
      `${kernel.padEnd(32)}${String(launches).padStart(5)}${ms.toFixed(2).padStart(10)} ms${
        share.padStart(8)
      }`,
    );
  }
}
program.destroy();
store.destroy();

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
