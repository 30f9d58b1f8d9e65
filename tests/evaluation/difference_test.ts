import assert from "node:assert/strict";
import { difference, toDifferenceView } from "@/lib/evaluation/difference.ts";
import { type ImageScore } from "@/lib/evaluation/evaluation.ts";
import { metrics } from "@/lib/evaluation/metrics.ts";
import { quantile } from "@/lib/evaluation/quantile.ts";
import { scoresOf } from "@/lib/evaluation/runs.ts";
import { take } from "@/lib/evaluation/scores.ts";
import { InvalidInput } from "@/lib/errors.ts";
import { below, uniform } from "@/lib/random.ts";

/** `n` images in `folds`, told apart the better the greater the skill. */
function scored(n: number, skill: number, folds = 1): ImageScore[] {
  return Array.from({ length: n }, (_, i) => {
    const truth = i % 2;
    const p = Math.round(20 * (skill * truth + (1 - skill) * uniform(skill * 100, i))) / 20;
    return {
      image: `image ${String(i).padStart(4, "0")}`,
      label: ["benign", "malignant"][truth],
      predicted: p > 0.5 ? "malignant" : "benign",
      probabilities: { benign: 1 - p, malignant: p },
      ...(folds > 1 ? { fold: i % folds } : {}),
    };
  });
}

const positive_label = "malignant";
const patients = new Map<string, string | null>();

Deno.test("the value is the figures' difference, the interval that of a paired bootstrap", () => {
  const [a, b] = [scored(120, 0.4), scored(120, 0.2)];
  const { images, figures, units, delong } = difference({
    a,
    b: b.toReversed(),
    positive_label,
    patients,
  });
  assert.equal(images, 120);
  const [first, second] = [a, b].map((rows) => metrics(scoresOf(rows), positive_label));
  assert.ok(Math.abs(figures.m_auc!.value - (first.m_auc! - second.m_auc!)) < 1e-12);
  assert.ok(Math.abs(figures.accuracy!.value - (first.accuracy - second.accuracy)) < 1e-12);
  // A paired bootstrap as it stands in textbooks: draw images, copy, compute.
  const drawn = Array.from({ length: 500 }, (_, r) => {
    const rows = Array.from({ length: 120 }, (_, i) => below(120, 4, r, i));
    const [x, y] = [a, b].map((set) => metrics(take(scoresOf(set), rows), positive_label).m_auc!);
    return x - y;
  }).sort((x, y) => x - y);
  const { low, high, p } = figures.m_auc!;
  assert.ok(Math.abs(low - quantile(drawn, 0.025)) < 0.02, `${low} ${quantile(drawn, 0.025)}`);
  assert.ok(Math.abs(high - quantile(drawn, 0.975)) < 0.02, `${high} ${quantile(drawn, 0.975)}`);
  const test = delong!;
  assert.deepEqual([test.class, units], ["malignant", 120]);
  assert.ok(Math.abs(test.difference - figures.m_auc!.value) < 1e-12);
  assert.ok(Math.abs(test.low - low) < 0.03 && Math.abs(test.high - high) < 0.03);
  assert.ok(p! < 0.05 && test.p! < 0.05, `${p} ${test.p}`);
  const none = {
    ...{ interval_method: "patients", test: "patients" },
    ...{ p: 1, p_with_patients: 1 },
  };
  const same = difference({ a, b: a, positive_label: null, patients }).figures;
  assert.deepEqual(same, {
    m_auc: null,
    auc: { ...none, value: 0, low: 0, high: 0, n: 1 },
    accuracy: { ...none, value: 0, low: 0, high: 0, n: 1 },
  });
  assert.equal(difference({ a, b: a, positive_label: null, patients }).delong, null);
});

Deno.test("folds are runs; images of one patient are drawn together", () => {
  const [a, b] = [scored(60, 0.4, 3), scored(60, 0.1, 3)];
  const folded = difference({ a, b, positive_label, patients });
  assert.deepEqual([folded.figures.auc!.n, folded.delong], [3, null]);
  const width = (of: Map<string, string | null>) => {
    const { low, high } = difference({
      a: scored(60, 0.4),
      b: scored(60, 0.1),
      positive_label,
      patients: of,
    })
      .figures.accuracy!;
    return high - low;
  };
  const few = new Map(a.map(({ image }, i) => [image, `patient ${Math.floor(i / 10)}`]));
  assert.notEqual(width(few), width(patients));
});

Deno.test("other images, or other folds, are refused", () => {
  const a = scored(12, 0.3);
  for (const b of [scored(10, 0.3), scored(12, 0.3, 2)]) {
    assert.throws(() => difference({ a, b, positive_label, patients }), InvalidInput);
  }
});

Deno.test("a difference that rests on few patients is told with a warning", () => {
  const told = (n: number) => {
    const [a, b] = [scored(n, 0.4), scored(n, 0.2)];
    const found = difference({ a, b, positive_label, patients });
    return toDifferenceView(found, [{ id: "a", metrics: {} }, { id: "b", metrics: {} }]).warnings;
  };
  assert.match(told(8).join(), /8 patients are tested: .* say next to nothing/);
  assert.deepEqual(told(10), []);
});

Deno.test("a difference tells what both evaluations warn of: of their images once, of each model by its evaluation", () => {
  const few = scored(6, 0.3);
  const found = difference({ a: few, b: few, positive_label: null, patients: new Map() });
  const one = { id: "ev_1", warnings: ["seen"], metrics: { warnings: ["one image"] } };
  const other = { id: "ev_2", metrics: { warnings: ["one image", "one patient"] } };
  const { warnings } = toDifferenceView(found, [one, other]);
  assert.deepEqual(warnings.toSpliced(2, 1), [
    ...["one image", "one patient"],
    'Evaluation "ev_1": seen',
  ]);
  assert.match(warnings[2], /^6 patients are tested: figures of fewer than 10 say next to nothing/);
});
