/** What the study gave, as Markdown, JSON and pictures: every number comes from the server's tables. */
import { methodSpecs } from "@/lib/ssl/specs.ts";
import { doseCurve, type DosePanel } from "@/lib/studies/dose_curve.ts";
import { markdownTable } from "@/lib/studies/render_table.ts";
import { runsFigure } from "@/lib/studies/runs_figure.ts";
import { markdownGrid, pText, signed } from "@/lib/studies/table_text.ts";
import { compared, type Comparison, doses, methodsOf, outcomesOf, six } from "./comparisons.ts";
import { comparisonGrid, holds } from "./comparison_grid.ts";
import type { Experiment } from "./experiment.ts";
import * as protocol from "./protocol.ts";
import {
  type Budget,
  CONTROL,
  MAIN,
  METHODS,
  type Panel,
  PARTS,
  PRIMARY,
  SEEDS,
} from "./protocol.ts";

export interface ReportHead {
  /** RFC 3339. */
  date: string;
  adapter: string;
  command: string;
  methods: readonly string[];
  seeds: number[];
  /** Of pre-training, where others were asked for than those of the protocol. */
  epochs?: number;
}

export interface Report {
  markdown: string;
  json: string;
  /** SVG by file name. */
  pictures: Map<string, string>;
}

const LABELS = [205, 16] as const satisfies Budget[];

export function report(found: Experiment, head: ReportHead): Report {
  const pictures = new Map([
    ["dose.svg", doseCurve(LABELS.map((budget) => dosePanel(found, budget)), "Gain and audit")],
    ...LABELS.flatMap((budget): [string, string][] => {
      const outcome = outcomesOf(found, MAIN, budget).at(-1);
      if (!outcome) return [];
      const title = `Panel ${MAIN}, ${budget} labels`;
      return [[`runs_${budget}.svg`, runsFigure(outcome.table, { title })]];
    }),
  ]);
  const deviations = deviationsOf(found, head);
  const comparisons = LABELS.flatMap((labels) =>
    [MAIN, CONTROL].flatMap((panel) =>
      six(found, panel, labels).map((one) => ({ panel, labels, ...one }))
    )
  );
  const { date, adapter, command, methods, seeds, epochs } = head;
  const { start, audits, outcomes, version, seconds, trainings } = found;
  const data = {
    ...{ date, adapter, command, methods, seeds, epochs, deviations },
    ...{ start, audits, outcomes, version, seconds, trainings, comparisons },
    doses: LABELS.flatMap((labels) => doses(found, labels).map((one) => ({ labels, ...one }))),
    protocol: { ...protocol },
  };
  return {
    markdown: markdown(found, head, deviations, [...pictures.keys()]),
    json: `${JSON.stringify(data, null, 1)}\n`,
    pictures,
  };
}

function dosePanel(found: Experiment, budget: Budget): DosePanel {
  const list = doses(found, budget).map(({ audit_auc, comparison }) => ({
    method: titleOf(comparison.method),
    audit_auc,
    gains: comparison.differences,
  }));
  return { title: `${budget} labels`, doses: list };
}

const titleOf = (method: string) =>
  methodSpecs[method as keyof typeof methodSpecs]?.title ?? method;

/** Where what was run is not what the protocol says, in words. */
export function deviationsOf(found: Experiment, head: ReportHead): string[] {
  const list: string[] = [];
  const told = (is: boolean, text: string) => void (is && list.push(text));
  told(
    found.start.name !== protocol.INITIAL.name,
    `the initial network is "${found.start.name}" instead of ${protocol.INITIAL.name}`,
  );
  told(
    head.epochs !== undefined && head.epochs !== protocol.PRETRAIN.epochs,
    `${head.epochs} epochs of pre-training instead of ${protocol.PRETRAIN.epochs}`,
  );
  told(
    head.methods.join() !== METHODS.join(),
    `the methods ${head.methods.join(", ")} alone`,
  );
  told(
    head.seeds.join() !== SEEDS.join(),
    `${head.seeds.length} seed${head.seeds.length > 1 ? "s" : ""} instead of ${SEEDS.length}`,
  );
  for (const [part, { panel, arms }] of PARTS.entries()) {
    for (const budget of LABELS) {
      const outcome = found.outcomes.find((one) => one.part === part && one.budget === budget);
      const where = `panel ${panel}, ${budget} labels`;
      if (!outcome) {
        const own = arms.filter((arm) => !measured(found, panel, budget, arm));
        told(own.length > 0, `not measured: ${where}, arms ${own.join(", ")}`);
        continue;
      }
      for (const { key, name } of outcome.table.rows) {
        const cell = outcome.table.cells.find(({ row }) => row === key)!;
        const missing = cell.planned - cell.done;
        told(missing > 0, `not measured: ${where}, ${name}, ${missing} of ${cell.planned} seeds`);
      }
    }
  }
  return [...new Set(list)];
}

function measured(found: Experiment, panel: Panel, budget: Budget, arm: string): boolean {
  return outcomesOf(found, panel, budget).some(({ table }) =>
    table.rows.some((row) => row.arm === arm)
  );
}

