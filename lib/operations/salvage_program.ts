/** `deno task salvage` on the command line. */
import { dataDirectory } from "@/lib/config.ts";
import { counted } from "@/lib/counted.ts";
import { readOptions } from "@/lib/options.ts";
import { DATABASE } from "./data_files.ts";
import { salvage } from "./salvage.ts";

const HELP = `deno task salvage [FILE] [OPTIONS]
Reads what can still be read of a damaged database, row by row, into a new one: FILE, or saved.db in the
data directory. Says what is lost and what to do with the result; changes nothing else. A backup is
better. Ends with 1 where rows are lost, with 2 where nothing can be read.
  --data FOLDER  the data directory (MCGIP_DATA, ./data)
  -h, --help     prints this and leaves`;

/** @returns the exit code */
export function salvageProgram(args: string[]): Promise<number> {
  const { values, positionals } = readOptions("salvage", { data: { type: "string" } }, args, 1);
  if (values.help) {
    console.log(HELP);
    return Promise.resolve(0);
  }
  const data = dataDirectory(values.data || Deno.env.get("MCGIP_DATA"));
  const target = positionals[0] ?? `${data}/saved.db`;
  const { rows, lost, orphans } = salvage(data, target);
  for (const { table, rows, named } of lost) {
    const how = rows === null
      ? "some rows are lost, nobody can tell how many"
      : `${counted(rows, "row")} lost`;
    const known = named.length > 0
      ? `: ${named.join(", ")}${rows === named.length ? "" : ", ..."}`
      : "";
    console.log(`${table}: ${how}${known}`);
  }
  for (const { table, rows } of orphans) {
    console.log(`${table}: ${counted(rows, "row")} left out, of what is lost`);
  }
  const whole = lost.length === 0 ? "; no row is lost, but bytes in texts may have changed" : "";
  console.log(`${target}: ${counted(rows, "row")} saved${whole}`);
  const old = `${data}/${DATABASE}`;
  console.log(
    `To go on with it: mv ${old} ${old}.damaged; rm -f ${old}-wal ${old}-shm ${old}.sha256; mv ${target} ${old}; ` +
      `deno task verify --data ${data}`,
  );
  return Promise.resolve(lost.length > 0 ? 1 : 0);
}
