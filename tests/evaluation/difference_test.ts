import assert from "node:assert/strict";
import { pairedBootstrap } from "@/lib/evaluation/bootstrap.ts";
import { difference } from "@/lib/evaluation/difference.ts";
import { type ImageScore } from "@/lib/evaluation/evaluation.ts";
import { metrics } from "@/lib/evaluation/metrics.ts";
import { scoresOf } from "@/lib/evaluation/runs.ts";
import { InvalidInput } from "@/lib/errors.ts";
import { uniform } from "@/lib/random.ts";

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
  const { images, figures } = difference({ a, b: b.toReversed(), positive_label, patients });
  assert.equal(images, 120);
  const [first, second] = [a, b].map((rows) => metrics(scoresOf(rows), positive_label));
  assert.ok(Math.abs(figures.m_auc!.value - (first.m_auc! - second.m_auc!)) < 1e-12);
  assert.ok(Math.abs(figures.accuracy!.value - (first.accuracy - second.accuracy)) < 1e-12);
  const plain = pairedBootstrap(
    scoresOf(a),
    scoresOf(b),
    (scores) => metrics(scores, positive_label).m_auc,
    { resamples: 500 },
  )!;
  assert.ok(Math.abs(figures.m_auc!.low - plain.low) < 0.02, `${figures.m_auc!.low} ${plain.low}`);
  assert.ok(Math.abs(figures.m_auc!.high - plain.high) < 0.02);
  const same = difference({ a, b: a, positive_label: null, patients }).figures;
  assert.deepEqual(same, {
    m_auc: null,
    auc: { value: 0, low: 0, high: 0, n: 1 },
    accuracy: { value: 0, low: 0, high: 0, n: 1 },
  });
});

Deno.test("folds are runs; images of one patient are drawn together", () => {
  const [a, b] = [scored(60, 0.4, 3), scored(60, 0.1, 3)];
  assert.equal(difference({ a, b, positive_label, patients }).figures.auc!.n, 3);
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
