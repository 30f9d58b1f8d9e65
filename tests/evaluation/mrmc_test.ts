/** Reader studies against the analysis written out by numpy and scipy, and what follows from its meaning. */
import assert from "node:assert/strict";
import { delong } from "@/lib/evaluation/delong.ts";
import { mrmc } from "@/lib/evaluation/mrmc.ts";
import { cohenKappa, fleissKappa } from "@/lib/evaluation/reader_kappa.ts";
import { uniform } from "@/lib/random.ts";
import reference from "../fixtures/mrmc.json" with { type: "json" };

const { positive, scores } = reference;
const units = positive.map((_, i) => i);
const near = (value: number | null, expected: number) =>
  assert.ok(
    Math.abs(value! - expected) < 1e-9 * Math.max(1, Math.abs(expected)),
    `${value} for ${expected}`,
  );

Deno.test("mrmc: AUC, standard errors, degrees of freedom, intervals and p of three conditions", () => {
  const found = mrmc({ positive, units, scores, conditions: ["a", "b", "c"] })!;
  found.auc.flat().forEach((value, i) => near(value, reference.auc.flat()[i]));
  found.conditions.forEach(({ auc, standard_error, df, low, high }, t) =>
    [auc, standard_error, df, low, high].forEach((value, i) =>
      near(value, reference.conditions[t][i])
    )
  );
  found.differences.forEach((one, i) => {
    const { difference, standard_error, df, low, high, f, p } = one;
    [difference, standard_error, df, low, high, f, p].forEach((value, k) =>
      near(value, reference.differences[i][k])
    );
  });
  assert.deepEqual(found.differences.map(({ a, b }) => a + b), ["ab", "ac", "bc"]);
});

Deno.test("mrmc: readers who say the same are one reader: DeLong's standard error is left", () => {
  const one = scores[1][2];
  const { conditions: [found] } = mrmc({
    ...{ positive, units, conditions: ["a"] },
    scores: [[one, one, one]],
  })!;
  const { auc, standard_error } = delong(positive, one, units)!;
  near(found.auc, auc);
  near(found.standard_error, standard_error);
  assert.equal(found.df, null);
});

Deno.test("mrmc: one reader, or a side of one patient, is no study; conditions need the same readers", () => {
  const whole = { positive, units, conditions: ["a"] };
  assert.equal(mrmc({ ...whole, scores: [[scores[0][0]]] }), null);
  const same = positive.map((one, i) => one ? 0 : i + 1);
  assert.equal(mrmc({ ...whole, units: same, scores: [scores[0]] }), null);
  assert.throws(
    () => mrmc({ ...whole, conditions: ["a", "b"], scores: [scores[0], scores[1].slice(1)] }),
    RangeError,
  );
});

Deno.test("mrmc: of equal conditions about 5 in 100 are told apart", () => {
  const [R, N, trials] = [4, 50, 300];
  const gauss = (...place: number[]) =>
    Math.sqrt(-2 * Math.log(1 - uniform(9, 0, ...place))) *
    Math.cos(2 * Math.PI * uniform(9, 1, ...place));
  const truth = Array.from({ length: N }, (_, i) => i % 2);
  let told = 0;
  for (let trial = 0; trial < trials; trial++) {
    const readings = [0, 1].map((t) =>
      Array.from(
        { length: R },
        (_, r) =>
          truth.map((one, n) =>
            one * (1 + 0.3 * gauss(trial, 1, r)) + 0.7 * gauss(trial, 2, n) +
            gauss(trial, 3, t, r, n)
          ),
      )
    );
    const [{ p }] = mrmc({
      ...{
        positive: truth,
        units: truth.map((_, i) => i),
        conditions: ["a", "b"],
        scores: readings,
      },
    })!.differences;
    if (p! < 0.05) told++;
  }
  assert.ok(told >= 4 && told <= 27, `${told} of ${trials}`);
});

Deno.test("kappa: scikit-learn's for two readers, Fleiss' for five, nothing where nothing was decided", () => {
  const { decisions } = reference;
  near(cohenKappa(decisions[0], decisions[1]), reference.cohen);
  near(
    fleissKappa(decisions[0].map((_, n) => decisions.map((given) => given[n]))),
    reference.fleiss,
  );
  assert.equal(cohenKappa([1, 1], [1, 1]), null);
  assert.equal(cohenKappa([], []), null);
  assert.equal(fleissKappa([[1], [0]]), null);
  assert.equal(fleissKappa([[1, 1], [1, 1, 1]]), null);
  assert.equal(fleissKappa([[0, 0], [1, 1, 1], [2]]), 1);
});
