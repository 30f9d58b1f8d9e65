/** Which labels an audit looked at, in words. */
import assert from "node:assert/strict";
// @ts-types="./page_modules.d.ts"
import { lookedWords } from "../../static/audit.js";

Deno.test("audit: the words count labels that were looked at, and name what is left out", () => {
  const words = (images: number, left_out: number, seed: number | null) =>
    lookedWords({ looked_at: { images, left_out }, seed });
  const seen = "Labels of 72 of 96 images were looked at; ";
  assert.equal(words(72, 24, 0), `${seen}the test part of seed 0 is left out.`);
  assert.equal(words(72, 24, null), `${seen}what is marked as test is left out.`);
  assert.match(words(96, 0, null), /96 of 96 .*none is kept aside/);
});
