/** Tables of labels and files of gaze, told apart by what is in them. */
import { hasTime, isLabelTable } from "../label_columns.ts";
import { type LabelTable, readLabels } from "../labels.ts";
import { tableHeaders } from "../csv_table.ts";
import { note, skip } from "./shared_parts.ts";
import type { Plan, Source } from "./layout.ts";
import { type Companion, companionOf, recognise } from "@/lib/gaze/formats/mod.ts";
import { isWorkbook, sheetsOf } from "@/lib/gaze/formats/workbook.ts";

/** By the end of its name. */
export const isText = (name: string) => /\.(csv|tsv|txt|asc|json|log|xlsx)(\.gz)?$/i.test(name);
/** Larger texts beside the pictures are gaze, if they are anything. */
const MOST_TABLE_BYTES = 64 * 2 ** 20;

/** Sorts the texts of an archive into the plan: labels, gaze, and what is neither. */
export async function takeTexts(plan: Plan, source: Source, names: string[]): Promise<void> {
  const tables: { name: string; table: LabelTable }[] = [];
  for (const name of names) {
    const sheet = await labelSheet(source, name);
    const kind = sheet ? "labels" : await kindOf(plan, source, name);
    if (kind === "labels") {
      const bytes = sheet ?? await source.read(name);
      const classes = source.classes ?? plan.description.classes;
      tables.push({ name, table: readLabels(bytes, source.full(name), { classes }) });
    } else if (kind === "gaze") plan.gaze.push(name);
    else if (kind === "other") skip(plan, source, name, whyOther(name));
    else if (kind !== "read") skip(plan, source, name, kind.why);
  }
  joinTables(plan, source, tables);
}

/** Takes the files of gaze among the texts of an archive; gives back the others. */
export async function takeGaze(plan: Plan, source: Source, names: string[]): Promise<string[]> {
  const others: string[] = [];
  for (const name of names) {
    if (await labelSheet(source, name)) others.push(name);
    else {
      const kind = await kindOf(plan, source, name);
      if (kind === "gaze") plan.gaze.push(name);
      else if (kind !== "read") others.push(name);
    }
  }
  return others;
}

/** The sheet of a workbook that is a table of labels. Throws InvalidInput for a damaged one. */
async function labelSheet(source: Source, name: string): Promise<Uint8Array | undefined> {
  if (!/\.xlsx$/i.test(name) || source.bytes(name) > MOST_TABLE_BYTES) return undefined;
  const bytes = await source.read(name);
  if (!isWorkbook(bytes)) return undefined;
  const sheets = await sheetsOf(bytes, source.full(name));
  return sheets.find((sheet) => isLabelTable(tableHeaders(sheet.bytes)))?.bytes;
}

const HINT =
  "; where it is gaze, put it under gaze/ with the columns image,reader,x,y,duration_ms, or name its own by " +
  "`columns` in dataset.json";

const whyOther = (name: string) =>
  /\.(xlsx?|ods|numbers)$/i.test(name)
    ? 'an Excel table in which neither labels nor gaze were found; save it as "CSV UTF-8" where it is one'
    : `neither a picture, nor labels, nor gaze${isText(name) ? HINT : ""}`;

async function kindOf(
  { description: { columns } }: Plan,
  source: Source,
  name: string,
): Promise<"labels" | "gaze" | "read" | "other" | Companion> {
  const companion = companionOf(name, source.names);
  if (companion?.read) return "read";
  if (!isText(name) || source.bytes(name) > MOST_TABLE_BYTES) return companion ?? "other";
  const bytes = await source.read(name);
  const headers = /\.(csv|tsv|txt)$/i.test(name) ? tableHeaders(bytes) : [];
  // Before the companions: Pupil Cloud calls a file "labels.csv" too.
  if (isLabelTable(headers)) return "labels";
  if (companion) return companion;
  if (/(^|\/)labels?\.\w+$/i.test(name) && isLabelTable(headers, true)) return "labels";
  const own = Object.values(columns ?? {}).map((header) => header.toLowerCase());
  if (own.some((header) => headers.includes(header))) return "gaze";
  const format = await recognise(bytes, { file: source.full(name) });
  // A table of boxes has places too.
  return format && (format !== "plain" || headers.length === 0 || hasTime(headers))
    ? "gaze"
    : "other";
}

/** One label for each image: a column of another name in a second table is another thing. */
function joinTables(
  plan: Plan,
  source: Source,
  tables: { name: string; table: LabelTable }[],
): void {
  // "train_labels.csv" says more of labels than "class_info.csv".
  const rank = (name: string) => /label/i.test(name) ? 0 : /train|annot/i.test(name) ? 1 : 2;
  tables.sort((a, b) => rank(a.name) - rank(b.name) || (a.name < b.name ? -1 : 1));
  const columns: LabelTable["columns"] = {};
  for (const { name, table } of tables) {
    const file = source.full(name);
    plan.notes.push(...table.warnings);
    for (const role of ["label", "patient", "split"] as const) {
      const [first, own] = [columns[role], table.columns[role]];
      if (own === undefined) continue;
      if (first !== undefined && first !== own) {
        note(plan, `The column "${own}" is not used: "${first}" of another table is`, file);
        for (const row of table.labels) row[role] = undefined;
      } else columns[role] = own;
    }
    if (table.classes && columns.label === undefined) {
      plan.classes = [...new Set([...plan.classes ?? [], ...table.classes])];
    } else if (table.classes) {
      note(
        plan,
        `The findings are not used: "${columns.label}" of another table is the label`,
        file,
      );
      for (const row of table.labels) row.findings = undefined;
    } else if (plan.classes && table.columns.label !== undefined) {
      note(
        plan,
        `The column "${table.columns.label}" is not used: another table has findings`,
        file,
      );
      for (const row of table.labels) row.label = undefined;
      columns.label = undefined;
    }
    for (const row of table.labels) plan.labels.push({ ...row, file });
  }
  if (tables.length > 0) plan.labelsFile = source.full(tables[0].name);
}
