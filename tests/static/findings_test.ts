/** What the dashboard says of a multi-label set's images and classifiers. */
import assert from "node:assert/strict";
// @ts-types="./page_modules.d.ts"
import * as findings from "../../static/findings.js";

const single = { label: "benign" };
const several = { label: null, labels: ["a", "b"], unknown: ["c"] };
const none = { label: null, labels: [], unknown: [] };

Deno.test("an image's label in words, and what it is compared by", () => {
  assert.deepEqual([single, several, none].map(findings.labelOf), ["benign", "a, b", "no finding"]);
  assert.equal(findings.labelOf({ label: null, labels: [], unknown: ["c"] }), null);
  assert.deepEqual([single, several, none].map(findings.comparedOf), [
    "benign",
    null,
    "no finding",
  ]);
  assert.equal(findings.comparedOf({ label: null, labels: ["a", "b"], unknown: [] }), "a + b");
  assert.equal(findings.comparedOf({ label: null, labels: ["a + b"], unknown: [] }), `"a + b"`);
});

Deno.test("images are looked for by a finding that they have, or are known to lack", () => {
  const of = (name: string) => [single, several, none].map((image) => findings.has(image, name));
  assert.deepEqual(of("benign"), [true, false, false]);
  assert.deepEqual(of("a"), [false, true, false]);
  assert.deepEqual(of("no a"), [false, false, true]);
  assert.deepEqual(of("no c"), [false, false, true]);
});

Deno.test("a classifier is wrong by what is known alone", () => {
  const wrong = (predicted: string[]) => findings.isWrong({ ...several, predicted });
  assert.deepEqual([["a", "b"], ["a", "b", "c"], ["a"], ["a", "b", "d"]].map(wrong), [
    ...[false, false, true, true],
  ]);
  assert.equal(findings.isWrong({ label: "x", predicted: "y" }), true);
  assert.equal(findings.saidOf({ label: null, labels: [] }), "no finding");
  const probabilities = { a: 0.7, b: 0.2 };
  assert.equal(findings.sureOf({ label: null, probabilities }), 0.7);
  assert.equal(findings.sureOf({ label: "b", probabilities }), 0.2);
});

Deno.test("the AUC that is told is the macro one where there are findings", () => {
  assert.equal(findings.aucOf({ m_auc: 0.9, auc_macro_one_vs_rest: 0.8 }), 0.9);
  assert.equal(findings.aucOf({ m_auc: null, auc_macro_one_vs_rest: 0.8 }), 0.8);
  assert.equal(findings.aucOf({ m_auc: 0.9, macro: { auc: 0.6 } }), 0.6);
  assert.deepEqual(findings.namesIn({ labels: {}, findings: { a: {}, b: {} } }), ["a", "b"]);
  assert.deepEqual(findings.countsIn({ labels: { x: 3 } }), [["x", 3]]);
});
