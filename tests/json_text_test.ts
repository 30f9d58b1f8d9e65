/** JSON from outside: what is read, and what is refused by how it looks. */
import assert from "node:assert/strict";
import { z } from "zod";
import { MalformedJson, MOST_TOLD, parseBody, parseJsonText } from "@/lib/json_text.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const nested = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;

Deno.test("values come out with their text, to a depth of 32 levels", () => {
  assert.deepEqual(parseJsonText(encode('{"a": [1, null]}')), {
    text: '{"a": [1, null]}',
    value: { a: [1, null] },
  });
  assert.equal(parseJsonText(encode("3")).value, 3);
  parseJsonText(encode(nested(32)));
  parseJsonText(encode(`[${nested(31)}, 1, ${nested(2)}]`));
  for (const deep of [nested(33), `{"a": {"b": ${nested(31)}}}`, `[1, [], [${nested(31)}]]`]) {
    assert.throws(() => parseJsonText(encode(deep)), /more than 32 levels/, deep);
  }
  for (const bad of ["", "{", "nan", "\ufeff"]) {
    assert.throws(() => parseJsonText(encode(bad)), MalformedJson, bad);
  }
  assert.throws(() => parseJsonText(Uint8Array.of(0x22, 0xff, 0x22)), MalformedJson);
});

Deno.test("a body is a value of its schema, or a refusal with the first problems", () => {
  const schema = z.array(z.number());
  assert.deepEqual(parseBody(encode("[1, 2]"), schema), { value: [1, 2] });
  const malformed = parseBody(encode("[1"), schema);
  assert.ok("refusal" in malformed && malformed.refusal.status === 400);
  const wrong = parseBody(encode(JSON.stringify(Array(500).fill("a"))), schema);
  assert.ok("refusal" in wrong && wrong.refusal.status === 422);
  assert.equal(wrong.refusal.errors.length, MOST_TOLD);
  assert.equal(wrong.refusal.errors[3].pointer, "/3");
});
