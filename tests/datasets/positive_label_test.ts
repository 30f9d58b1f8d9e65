import assert from "node:assert/strict";
import { positiveMissing } from "@/lib/datasets/positive_label.ts";

const of = (label: string | null, ...labels: (string | null)[]) =>
  positiveMissing(label, labels.map((label) => ({ label })));

Deno.test("a positive label that no image has is told, with the class that may be meant", () => {
  assert.match(of("Malignant", "benign", "malignant")!, /"malignant" may be meant/);
  const other = of("cancer", "benign", "malignant", null)!;
  assert.match(other, /"cancer" is no class .* "benign", "malignant"/);
  assert.ok(!other.includes("may be meant"));
});

Deno.test("one that an image has, none, and a set without labels are not", () => {
  assert.equal(of("a", "b", "a"), undefined);
  assert.equal(of(null, "b"), undefined);
  assert.equal(of("a", null), undefined);
});
