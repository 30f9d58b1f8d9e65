/** The pictures of studies: what is drawn is what the numbers say. */
import assert from "node:assert/strict";
import { doseCurve } from "@/lib/studies/dose_curve.ts";
import { escaped, interval, limits, ticks, toX, toY } from "@/lib/studies/svg.ts";

const area = {
  ...{ left: 10, top: 20, width: 100, height: 50 },
  x: { low: 0, high: 2, label: "", digits: 0 },
  y: { low: -1, high: 1, label: "", digits: 0 },
};

Deno.test("values are put where the scales say, larger ones higher", () => {
  assert.deepEqual([toX(area, 0), toX(area, 2), toX(area, 0.5)], [10, 110, 35]);
  assert.deepEqual([toY(area, 1), toY(area, -1), toY(area, 0)], [20, 70, 45]);
});

Deno.test("ticks are round, lie within the limits, and the limits hold all values", () => {
  const { low, high } = limits([0.81, 0.93], [0.5]);
  assert.ok(low < 0.5 && high > 0.93);
  const list = ticks({ low, high });
  assert.ok(list.length >= 4 && list.every((value) => value >= low && value <= high));
  assert.deepEqual(ticks({ low: 0, high: 10 }, 5), [0, 2, 4, 6, 8, 10]);
  assert.ok(limits([0.7]).high > limits([0.7]).low);
});

Deno.test("an interval that is wider than the area ends at its edges", () => {
  const drawn = interval(area, 30, { mean: 0, interval: [-7, 0.5] }, "#000");
  assert.match(drawn, /x1="30" y1="70" x2="30" y2="32.5"/);
});

Deno.test("a dose curve: a point for each run, a mean for each dose, the same bytes again", () => {
  const gains = (values: number[]) => values.map((value, run) => ({ run, value }));
  const panels = [{
    title: "205 labels",
    doses: [
      { method: "MoCo", audit_auc: 0.93, gains: gains([0.03, 0.05, 0.04]) },
      { method: "MoCo", audit_auc: 0.51, gains: gains([-0.01, 0.01]) },
      { method: 'B<Y>&"L', audit_auc: 0.51, gains: gains([0.0]) },
    ],
  }, { title: "16 labels", doses: [] }];
  const picture = doseCurve(panels, "Gain and audit");
  assert.equal(picture.match(/<circle [^>]*r="2\.6"/g)!.length, 6);
  assert.equal(picture.match(/<rect [^>]*width="7"/g)!.length, 3);
  assert.ok(picture.includes(`${escaped('B<Y>&"L')}, audit 0.510, seed 0: 0.0000`));
  assert.ok(!/NaN|undefined|<Y>/.test(picture));
  assert.equal(doseCurve(panels, "Gain and audit"), picture);
});
