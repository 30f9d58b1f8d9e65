import assert from "node:assert/strict";
import { delong, delongDifference } from "@/lib/evaluation/delong.ts";
import { near } from "@/tests/support/near.ts";
import fixture from "@/tests/fixtures/statistics.json" with { type: "json" };

const { labels, a, b, by } = fixture.delong;

for (const expected of by) {
  const units = expected.groups ?? labels.map((_, i) => i);
  Deno.test(`DeLong equals its definition pair by pair, ${expected.groups ? "by patients" : "by images"}`, () => {
    const found = delongDifference(labels, { a, b }, units)!;
    near([found.a.auc, found.b.auc], expected.auc, "AUC");
    near([found.a.standard_error, found.b.standard_error], expected.standard_errors, "errors");
    near([found.a, found.b].map(({ low, high }) => [low, high]), expected.intervals, "intervals");
    near(found.difference, expected.difference, "difference");
    near(found.standard_error, expected.standard_error, "error of the difference");
    near([found.z, found.p], [expected.z, expected.p], "z and p");
    near(delong(labels, b, units)!.standard_error, expected.standard_errors[1], "one alone");
  });
}

Deno.test("patients whose images say the same count once: the interval widens by the root of the copies", () => {
  const copies = 4;
  const repeat = <T>(list: T[]) => list.flatMap((value) => Array<T>(copies).fill(value));
  const images = labels.map((_, i) => i);
  const once = delong(labels, a, images)!.standard_error;
  near(delong(repeat(labels), repeat(a), repeat(images))!.standard_error, once, "by patients");
  const blind = delong(repeat(labels), repeat(a), repeat(images).map((_, i) => i))!;
  assert.ok(
    blind.standard_error < 0.55 * once,
    "taken for independent they would claim twice as much",
  );
});

Deno.test("DeLong tells nothing of fewer than two patients a side, and nothing apart that is the same", () => {
  assert.equal(delong([1, 1, 0, 0], [4, 3, 2, 1], [0, 0, 1, 2]), null);
  assert.equal(delong([1, 1, 1], [4, 3, 2], [0, 1, 2]), null);
  const same = delongDifference(labels, { a, b: a }, labels.map((_, i) => i))!;
  assert.deepEqual([same.difference, same.standard_error, same.p], [0, 0, 1]);
});
