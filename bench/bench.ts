/**
 * `deno task bench`: this engine beside jax-js and TensorFlow.js on the same adapter, in one run. The table
 * goes to stderr; `--json` prints one object on stdout.
 *
 * | option | does |
 * |---|---|
 * | `--torch` | PyTorch too, where a Python has it; on a GPU also a training step of ResNet-50 |
 * | `--tuned` | measures first which of our kernels is fastest, at most `--budget` seconds (120) |
 * | `--only WORD` | only rows whose operation and shape hold the word |
 * | `--pixels N` | side of the images: 224, in software 64 |
 * | `--batch N` | images of a training step: 64, in software 16 |
 * | `--step NAME` | which network trains, `resnet18` or `resnet50`; may be given twice |
 *
 * It ends with 1 when ours failed in a row or computed another result, or when it was asked to end early
 * (SIGTERM); the other rows are told all the same.
 */
import { optionsOrEnd } from "@/lib/options.ts";
import type { SelectedVariants } from "@/gpu/convolution/selection.ts";
import { matrixShape } from "@/gpu/convolution/shape.ts";
import { openGpu } from "@/gpu/device.ts";
import type { Engine } from "./engine.ts";
import { jaxJs } from "./jax_js.ts";
import { ours } from "./ours.ts";
import { header, missing, reportOf, type Row, rowText } from "./report.ts";
import { measure } from "./row.ts";
import {
  convolutions,
  MATRICES,
  type Measured,
  type Network,
  NETWORKS,
  PRODUCTS,
  shapeText,
  trainingStep,
} from "./shapes.ts";
import { tfjs } from "./tfjs.ts";
import { torch } from "./torch.ts";
import { tuneAll } from "./variants.ts";

const HELP = `deno task bench [OPTIONS]
  --json        one object on stdout; the table goes to stderr
  --torch       PyTorch too, where a Python has it
  --tuned       measures first which of our kernels is fastest
  --budget S    for at most so many seconds (120)
  --only WORD   only rows whose operation and shape hold the word
  --pixels N    side of the images (224, in software 64)
  --batch N     images of a training step (64, in software 16)
  --step NAME   which network trains, resnet18 or resnet50; may be given twice`;

const options = optionsOrEnd(HELP, "run the bench", {
  json: { type: "boolean", default: false },
  torch: { type: "boolean", default: false },
  tuned: { type: "boolean", default: false },
  budget: { type: "string", default: "120" },
  only: { type: "string", default: "" },
  pixels: { type: "string" },
  batch: { type: "string" },
  step: { type: "string", multiple: true },
});
const gpu = await openGpu();
const { software } = gpu.info;
const pixels = Number(options.pixels ?? (software ? 64 : 224));
const batch = Number(options.batch ?? (software ? 16 : 64));
const networks = options.step ?? ["resnet18", ...(options.torch && !software ? ["resnet50"] : [])];
const unknown = networks.find((network) => !NETWORKS.includes(network as Network));
if (unknown) throw new Error(`Cannot train "${unknown}": there is [${NETWORKS.join(", ")}]`);

const peer = options.torch ? await torch() : undefined;
if (options.torch && !peer) console.error("PyTorch is left out: no Python here has it");
const selected: SelectedVariants = {};
const engines: Engine[] = [
  ours(gpu, selected),
  await jaxJs(),
  await tfjs(),
  ...(peer ? [peer] : []),
];
const [, ...passes] = PRODUCTS;
const shapes = convolutions(pixels);
const measured: Measured[] = [
  ...[...MATRICES, ...(software ? [] : [4096])]
    .map((n) => ({ op: "matmul" as const, shape: matrixShape(n, n, n) })),
  ...passes.flatMap((op) => shapes.map((shape) => ({ op, shape }))),
  ...networks.map((network) => trainingStep(network as Network, batch, pixels)),
].filter((one) => `${one.op} ${shapeText(one)}`.includes(options.only));

console.error(`${gpu.info.description}; images of ${pixels} pixels; Deno ${Deno.version.deno}`);
if (peer) console.error(`PyTorch ${peer.hello.version} on ${peer.hello.device}`);
if (options.tuned) {
  const { tuned, of } = await tuneAll(gpu, measured, {
    ...{ selected, budget: Number(options.budget) * 1000 },
  });
  console.error(`${tuned} of ${of} convolutions tuned; the others keep their defaults`);
}
const rows: Row[] = [];
let failures = 0;
Deno.addSignalListener("SIGTERM", () => finish(1));
console.error(header(options.torch));
for (const one of measured) {
  try {
    rows.push(await measure(gpu, engines, one, { torch: options.torch, selected }));
    console.error(rowText(rows.at(-1)!));
  } catch (error) {
    failures++;
    console.error(`${one.op} ${shapeText(one)}: ${error}`);
  }
}
finish(failures > 0 ? 1 : 0);

/** Tells what was measured until now, and ends: also when the process is asked to end early. */
function finish(code: number): never {
  const report = reportOf({
    adapter: gpu.info.description || gpu.info.device,
    driver: [gpu.info.vendor, gpu.info.architecture, gpu.info.device].filter(Boolean).join(" "),
    rows,
  }, options.torch ? peer?.hello ?? null : undefined);
  for (const what of missing(report)) console.error(what);
  if (options.json) console.log(JSON.stringify(report));
  else console.error(report.ratios, report.torch ?? "");
  // The other engines hold devices that they never close; PyTorch ends with its input.
  Deno.exit(code);
}
