/** What an experiment gave, as a Markdown file: every number comes from its tables. */
import type { StudyTable, TableCell } from "@/lib/studies/table_schema.ts";
import { markdownTable } from "@/lib/studies/render_table.ts";
import { type Experiment, SET, SIMILARITY, STUDY, studyWith } from "./experiment.ts";

export interface ReportHead {
  /** RFC 3339. */
  date: string;
  adapter: string;
  command: string;
  /** Of pre-training, where others were asked for than those that are fixed. */
  epochs?: number;
}

export function report(experiments: Experiment[], head: ReportHead): string {
  const json = (value: unknown) => "```json\n" + JSON.stringify(value, null, 2) + "\n```";
  return [
    "# The study on made-up data",
    "Written by `deno task study`; the figures are those of one run, whatever they show. The set is made up " +
    "(`lib/demo/synthetic.ts`): nothing here says anything about real gaze.",
    `- date: ${head.date}\n- program: ${[
      ...new Set(experiments.map(({ version }) => version)),
    ]}\n- adapter: ${head.adapter}\n` +
    `- command: \`${head.command}\``,
    ...experiments.flatMap(section),
    "## Parameters",
    head.epochs === undefined || head.epochs === STUDY.pretrain.epochs
      ? "Fixed in `lib/demo/experiment.ts` before this run, after a first trial that is told there."
      : `Those of \`lib/demo/experiment.ts\`, but for ${head.epochs} epochs of pre-training instead of ` +
        `${STUDY.pretrain.epochs}: a look at whether more steps change the picture, chosen after the study.`,
    json({ set: SET, similarity: SIMILARITY, study: studyWith(head.epochs) }),
  ].join("\n\n") + "\n";
}

function section(experiment: Experiment): string[] {
  const { control, images, audit, table, jobs, seconds } = experiment;
  const how = control ? "Gaze independent of the label" : "Gaze that tells the label with noise";
  return [
    `## ${how}`,
    `${images} images. Audit before training: similarity of gaze tells pairs of one label with an AUC of ` +
    `${audit.auc.toFixed(3)} (permutation p = ${audit.auc_p.toPrecision(2)}). ` +
    `${jobs.total} jobs took ${
      (seconds / 60).toFixed(1)
    } minutes together; ${jobs.computed} of them ` +
    "were queued by this study.",
    markdownTable(table, { title: how }).trim(),
    ...ends(experiment),
    readings(table, control).map((line) => `- ${line}`).join("\n"),
  ];
}

/** How pre-training ended, where there was any. */
function ends({ ends, table }: Experiment): string[] {
  if (ends.length === 0) return [];
  const name = (row: string) => table.rows.find(({ key }) => key === row)?.name ?? row;
  const lines = ends.map(({ row, spread, knn, pairs }) =>
    `| ${name(row)} | ${spread.toFixed(2)} | ${knn.toFixed(3)} | ${pairs.toFixed(0)} |`
  );
  return [
    "How pre-training ended (means over the runs): spread of the output, 1 when it is even over all directions " +
    "and 0 when it has collapsed; balanced accuracy of the labels of nearest neighbours in training; pairs of " +
    "different images in a batch, or against the queue.",
    ["|  | spread | kNN | pairs |", "| --- | ---: | ---: | ---: |", ...lines].join("\n"),
  ];
}

/** Each method's arms in words, by AUC. */
export function readings(table: StudyTable, control: boolean): string[] {
  const cell = (row: string) => table.cells.find((cell) => cell.row === row);
  const methods = [...new Set(table.rows.flatMap(({ method }) => method ?? []))];
  const found = methods.flatMap((method) => {
    const means = ["none", "shuffled", "gaze", "labels"].flatMap((arm) => {
      const figure = cell(`${method} ${arm}`)?.figures.auc;
      return figure ? [`${arm} ${figure.mean.toFixed(3)}`] : [];
    });
    const compared = ["gaze", "shuffled", "labels"].flatMap((arm) => {
      const said = against(cell(`${method} ${arm}`));
      return said ? [`${arm} ${said}`] : [];
    });
    const control = against(cell(`${method} gaze`), "controls");
    const said = control ? `; gaze against shuffled gaze: it ${control}` : "";
    return [
      `${method}: mean AUC ${means.join(", ")}; against none: ${compared.join("; ")}${said}.`,
    ];
  });
  const expected = control
    ? "Expected of a sound pipeline: gaze and shuffled gaze show no difference; labels, which are told outright, may."
    : "Expected: gaze above none and above shuffled gaze, labels at least near gaze.";
  return [expected, ...found];
}

function against(
  cell: TableCell | undefined,
  what: "differences" | "controls" = "differences",
): string | undefined {
  const difference = cell?.[what].auc;
  if (!difference) return undefined;
  const [low, high] = difference.interval;
  const verdict = low > 0 ? "is above" : high < 0 ? "is below" : "cannot be told apart";
  return `${verdict} (${difference.value >= 0 ? "+" : ""}${difference.value.toFixed(3)}, ` +
    `95 % from ${low.toFixed(3)} to ${high.toFixed(3)})`;
}