function markdown(
  found: Experiment,
  head: ReportHead,
  deviations: string[],
  pictures: string[],
): string {
  const { start, version, seconds, trainings } = found;
  const accuracy = start.accuracy === null
    ? ""
    : ` (accuracy ${start.accuracy.toFixed(3)} on its own test part)`;
  return [
    "# The study on made-up data",
    "Written by `deno task study`; the figures are those of one run, whatever they show. What was to be run, and " +
    "what counts, was fixed before: `bench/STUDY_PROTOCOL.md`. Pictures, gaze and the initial network's pictures " +
    "are made up: nothing here says anything about real gaze. All numbers: `bench/STUDY.json`.",
    [
      `- date: ${head.date}`,
      `- program: ${version}`,
      `- adapter: ${head.adapter}`,
      `- command: \`${head.command}\``,
      `- initial network: ${start.name}${accuracy}`,
      `- ${trainings} trainings took ${(seconds / 60).toFixed(1)} minutes together`,
    ].join("\n"),
    "## Deviations from the protocol",
    deviations.length > 0 ? deviations.map((text) => `- ${text}`).join("\n") : "None.",
    "## The primary comparisons",
    `Differences in AUC of a linear probe with 205 labels, panel ${MAIN}${
      auditText(found, MAIN)
    }; paired t over ` +
    'seeds, Holm over the six. "Least seen" is the mean difference that as many seeds of this deviation find in ' +
    "80 of 100 studies.",
    grid(six(found, MAIN, 205), { verdict: true }),
    verdict(found),
    "## The control",
    `The same six where gaze knows nothing of the label${
      auditText(found, CONTROL)
    }; a sound pipeline has 0 in ` +
    "every interval, but for one in twenty.",
    grid(six(found, CONTROL, 205), {}),
    "## With 16 labels",
    "Secondary; without a verdict.",
    grid(six(found, MAIN, 16), {}),
    "The control with 16 labels:",
    grid(six(found, CONTROL, 16), {}),
    "## The dose",
    "Gain in AUC over none, against how well gaze tells pairs of one label.",
    ...(pictures.includes("dose.svg") ? ["![The dose curve](study/dose.svg)"] : []),
    ...LABELS.map((budget) => doseGrid(found, budget)),
    "## What pairs of one patient give, and the best that pairs can give",
    "Secondary: arms `patient` (MICLe) and `labels` against none, and gaze against `patient`.",
    ...LABELS.flatMap((budget) => {
      const outcomes = outcomesOf(found, MAIN, budget);
      const list = methodsOf(found).flatMap((method) =>
        [["patient", "none"], ["labels", "none"], ["gaze", "patient"]]
          .flatMap(([arm, against]) => compared(outcomes, method, arm, against) ?? [])
      );
      return [`${budget} labels:`, grid(list, {})];
    }),
    "## All rows of the main panel",
    ...LABELS.flatMap((budget) => {
      const outcome = outcomesOf(found, MAIN, budget).at(-1);
      if (!outcome) return [];
      const name = `runs_${budget}.svg`;
      const title = `Panel ${MAIN}, ${budget} labels`;
      return [`![Every run](study/${name})`, markdownTable(outcome.table, { title }).trim()];
    }),
  ].join("\n\n") + "\n";
}

function auditText({ audits }: Experiment, panel: Panel): string {
  const audit = audits[panel];
  return audit
    ? ` (audit: similarity of gaze tells pairs of one label with an AUC of ${
      audit.auc.toFixed(3)
    }, permutation ` +
      `p ${pText(audit.auc_p).replace(/^(?=\d)/, "= ")})`
    : "";
}

function grid(list: Comparison[], options: { verdict?: boolean }): string {
  const titled = list.map((one) => ({
    ...one,
    title: `${titleOf(one.method)}, ${one.arm} - ${one.against}`,
  }));
  return comparisonGrid(titled, options);
}

function verdict(found: Experiment): string {
  const all = six(found, MAIN, 205);
  const held = all.filter(holds);
  const names = held.map(({ method, against }) => `${titleOf(method)} against ${against}`);
  const fewest = Math.min(...all.map(({ tested }) => tested.n));
  const whole = METHODS.length * PRIMARY.length;
  const unfinished = all.length < whole || fewest < SEEDS.length
    ? ` This is no verdict of the protocol: that has ${whole} comparisons over ${SEEDS.length} seeds.`
    : "";
  return `${held.length} of the ${all.length} primary comparisons that were measured hold after Holm` +
    `${names.length > 0 ? `: ${names.join(", ")}` : ""}.${unfinished}`;
}

function doseGrid(found: Experiment, budget: Budget): string {
  const list = doses(found, budget);
  if (list.length === 0) return `${budget} labels: not measured.`;
  const panels = [...Map.groupBy(list, ({ panel }) => panel)];
  const rows = methodsOf(found).map((method) => [
    titleOf(method),
    ...panels.map(([, group]) => {
      const one = group.find(({ comparison }) => comparison.method === method)?.comparison;
      if (!one) return "not measured";
      const { mean, interval, n } = one.tested;
      return `${signed(mean)} ${
        interval ? `[${signed(interval[0])}, ${signed(interval[1])}]` : ""
      } (n = ${n})`;
    }),
  ]);
  const heads = panels.map(([panel, [{ audit_auc }]]) => `${panel}: audit ${audit_auc.toFixed(3)}`);
  return `${budget} labels:\n\n${markdownGrid(["", ...heads], rows)}`;
}
