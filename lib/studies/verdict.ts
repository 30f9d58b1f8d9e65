/**
 * What a study says about gaze, as a sentence that follows by rule from its table: nothing is claimed where an interval
 * holds 0, where Holm's adjustment takes it back, or where there are fewer than three runs.
 */
import { z } from "zod";
import type { FigureName } from "@/lib/evaluation/weighted.ts";
import type { StudyTable, TableCell } from "./table_schema.ts";

const OUTCOMES = ["gain", "loss", "not_told", "too_few", "waiting"] as const;
export type Outcome = (typeof OUTCOMES)[number];

const comparedSchema = z.object({
  row: z.string().describe("Key of the row with gaze"),
  name: z.string(),
  backbone: z.string(),
  against: z.string().nullable().describe("Key of the row that it is compared with"),
  against_name: z.string().nullable(),
  outcome: z.enum(OUTCOMES).describe(
    "gain, loss: the interval does not hold 0, and p after Holm is below 0.05; too_few: fewer than three seeds; " +
      "waiting: nothing is done yet",
  ),
  value: z.number().nullable(),
  interval: z.tuple([z.number(), z.number()]).nullable().describe("95 %"),
  n: z.number(),
  p_holm: z.number().nullable(),
});
export type Compared = z.output<typeof comparedSchema>;

export const verdictSchema = z.object({
  outcome: z.enum([...OUTCOMES, "mixed", "no_gaze"]),
  sentence: z.string(),
  remarks: z.array(z.string()).describe("What limits it"),
  figure: z.enum(["m_auc", "auc", "accuracy"]),
  control: z.enum(["shuffled", "none"]).nullable()
    .describe(
      "shuffled: as many pairs without information; none: the method without pairs by gaze",
    ),
  comparisons: z.array(comparedSchema),
}).meta({ id: "StudyVerdict" });
export type Verdict = z.output<typeof verdictSchema>;

/** With fewer seeds the spread between them is not known. */
const LEAST_RUNS = 3;
/** Below which a set of test images is called small. */
const FEW_IMAGES = 50;
const ALPHA = 0.05;

type Given = Pick<StudyTable, "rows" | "cells" | "backbones" | "run_kind" | "classes">;

/** @param images that the runs were tested on, each; null where that is not known */
export function verdictOf(table: Given, images: number | null): Verdict {
  const { rows, cells } = table;
  const gazeRows = rows.filter(({ arm }) => arm === "gaze");
  const own = cells.filter(({ row }) => gazeRows.some(({ key }) => key === row));
  const hasControl = gazeRows.some(({ method }) =>
    rows.some((row) => row.method === method && row.arm === "shuffled")
  );
  const hasBaseline = gazeRows.some(({ method }) =>
    rows.some((row) => row.method === method && row.arm === "none")
  );
  const control = hasControl ? "shuffled" : hasBaseline ? "none" : null;
  const figure = figureOf(table);
  if (gazeRows.length === 0 || control === null) {
    const sentence = gazeRows.length === 0
      ? "This study has no arm with gaze, so it says nothing about gaze."
      : "This study has nothing to compare gaze with: add the arms none and shuffled.";
    return { outcome: "no_gaze", sentence, remarks: [], figure, control: null, comparisons: [] };
  }
  const comparisons = own.map((cell) => comparedOf(table, cell, { control, figure }));
  return {
    ...sentenceOf(comparisons, control, table.backbones.length > 1),
    remarks: remarksOf(comparisons, { control, images, ...table }),
    figure,
    control,
    comparisons,
  };
}

/** M-AUC where there is one; with two classes it is the AUC. */
function figureOf({ cells }: Given): "m_auc" | "auc" | "accuracy" {
  const has = (name: FigureName) => cells.some(({ figures }) => figures[name]);
  return has("m_auc") ? "m_auc" : has("auc") || !has("accuracy") ? "auc" : "accuracy";
}

