/** What was measured of a cluster, part by part, at whichever time. */
import { commitOf } from "@/lib/commit.ts";
import { type Row, tables } from "../reliability/row.ts";

export interface Part {
  /** A sentence: at which commit and load. */
  how: string;
  rows: Row[];
}

/** By the part's name. */
export type Record = { [part: string]: Part };

/** The commit that is measured; `-dirty` where more than this table has been changed since. */
export function codeAt(root: string): string | undefined {
  const commit = commitOf(root);
  if (!commit?.endsWith("-dirty")) return commit;
  const { success } = new Deno.Command("git", {
    args: ["-C", root, "diff", "--quiet", "HEAD", "--", ".", ":!bench/CLUSTER.*"],
  }).outputSync();
  return success ? commit.slice(0, -"-dirty".length) : commit;
}

/** Nothing where the file is not there. */
export function readRecord(path: string): Record {
  try {
    return JSON.parse(Deno.readTextFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {};
    throw error;
  }
}

const ordered = (record: Record, order: string[]) =>
  order.filter((part) => Object.hasOwn(record, part));

export function writeRecord(path: string, record: Record, order: string[]): void {
  const parts = Object.fromEntries(ordered(record, order).map((part) => [part, record[part]]));
  Deno.writeTextFileSync(path, JSON.stringify(parts, null, 2) + "\n");
}

/** Markdown: a section for each part. */
export function report(record: Record, order: string[]): string {
  const parts = ordered(record, order).map((part) => record[part]);
  const promises = parts.flatMap(({ rows }) => rows).filter(({ holds }) => holds !== undefined);
  const held = promises.filter(({ holds }) => holds).length;
  const missing = order.filter((part) => !Object.hasOwn(record, part));
  return `# A cluster: promised and measured

By \`deno task bench:cluster\`, on ${navigator.hardwareConcurrency} cores, all processes on this one machine: two servers, four
workers, PostgreSQL, s3rver; jobs count instead of training, but for the checkpoint. A part that was
measured alone (\`--only\`) stands beside the others as they were measured before. **${held} of ${promises.length} promises
held.**${missing.length > 0 ? ` Not measured: ${missing.join(", ")}.` : ""}

${parts.map(({ how, rows }) => `${tables(rows)}\n${how}\n`).join("\n")}`;
}
