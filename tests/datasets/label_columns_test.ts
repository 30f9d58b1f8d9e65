import assert from "node:assert/strict";
import { labelsAlike } from "@/lib/datasets/label_columns.ts";

const of = (...labels: (string | null)[]) => labelsAlike(labels.map((label) => ({ label })));

Deno.test("labels of one spelling but for case, spaces and punctuation are told", () => {
  const told = of("benign", "Benign", "malignant", null, "in situ", "in-situ")!;
  assert.match(told, /"Benign", "benign"; "in situ", "in-situ"/);
  assert.ok(!told.includes("malignant"));
  assert.match(of("B\u00f6sartig", "Bo\u0308sartig")!, /one spelling/);
});

Deno.test("classes that mean something else are not", () => {
  assert.equal(of("a", "b", "a", null), undefined);
  assert.equal(of("+", "-"), undefined);
  assert.equal(of("1", "-1"), undefined);
  assert.equal(of("BI-RADS 4", "BI-RADS 5"), undefined);
  assert.equal(of("ER+", "ER-"), undefined);
});
