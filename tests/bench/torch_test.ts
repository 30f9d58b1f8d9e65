/** What PyTorch's process answers, read; PyTorch itself is not needed. */
import assert from "node:assert/strict";
import { parseAnswer, parseHello, torch } from "@/bench/torch.ts";

Deno.test("bench torch: the first line names version and device; any other is none", () => {
  const hello = { version: "2.1.0+cu121", device: "NVIDIA H100" };
  assert.deepEqual(parseHello(JSON.stringify(hello)), hello);
  for (const line of [undefined, "", "Traceback", "{}", '{"version": 2, "device": "CPU"}']) {
    assert.equal(parseHello(line), undefined);
  }
});

Deno.test("bench torch: answers are times, states or nothing", () => {
  assert.deepEqual(parseAnswer('{"ms": 1.25}'), { ms: 1.25 });
  assert.deepEqual(parseAnswer("{}"), {});
  const state = { loss: 1.1, norms: { "fc.weight": 0.5 } };
  assert.deepEqual(parseAnswer(JSON.stringify(state)), state);
});

Deno.test("bench torch: the peer's own error is told; a number that is none, or other text, is refused", () => {
  assert.throws(
    () => parseAnswer('{"error": "OutOfMemoryError: CUDA out of memory"}'),
    /^Error: Cannot run PyTorch: OutOfMemoryError: CUDA out of memory$/,
  );
  for (const line of ['{"ms": NaN}', '{"ms": -1}', '{"seconds": 1}', "warning: slow"]) {
    assert.throws(() => parseAnswer(line), /^Error: Cannot read PyTorch's answer: /);
  }
});

Deno.test("bench torch: a machine without Python has no PyTorch", async () => {
  assert.equal(await torch(["no-such-python-here"]), undefined);
});
