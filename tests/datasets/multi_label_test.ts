/** What a multi-label set is: known by its findings, compared by all of them, and read no other way. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { labelled, labelledFor } from "@/lib/datasets/labelled.ts";
import {
  assertSingleLabel,
  comparedLabel,
  contradicted,
  findingsOf,
  mergedFindings,
  present,
  unknown,
} from "@/lib/datasets/multi_label.ts";
import type { Findings, ImageRow } from "@/lib/store/mod.ts";
import { digestOf } from "@/lib/store/digest.ts";

const classes = ["a", "b"];
const set = { name: "s", meta: { classes } };
const image = (name: string, findings: Findings | null, label: string | null = null) =>
  ({ name, label, findings, patient: null, split: null }) as ImageRow;

Deno.test("images are alike where all findings are known and equal", () => {
  const of = (findings: Findings | null) => comparedLabel({ label: null, findings }, classes);
  assert.equal(of({ a: 1, b: 1 }), "a + b");
  assert.equal(of({ a: 0, b: 1 }), "b");
  assert.equal(of({ a: 0, b: 0 }), "no finding");
  assert.deepEqual([of({ a: 1 }), of({}), of(null)], [null, null, null]);
  assert.equal(comparedLabel({ label: "x" }, null), "x");
  // No two sets of findings are one label, whatever they are called.
  const odd = ["a", "b", "a + b", "no finding", "a +", "+ b", '"a"'];
  const labels = Array.from({ length: 2 ** odd.length }, (_, bits) => {
    const findings = Object.fromEntries(odd.map((name, k) => [name, bits >> k & 1]));
    return comparedLabel({ label: null, findings: findings as Findings }, odd);
  });
  assert.equal(new Set(labels).size, labels.length);
});

Deno.test("what is said replaces what was known, and null takes it back", () => {
  assert.deepEqual(mergedFindings({ a: 1, b: 0 }, { a: 0 }), { a: 0, b: 0 });
  assert.deepEqual(mergedFindings({ a: 1, b: 0 }, { a: null }), { b: 0 });
  assert.equal(mergedFindings({ a: 1 }, { a: null }), null);
});

Deno.test("a set's labelled images: those of which something is known", () => {
  const images = [image("x", { a: 1 }), image("y", null), image("z", { a: 0, b: 1 })];
  const found = labelled(images, set);
  assert.ok("truths" in found);
  assert.deepEqual(found.rows.map(({ name }) => name), ["x", "z"]);
  assert.deepEqual(found.truths, [[1, null], [0, 1]]);
  assert.throws(() => labelled([image("y", null)], set), /of no image of "s" any finding is known/);
  assert.equal(findingsOf({ meta: {} }), null);
});

Deno.test("a model and a set of different kinds, or findings, do not meet", () => {
  const images = [image("x", { a: 1 }), image("z", { b: 1 })];
  const model = { classes: ["b", "c"], multi_label: true };
  const found = labelledFor(images, set, model);
  assert.deepEqual(found.rows.map(({ name }) => name), ["z"]);
  assert.ok("truths" in found);
  assert.deepEqual(found.truths, [[1, null]]);
  assert.throws(
    () => labelledFor(images, set, { classes: ["a", "b"] }),
    /one label an image, and dataset "s" is multi-label/,
  );
  assert.throws(
    () => labelledFor(images, { name: "o", meta: {} }, model),
    /the model is multi-label, and dataset "o" has one label an image/,
  );
  assert.throws(
    () => labelledFor(images, set, { classes: ["q"], multi_label: true }),
    /none of the model's findings \(q\); its own are a, b/,
  );
  assert.throws(() => assertSingleLabel(set, "use readings"), /is multi-label \(2 findings\)/);
});

Deno.test("findings count in the digest in any order; a set without them has the digest it had", () => {
  const of = (findings?: Findings | null) =>
    digestOf({
      dataset: { structured: false, positive_label: null, meta: {} },
      images: [{ name: "x", file: "f", label: "l", findings, patient: null, split: null }],
      gaze: [],
      heatmaps: [],
    });
  // The lines that it was made of before there were findings.
  const lines = ['["dataset",false,null,{}]', '["image","x","f","l",null,null]'];
  const before = createHash("sha256").update(lines.map((line) => `${line}\n`).join(""));
  assert.equal(of(undefined), before.digest("hex"));
  assert.equal(of(null), of(undefined));
  assert.equal(of({ a: 1, b: 0 }), of({ b: 0, a: 1 }));
  assert.notEqual(of({ a: 1, b: 0 }), of({ a: 1, b: 1 }));
  assert.notEqual(of({ a: 1 }), of(null));
});

Deno.test("a finding that is called as what all objects have is not known until it is said", () => {
  const names = ["constructor", "toString", "valueOf"];
  assert.deepEqual(unknown({ toString: 1 } as Findings, names), ["constructor", "valueOf"]);
  assert.deepEqual(present({ toString: 1 } as Findings, names), ["toString"]);
  assert.deepEqual(contradicted({}, { constructor: 1 } as unknown as Findings), []);
  assert.equal(comparedLabel({ label: null, findings: {} }, names), null);
  const found = labelled([image("x", { valueOf: 0 } as unknown as Findings)], {
    ...{ name: "s", meta: { classes: names } },
  });
  assert.ok("truths" in found);
  assert.deepEqual(found.truths, [[null, null, 0]]);
  const model = { classes: ["constructor"], multi_label: true };
  const sent = labelledFor(found.rows, { name: "s", meta: { classes: names } }, model);
  assert.deepEqual(sent.rows, []);
});
