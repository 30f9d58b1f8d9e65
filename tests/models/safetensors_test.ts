import assert from "node:assert/strict";
import { InvalidInput } from "@/lib/errors.ts";
import {
  readSafetensors,
  readSafetensorsHead,
  writeSafetensors,
} from "@/lib/models/safetensors.ts";
import { sharedTest } from "../support/shared.ts";

function file(header: unknown, data = new Uint8Array()): Uint8Array {
  const text = new TextEncoder().encode(
    typeof header === "string" ? header : JSON.stringify(header),
  );
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

Deno.test("what is written is read: shapes, values, free text", () => {
  const tensors = new Map([
    ["fc.weight", { shape: [2, 3], data: Float32Array.from([1, -2, 3.5, 0, 1e-30, 7]) }],
    ["step", { shape: [], data: Float32Array.of(4) }],
    ["empty", { shape: [0, 4], data: new Float32Array() }],
  ]);
  const bytes = writeSafetensors(tensors, { about: "ä" });
  const read = readSafetensors(bytes);
  assert.deepEqual(read.tensors, tensors);
  assert.deepEqual(read.metadata, { about: "ä" });
  assert.equal(Number(new DataView(bytes.buffer).getBigUint64(0, true)) % 8, 0);
});

Deno.test("names and shapes are read of the beginning alone, and only of a file of that size", () => {
  const tensors = new Map([["a", { shape: [2, 3], data: new Float32Array(6) }]]);
  const bytes = writeSafetensors(tensors);
  const head = bytes.subarray(0, bytes.length - 24);
  assert.deepEqual(
    [...readSafetensorsHead(head, bytes.length)].map(([name, { shape }]) => [
      name,
      shape,
    ]),
    [["a", [2, 3]]],
  );
  for (const size of [bytes.length - 1, bytes.length + 1]) {
    assert.throws(() => readSafetensorsHead(head, size), InvalidInput);
  }
});

Deno.test("half, bfloat, double and integers become f32", () => {
  const data = new Uint8Array([0, 0x3e, 0xc0, 0x3f, 0, 0, 0, 0, 0, 0, 4, 0xc0, 5, 0, 0, 0]);
  const { tensors } = readSafetensors(file({
    half: { dtype: "F16", shape: [1], data_offsets: [0, 2] },
    bfloat: { dtype: "BF16", shape: [1], data_offsets: [2, 4] },
    double: { dtype: "F64", shape: [1], data_offsets: [4, 12] },
    integer: { dtype: "I32", shape: [1], data_offsets: [12, 16] },
  }, data));
  assert.deepEqual([...tensors.values()].map(({ data }) => data[0]), [1.5, 1.5, -2.5, 5]);
});

const entry = (dtype: string, shape: unknown, data_offsets: unknown) => ({
  a: { dtype, shape, data_offsets },
});
const four = new Uint8Array(4);

for (
  const [name, bytes, message] of [
    ["too short", new Uint8Array(3), /shorter/],
    ["a header beyond the file", file("{}").subarray(0, 9), /beyond the file/],
    ["no JSON", file("{"), /Cannot read/],
    ["a list", file([]), /no JSON object/],
    ["an unknown type", file(entry("Q8", [1], [0, 4]), four), /unknown type/],
    ["a type from the prototype", file(entry("constructor", [1], [0, 4]), four), /unknown type/],
    ["a negative size", file(entry("F32", [-1], [0, 4]), four), /no sound shape/],
    ["a wrong size", file(entry("F32", [2], [0, 4]), four), /does not fit/],
    ["a range beyond the file", file(entry("F32", [2], [0, 8]), four), /does not fit/],
    ["a gap", file(entry("F32", [0], [4, 4]), four), /gaps/],
    ["data left over", file({}, four), /belong to no tensor/],
    ["NaN", file(entry("F32", [1], [0, 4]), new Uint8Array([0, 0, 192, 127])), /not finite/],
    ["numbers as metadata", file({ __metadata__: { a: 1 } }), /no texts/],
  ] as const
) {
  Deno.test(`refused: ${name}`, () => {
    assert.throws(() => readSafetensors(bytes), (error: Error) => {
      assert.ok(error instanceof InvalidInput);
      assert.match(error.message, message);
      return true;
    });
  });
}

sharedTest("reads files of the reference library", ["goldens/losses.safetensors"], (path) => {
  const { tensors, metadata } = readSafetensors(Deno.readFileSync(path));
  assert.equal(metadata.temperature, "0.2");
  assert.deepEqual(tensors.get("positives")!.shape, [12, 12]);
});
