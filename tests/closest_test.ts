import assert from "node:assert/strict";
import { closest } from "@/lib/closest.ts";

Deno.test("the nearest name is that with the fewest other letters, if these are few", () => {
  const names = ["benign", "malignant", "normal"];
  assert.equal(closest("Malignant", names), "malignant");
  assert.equal(closest("malignent", names), "malignant");
  assert.equal(closest("begnin", names), "benign");
  assert.equal(closest("cancer", names), undefined);
  assert.equal(closest("", []), undefined);
});
