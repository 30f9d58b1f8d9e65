/** The sentence about gaze follows from the table, and never says more than the table holds. */
import assert from "node:assert/strict";
import type { StudyTable } from "@/lib/studies/table_schema.ts";
import { verdictOf } from "@/lib/studies/verdict.ts";

type Told = { value: number; interval: [number, number]; n: number; p_holm: number | null } | null;

/** Two methods with all three arms; what each says against shuffled gaze. */
function table(told: Told[], more: { arms?: string[]; run_kind?: "seed" | "fold" } = {}) {
  const { arms = ["none", "shuffled", "gaze"], run_kind = "seed" } = more;
  const rows = ["BYOL", "MoCo"].slice(0, told.length).flatMap((title) =>
    arms.map((arm) => ({
      key: `${title} ${arm}`,
      name: arm === "gaze" ? `McGIP + ${title}` : title,
      method: title,
      arm,
    }))
  );
  const none = { m_auc: null, auc: null, accuracy: null };
  const cells = rows.map(({ key, arm }) => {
    const own = arm === "gaze" ? told[key.startsWith("BYOL") ? 0 : 1] : null;
    const compared = own && { ...none, m_auc: own };
    return {
      ...{ row: key, backbone: "resnet18", figures: { ...none, m_auc: { mean: 0.7 } } },
      controls: compared && arms.includes("shuffled") ? compared : none,
      differences: compared && !arms.includes("shuffled") ? compared : none,
    };
  });
  return { rows, cells, run_kind, backbones: ["resnet18"], classes: 2 } as unknown as StudyTable;
}

const gain: Told = { value: 0.06, interval: [0.02, 0.1], n: 8, p_holm: 0.01 };
const nothing: Told = { value: 0.014, interval: [-0.185, 0.208], n: 8, p_holm: 0.8 };

Deno.test("gains are told with their interval, and what cannot be told beside them", () => {
  const both = verdictOf(table([gain, gain]), 200);
  assert.deepEqual([both.outcome, both.remarks], ["gain", []]);
  const { outcome, sentence } = verdictOf(table([gain, nothing]), 200);
  assert.equal(outcome, "mixed");
  assert.equal(
    sentence,
    "McGIP + BYOL gains 0.060 [+0.020, +0.100] over shuffled gaze; McGIP + MoCo: not to be told.",
  );
  const loss = verdictOf(table([{ ...gain, value: -0.06, interval: [-0.1, -0.02] }]), 200);
  assert.deepEqual([loss.outcome, loss.sentence], [
    "loss",
    "McGIP + BYOL loses 0.060 [−0.100, −0.020] over shuffled gaze.",
  ]);
});

Deno.test("an interval that holds 0, or Holm, leaves nothing to tell", () => {
  const plain = verdictOf(table([nothing, nothing]), 24);
  assert.equal(plain.outcome, "not_told");
  assert.equal(plain.sentence, "Gaze cannot be told from shuffled gaze here.");
  assert.deepEqual(plain.remarks, ["24 test images are few."]);
  const adjusted = verdictOf(table([{ ...gain, p_holm: 0.2 }]), 200);
  assert.equal(adjusted.outcome, "not_told");
  assert.match(adjusted.remarks[0], /^Holm/);
});

Deno.test("of fewer than three seeds nothing is claimed, whatever their interval; folds share no such bound", () => {
  const few = verdictOf(table([{ ...gain, n: 2 }]), 200);
  assert.equal(few.outcome, "too_few");
  assert.match(few.sentence, /^Too few runs .* n = 2/);
  assert.equal(verdictOf(table([{ ...gain, n: 2 }], { run_kind: "fold" }), 200).outcome, "gain");
});

Deno.test("without a control, without gaze, without a run", () => {
  const loose = verdictOf(table([gain], { arms: ["none", "gaze"] }), 200);
  assert.deepEqual([loose.outcome, loose.control], ["gain", "none"]);
  assert.match(loose.sentence, /over no gaze\.$/);
  assert.match(loose.remarks[0], /^Without the arm shuffled/);
  assert.equal(verdictOf(table([null], { arms: ["none"] }), null).outcome, "no_gaze");
  assert.equal(verdictOf(table([null], { arms: ["gaze"] }), null).control, null);
  const open = verdictOf(table([null, null]), null);
  assert.deepEqual([open.outcome, open.comparisons.length], ["waiting", 2]);
  const half = verdictOf(table([gain, null]), 200);
  assert.equal(half.outcome, "mixed");
  assert.ok(half.remarks.includes("Not all rows are done."));
});