function comparedOf(
  { rows, run_kind }: Given,
  cell: TableCell,
  { control, figure }: { control: "shuffled" | "none"; figure: "m_auc" | "auc" | "accuracy" },
): Compared {
  const found = (control === "shuffled" ? cell.controls : cell.differences)[figure];
  const { name, method } = rows.find(({ key }) => key === cell.row)!;
  const other = rows.find((row) => row.method === method && row.arm === control);
  const base = {
    ...{ row: cell.row, name, backbone: cell.backbone },
    ...{ against: other?.key ?? null, against_name: other?.name ?? null },
  };
  if (!found) {
    return { ...base, outcome: "waiting", value: null, interval: null, n: 0, p_holm: null };
  }
  const { value, interval, n, p_holm } = found;
  const outcome = outcomeOf({ interval, n, p_holm }, run_kind);
  return { ...base, outcome, value, interval, n, p_holm };
}

function outcomeOf(
  { interval: [low, high], n, p_holm }: {
    interval: [number, number];
    n: number;
    p_holm: number | null;
  },
  run_kind: "seed" | "fold",
): Outcome {
  if (run_kind === "seed" && n < LEAST_RUNS) return "too_few";
  if ((low <= 0 && high >= 0) || (p_holm !== null && p_holm >= ALPHA)) return "not_told";
  return low > 0 ? "gain" : "loss";
}

const OVER = { shuffled: "shuffled gaze", none: "no gaze" };

function sentenceOf(
  comparisons: Compared[],
  control: "shuffled" | "none",
  severalBackbones: boolean,
): Pick<Verdict, "outcome" | "sentence"> {
  const outcomes = new Set(comparisons.map(({ outcome }) => outcome));
  const over = OVER[control];
  const only = outcomes.size === 1 ? [...outcomes][0] : undefined;
  if (only === "waiting") {
    return {
      outcome: only,
      sentence: "There is nothing to compare yet: trainings are on their way.",
    };
  }
  const known = comparisons.filter(({ outcome }) => outcome !== "waiting");
  const told = known.filter(({ outcome }) => outcome === "gain" || outcome === "loss");
  if (told.length === 0) {
    const few = known.every(({ outcome }) => outcome === "too_few");
    const runs = Math.min(...known.map(({ n }) => n));
    return few
      ? {
        outcome: "too_few",
        sentence:
          `Too few runs to say whether gaze helps: n = ${runs}, at least ${LEAST_RUNS} are needed.`,
      }
      : { outcome: "not_told", sentence: `Gaze cannot be told from ${over} here.` };
  }
  const nameOf = ({ name, backbone }: Compared) =>
    severalBackbones ? `${name} (${backbone})` : name;
  const parts = told.map((one) => {
    const verb = one.outcome === "gain" ? "gains" : "loses";
    const [low, high] = one.interval!;
    return `${nameOf(one)} ${verb} ${figure(Math.abs(one.value!))} [${signed(low)}, ${
      signed(high)
    }]`;
  });
  const rest = known.filter((one) => !told.includes(one)).map(nameOf);
  const first = `${parts.join(", ")} over ${over}`;
  const sentence = rest.length > 0 ? `${first}; ${rest.join(", ")}: not to be told.` : `${first}.`;
  const same = told.length === comparisons.length && only;
  return { outcome: same ? only : "mixed", sentence };
}

function remarksOf(
  comparisons: Compared[],
  { control, images, run_kind }: Pick<Given, "run_kind"> & {
    control: "shuffled" | "none";
    images: number | null;
  },
): string[] {
  const runs = comparisons.filter(({ n }) => n > 0).map(({ n }) => n);
  const least = Math.min(...runs);
  const taken = comparisons.filter(({ outcome, interval, p_holm }) =>
    outcome === "not_told" && interval && (interval[0] > 0 || interval[1] < 0) && p_holm !== null
  );
  return [
    ...(control === "none"
      ? [
        "Without the arm shuffled it cannot be said that a gain is gaze's own: pairs alone may help.",
      ]
      : []),
    ...(taken.length > 0
      ? ["Holm's adjustment for all comparisons of the study takes back what single intervals say."]
      : []),
    ...(run_kind === "seed" && runs.length > 0 && least < 8
      ? [`${least} ${least === 1 ? "run" : "runs"} a row can tell large differences only.`]
      : []),
    ...(images !== null && images < FEW_IMAGES ? [`${images} test images are few.`] : []),
    ...(comparisons.some(({ outcome }) => outcome === "waiting") ? ["Not all rows are done."] : []),
  ];
}

const figure = (value: number) => value.toFixed(3);
const signed = (value: number) => `${value < 0 ? "−" : "+"}${figure(Math.abs(value))}`;
