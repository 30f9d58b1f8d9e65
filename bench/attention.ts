/**
 * `deno task bench:attention`: attention and a block of a vision transformer, forward and backward, beside jax-js and
 * TensorFlow.js on the same adapter, in one run. The table goes to stdout; `--only WORD` keeps rows that hold the word.
 *
 * Every result is compared with ours before anything is timed: another one is told and does not count. The others get
 * q, k and v apart, as `[N, heads, T, D]`, which suits their matrix products; ours takes them as a network's linear map
 * lays them. Of jax-js the faster of two ways counts. It ends with 1 where no other engine agreed.
 */
import { openGpu } from "@/gpu/device.ts";
import { optionsOrEnd } from "@/lib/options.ts";
import type { Prepared } from "./engine.ts";
import { prepareJaxJs } from "./attention/jax_js.ts";
import { prepareOurs } from "./attention/ours.ts";
import {
  type AttentionShape,
  type Operation,
  OPERATIONS,
  shapeText,
  workOf,
} from "./attention/shapes.ts";
import { prepareTfjs } from "./attention/tfjs.ts";
import { openJaxJs } from "./jax_js.ts";
import { openTfjs } from "./tfjs.ts";
import { timings } from "./timing.ts";

const HELP = `deno task bench:attention [OPTIONS]
  --only WORD   only rows whose operation and shape hold the word
  --batch N     images (2; in software 1)
  --budget S    seconds for the rounds of a row (4)`;

const options = optionsOrEnd(HELP, "run the bench", {
  only: { type: "string", default: "" },
  batch: { type: "string" },
  budget: { type: "string", default: "4" },
});
const gpu = await openGpu();
const N = Number(options.batch ?? (gpu.info.software ? 1 : 8));
/** ViT-B's and ViT-S's heads at 224 pixels, and as many as 8. */
const shapes: AttentionShape[] = [8, 6].map((H) => ({ N, T: 197, H, D: 64 }));
const rows = OPERATIONS.flatMap((op) => shapes.map((shape) => ({ op, shape })))
  .filter(({ op, shape }) => `${op} ${shapeText(shape)}`.includes(options.only));

const finishJax = await openJaxJs();
const finishTfjs = await openTfjs();
type Made = (op: Operation, shape: AttentionShape) => Promise<Prepared>;
const others: Record<string, Made> = {
  "jax-js": (op, shape) => prepareJaxJs(op, shape, "products", finishJax),
  "jax-js, its own": (op, shape) => prepareJaxJs(op, shape, "own", finishJax),
  tfjs: (op, shape) => prepareTfjs(op, shape, finishTfjs),
};

console.log(`${gpu.info.description}; Deno ${Deno.version.deno}`);
const cells = (list: string[]) =>
  list.map((cell, i) => i < 2 ? cell.padEnd(20) : cell.padStart(16)).join("");
console.log(cells(["operation", "shape", "ms", "GFLOP/s", ...Object.keys(others), "ratio"]));
let failures = 0;
const ratios = new Map<Operation, number[]>();
for (const { op, shape } of rows) {
  const able = [{ name: "ours", prepared: prepareOurs(gpu, op, shape) }];
  const known = await able[0].prepared.result!();
  for (const [name, prepare] of Object.entries(others)) {
    const found = await alike(name, () => prepare(op, shape), known, `${op} ${shapeText(shape)}`);
    if (found) able.push({ name, prepared: found });
  }
  const budget = Number(options.budget) * 1000;
  const times = await timings(able, { budget, rounds: [3, 40], repeats: { aim: 60, most: 8 } });
  for (const { prepared } of able) await prepared.destroy();
  const of = (name: string) => times[able.findIndex((one) => one.name === name)] ?? null;
  const best = Math.min(...times.slice(1));
  if (able.length < 2) failures++;
  else ratios.set(op, [...(ratios.get(op) ?? []), best / times[0]]);
  console.log(cells([
    op,
    shapeText(shape),
    times[0].toFixed(2),
    (workOf(op, shape) / times[0] / 1e6).toFixed(1),
    ...Object.keys(others).map((name) => of(name)?.toFixed(2) ?? "-"),
    able.length < 2 ? "-" : (best / times[0]).toFixed(2),
  ]));
}
for (const [op, list] of ratios) {
  const mean = Math.exp(list.reduce((sum, ratio) => sum + Math.log(ratio), 0) / list.length);
  console.log(`${op}: the faster of the others takes ${mean.toFixed(2)} times as long`);
}
// The other engines hold devices that they never close.
Deno.exit(failures > 0 ? 1 : 0);

/** The engine, where it can and its result is ours within rounding. */
async function alike(
  name: string,
  prepare: () => Promise<Prepared>,
  known: Float32Array,
  title: string,
): Promise<Prepared | undefined> {
  try {
    const prepared = await prepare();
    await prepared.run(1);
    const other = await prepared.result!();
    let [worst, largest] = [0, 0];
    for (let i = 0; i < known.length; i++) {
      worst = Math.max(worst, Math.abs(known[i] - other[i]));
      largest = Math.max(largest, Math.abs(known[i]));
    }
    if (other.length === known.length && worst <= 1e-4 * largest) return prepared;
    console.error(`${name} ${title}: results differ by ${worst} of ${largest}`);
    await prepared.destroy();
  } catch (error) {
    console.error(`${name} ${title}: ${error}`);
  }
  return undefined;
}
