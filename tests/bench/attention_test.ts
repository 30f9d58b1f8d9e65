/** Operands of `deno task bench:attention`: the same numbers, laid for each engine. */
import assert from "node:assert/strict";
import {
  BLOCK_WEIGHTS,
  blockOperands,
  headsFirst,
  operands,
  parts,
  shapeText,
  workOf,
} from "@/bench/attention/shapes.ts";

const shape = { N: 2, T: 3, H: 2, D: 4 };

Deno.test("bench attention: q, k and v apart are those of the linear map, head by head", () => {
  const { qkv, dy } = operands(shape);
  const three = parts(qkv, shape);
  assert.equal(three.length, qkv.length);
  const { N, T, H, D } = shape;
  for (const [which, n, h, t, d] of [[0, 0, 0, 0, 0], [1, 1, 0, 2, 3], [2, 0, 1, 1, 2]]) {
    const laid = ((which * N + n) * H + h) * T * D + t * D + d;
    assert.equal(three[laid], qkv[(((n * T + t) * 3 + which) * H + h) * D + d]);
  }
  const turned = headsFirst(dy, shape);
  assert.notDeepEqual(turned, dy);
  assert.deepEqual(headsFirst(turned, { ...shape, T: H, H: T }), dy, "and back");
});

Deno.test("bench attention: a block has timm's weights, its work is that of its products", () => {
  const { weights, x } = blockOperands(shape);
  assert.deepEqual([...weights.keys()], BLOCK_WEIGHTS);
  assert.equal(x.length, 2 * 3 * 8);
  assert.ok(Math.abs(weights.get("norm1.weight")!.data[0] - 1) <= 0.1);
  // Two products of 3 x 3 x 4 in each of four heads.
  assert.equal(workOf("attention_forward", shape), 2 * 2 * 4 * 36);
  assert.equal(workOf("attention_gradient", shape), 3 * workOf("attention_forward", shape));
  const dense = 2 * 2 * 3 * (8 * 24 + 8 * 8 + 2 * 8 * 32);
  assert.equal(workOf("block_gradient", shape), 3 * (workOf("attention_forward", shape) + dense));
  assert.equal(shapeText(shape), "2x3 2x4");
});
