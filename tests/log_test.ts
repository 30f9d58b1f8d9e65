import assert from "node:assert/strict";
import { logger, relayLines, withoutNames } from "@/lib/log.ts";

Deno.test("a line is text, or JSON with the fields beside the message", () => {
  const lines: string[] = [];
  logger("text", { process: "api" }, (line) => lines.push(line))("Done", { ms: 3 });
  logger("json", { process: "api" }, (line) => lines.push(line))("Done\n2", { ms: 3 });
  assert.match(lines[0], /^\d{4}-\d\d-\d\dT[\d:.]+Z Done$/);
  const { time, ...rest } = JSON.parse(lines[1]);
  assert.match(time, /^\d{4}-/);
  assert.deepEqual(rest, { level: "info", message: "Done\n2", process: "api", ms: 3 });
});

Deno.test("of an error stay its class and its places; what is quoted may be a name", () => {
  const told = withoutNames(new TypeError(`Cannot use image "Doe^Jane" of 'x' and \`y\` at 3`));
  assert.match(told, /^TypeError: Cannot use image "…" of "…" and "…" at 3\n\s+at .*log_test/);
  assert.equal(withoutNames('"Doe" left'), '"…" left');
});

Deno.test("lines of other programs become JSON, stacks in one piece; JSON goes on as it is", async () => {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  const text = 'error: Uncaught "Doe"\n    at a:1\n    at b:2\n{"time":"t","message":"own"}\nlast';
  const bytes = new TextEncoder().encode(text);
  const stream = ReadableStream.from([bytes.subarray(0, 5), bytes.subarray(5)]);
  await relayLines(stream, logger("json", {}, write), write);
  assert.deepEqual(lines.map((line) => JSON.parse(line).message), [
    'error: Uncaught "…"\n    at a:1\n    at b:2',
    "own",
    "last",
  ]);
  assert.equal(JSON.parse(lines[0]).level, "error");
});
