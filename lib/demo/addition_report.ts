/** What an addition to the study gave, as a section of its report and as JSON. */
import { holm } from "@/lib/evaluation/holm.ts";
import { leastSeen, pairedT } from "@/lib/evaluation/paired_t.ts";
import { markdownGrid, pText } from "@/lib/studies/table_text.ts";
import type { AdditionFound, TestedRun } from "./addition_runs.ts";
import { additions, VIT } from "./additions.ts";
import { comparisonGrid, holds, type Tested } from "./comparison_grid.ts";
import { SEEDS } from "./protocol.ts";

export interface AdditionHead {
  /** RFC 3339. */
  date: string;
  adapter: string;
  command: string;
  seeds: readonly number[];
}

const TEXTS = {
  attention: {
    title: "Addition: attention supervised by gaze",
    about:
      "Fine-tuning of all weights from the initial network, with the class map held against the readers' gaze, " +
      "against another image's gaze (the control), and not at all. Differences in AUC on the tested images.",
  },
  vit: {
    title: "Addition: a vision transformer",
    about:
      `ViT-Ti of width ${VIT.study.pretrain.width}, MoCo v3, pairs by gaze of the panel 0.85. Differences in AUC of a ` +
      "linear probe on the tested images.",
  },
};

const LEAST_SEEDS = SEEDS.length;

export function additionReport(
  found: AdditionFound,
  head: AdditionHead,
): { markdown: string; json: string } {
  const { date, adapter, command, seeds } = head;
  const { name, start, audit, runs, version, seconds, trainings } = found;
  const protocol = additions[name];
  const budgets = budgetsOf(name);
  const comparisons = budgets.flatMap((budget) => comparisonsOf(found, budget));
  const deviations = deviationsOf(found, head);
  const accuracy = start.accuracy === null
    ? ""
    : ` (accuracy ${start.accuracy.toFixed(3)} on its own test part)`;
  const [first, ...others] = budgets;
  const markdown = [
    `## ${TEXTS[name].title}`,
    `${
      TEXTS[name].about
    } What was to be run was fixed before: \`bench/STUDY_PROTOCOL.md\`, additions. All numbers: ` +
    `\`bench/study/${name}.json\`.`,
    [
      `- date: ${date}`,
      `- program: ${version}`,
      `- adapter: ${adapter}`,
      `- command: \`${command}\``,
      `- initial network: ${start.name}${accuracy}`,
      ...(audit
        ? [
          `- audit: similarity of gaze tells pairs of one label with an AUC of ${
            audit.auc.toFixed(3)
          }, permutation ` +
          `p ${pText(audit.auc_p).replace(/^(?=\d)/, "= ")}`,
        ]
        : []),
      `- ${trainings} trainings took ${(seconds / 60).toFixed(1)} minutes together`,
      `- deviations from the protocol: ${deviations.length > 0 ? deviations.join("; ") : "none"}`,
    ].join("\n"),
    `Primary, ${first} labels; paired t over seeds, Holm over the ${protocol.compared.length}:`,
    comparisonGrid(comparisonsOf(found, first), { verdict: true }),
    verdict(found, first),
    ...others.flatMap((budget) => [
      `Secondary, ${budget} labels, without a verdict:`,
      comparisonGrid(comparisonsOf(found, budget), {}),
    ]),
    "Every run:",
    runsGrid(runs),
  ].join("\n\n") + "\n";
  const data = {
    ...{ date, adapter, command, seeds, deviations },
    ...found,
    comparisons,
    protocol,
  };
  return { markdown, json: `${JSON.stringify(data, null, 1)}\n` };
}

const budgetsOf = (name: AdditionFound["name"]) =>
  Object.keys(additions[name].budgets).map(Number).toSorted((a, b) => b - a);

/** The protocol's comparisons of one number of labels that have runs, adjusted by Holm together. */
export function comparisonsOf(
  { name, runs }: Pick<AdditionFound, "name" | "runs">,
  budget: number,
): (Tested & { budget: number })[] {
  const of = (row: string) =>
    new Map(
      runs.filter((run) => run.row === row && run.budget === budget)
        .map(({ seed, auc }) => [seed, auc]),
    );
  const made = additions[name].compared.flatMap(([row, against]) => {
    const other = of(against);
    const differences = [...of(row)].flatMap(([seed, auc]) =>
      other.has(seed) ? [auc - other.get(seed)!] : []
    );
    if (differences.length === 0) return [];
    const tested = pairedT(differences);
    const { deviation, n } = tested;
    const least_seen = deviation === null ? null : leastSeen(deviation, n);
    return [{ title: `${row} - ${against}`, budget, tested, least_seen }];
  });
  const adjusted = holm(made.map(({ tested }) => tested.p));
  return made.map((one, i) => ({ ...one, p_holm: adjusted[i] }));
}

/** Where what was run is not what was fixed, in words. */
function deviationsOf({ name, runs }: AdditionFound, { seeds }: AdditionHead): string[] {
  const planned = additions[name].seeds;
  const list: string[] = [];
  if (seeds.join() !== planned.join()) {
    list.push(`${seeds.length} seeds instead of ${planned.length}`);
  }
  for (const budget of budgetsOf(name)) {
    for (const row of new Set(additions[name].compared.flat())) {
      const done = runs.filter((run) => run.row === row && run.budget === budget).length;
      const missing = planned.length - done;
      if (missing > 0) {
        list.push(`not measured: ${row}, ${budget} labels, ${missing} of ${planned.length} seeds`);
      }
    }
  }
  return list;
}

function verdict(found: AdditionFound, budget: number): string {
  const all = comparisonsOf(found, budget);
  if (all.length === 0) return "No comparison was measured.";
  const fewest = Math.min(...all.map(({ tested }) => tested.n));
  const planned = additions[found.name].seeds.length;
  const unfinished = all.length < additions[found.name].compared.length || fewest < planned
    ? ` This is no verdict of the protocol: that has ${planned} seeds of each.`
    : "";
  const few = fewest < LEAST_SEEDS
    ? ` ${fewest} seed${
      fewest > 1 ? "s are" : " is"
    } too few for a verdict: differences below "least seen" are missed in more than one of five ` +
      "such studies."
    : "";
  return `${all.filter(holds).length} of ${all.length} hold after Holm.${unfinished}${few}`;
}

function runsGrid(runs: TestedRun[]): string {
  const seeds = [...new Set(runs.map(({ seed }) => seed))].toSorted((a, b) => a - b);
  const told = runs.some(({ divergence }) => divergence !== undefined);
  const rows = [...Map.groupBy(runs, ({ row, budget }) => `${row}, ${budget} labels`)];
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return markdownGrid(
    ["AUC", "mean", ...seeds.map((seed) => `seed ${seed}`), ...(told ? ["divergence"] : [])],
    rows.map(([title, group]) => {
      const by = new Map(group.map(({ seed, auc }) => [seed, auc]));
      const ends = group.flatMap(({ divergence }) => divergence ?? []);
      return [
        title,
        mean(group.map(({ auc }) => auc)).toFixed(3),
        ...seeds.map((seed) => by.get(seed)?.toFixed(3) ?? "–"),
        ...(told ? [ends.length > 0 ? mean(ends).toFixed(3) : "–"] : []),
      ];
    }),
  );
}
