/** What `deno task bench` reports; the figures here are made up. */
import assert from "node:assert/strict";
import {
  header,
  missing,
  ratioOf,
  ratiosOf,
  reportOf,
  type Row,
  rowText,
  torchRatioOf,
} from "@/bench/report.ts";

function row(op: Row["op"], ms: number, peers: Row["peers"]): Row {
  return { op, shape: "8x4x4x8 1x1x8 /1+0", ms, gflops: 1.5, variant: "plain", peers };
}

const place = { adapter: "an adapter", driver: "a driver" };

Deno.test("bench report: the faster peer counts, a peer that cannot does not", () => {
  assert.equal(ratioOf(row("matmul", 2, { jax_js: 8, tfjs: 6 })), 3);
  assert.equal(ratioOf(row("matmul", 2, { jax_js: null, tfjs: 6 })), 3);
  assert.equal(ratioOf(row("matmul", 2, { jax_js: null, tfjs: null, torch: 1 })), null);
  assert.equal(torchRatioOf(row("matmul", 2, { jax_js: 8, tfjs: 6, torch: 1 })), 0.5);
  assert.equal(torchRatioOf(row("matmul", 2, { jax_js: 8, tfjs: 6, torch: null })), null);
  assert.equal(torchRatioOf(row("matmul", 2, { jax_js: 8, tfjs: 6 })), null);
});

Deno.test("bench report: means are geometric; rows without a peer are left out, and null is no NaN", () => {
  const rows = [
    row("matmul", 1, { jax_js: 2, tfjs: 9 }),
    row("matmul", 1, { jax_js: 9, tfjs: 8 }),
    row("matmul", 1, { jax_js: null, tfjs: null }),
    row("conv_forward", 1, { jax_js: null, tfjs: null }),
  ];
  const ratios = ratiosOf(rows, ["matmul", "conv_forward", "conv_data_gradient"], ratioOf);
  assert.deepEqual(ratios, { matmul: 4, conv_forward: null, conv_data_gradient: null });
  const report = reportOf({ ...place, rows });
  assert.deepEqual(missing(report), [
    "no ratio of conv_forward: the other engines did not compute it",
  ]);
});

Deno.test("bench report: the JSON has its fields, PyTorch in one of its own", () => {
  const rows = [
    row("conv_weight_gradient", 2, { jax_js: 8, tfjs: 6, torch: 1 }),
    row("resnet18_step", 2, { jax_js: 8, tfjs: null, torch: 4 }),
    row("resnet50_step", 2, { jax_js: null, tfjs: null, torch: 3 }),
  ];
  const hello = { version: "2.0", device: "CPU, 2 threads" };
  const report = JSON.parse(JSON.stringify(reportOf({ ...place, rows }, hello)));
  assert.deepEqual(report, {
    ...place,
    ratios: {
      matmul: null,
      conv_forward: null,
      conv_data_gradient: null,
      conv_weight_gradient: 3,
      resnet18_step: 4,
    },
    rows,
    torch: {
      ...hello,
      ratios: {
        matmul: null,
        conv_forward: null,
        conv_data_gradient: null,
        conv_weight_gradient: 0.5,
        resnet18_step: 2,
        resnet50_step: 1.5,
      },
    },
  });
  assert.deepEqual(missing(reportOf({ ...place, rows }, hello)), []);
  assert.equal(reportOf({ ...place, rows }, null).torch, null);
  assert.ok(!("torch" in reportOf({ ...place, rows })));
});

Deno.test("bench report: columns of rows stand under those of the header", () => {
  const widest = (text: string) => text.lastIndexOf("  ");
  for (const torch of [undefined, null, 3]) {
    const made = rowText(row("matmul", 2, { jax_js: 8, tfjs: null, torch }));
    assert.equal(widest(made), widest(header(torch !== undefined)));
    assert.ok(made.endsWith("  plain") && !made.includes("NaN"));
  }
});
