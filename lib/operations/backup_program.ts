/** `deno task backup`, `deno task restore` and `deno task verify` on the command line. */
import { commitOf } from "@/lib/commit.ts";
import { codeVersion, dataDirectory } from "@/lib/config.ts";
import { counted } from "@/lib/counted.ts";
import { readOptions } from "@/lib/options.ts";
import { root } from "@/lib/permissions.ts";
import { remedyFor } from "@/lib/store/stored_files.ts";
import { backUp } from "./backup.ts";
import { leftBeside } from "./data_files.ts";
import { restore } from "./restore.ts";
import { sizeText } from "./size_text.ts";
import { verify } from "./verify.ts";

const DATA = "--data FOLDER  the data directory (MCGIP_DATA, ./data)";
const HELP = "-h, --help     prints this and leaves";

const BACKUP_HELP = `deno task backup [FOLDER] [OPTIONS]
Copies the data directory to a new folder, also while the server runs; ./backup-TIME without a name.
  ${DATA}
  --link         hard links to the files instead of copies: at once, on the same file system only;
                 damage to a file is damage to its link
  ${HELP}`;

const RESTORE_HELP = `deno task restore BACKUP [OPTIONS]
Makes a new data directory of a backup, after a look at every byte of it. Ends with 1 where the backup
lacks what was missing or damaged when it was made: each is named, with what to do.
  ${DATA}; it must be new or empty
  ${HELP}`;

const VERIFY_HELP = `deno task verify [OPTIONS]
Looks at every stored file and checkpoint, at rows (what they hold, and whether it fits the files that
they name), and at the database; also while the server runs, and at a backup. Says of each fault what to
do. Ends with 1 where anything is wrong, with 2 where it cannot look.
  ${DATA}
  --quick        does not read the files, nor compare rows with them
  ${HELP}`;

const DATA_OPTION = { data: { type: "string" } } as const;
const folderOf = (data: string | undefined) => dataDirectory(data || Deno.env.get("MCGIP_DATA"));

/** @returns the exit code */
export async function backupProgram(args: string[]): Promise<number> {
  const options = { ...DATA_OPTION, link: { type: "boolean" } } as const;
  const { values, positionals } = readOptions("back up", options, args, 1);
  if (values.help) return say(BACKUP_HELP);
  const data = folderOf(values.data);
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(":", "-");
  const target = positionals[0] ?? `backup-${stamp}`;
  const { manifest, damaged } = await backUp(data, target, {
    codeVersion: codeVersion(commitOf(root)),
    link: values.link,
    onProgress: progress,
  });
  for (const { sha256, what } of damaged) {
    console.error(`missing or damaged, and not in the backup: ${what} (${sha256.slice(0, 12)})`);
  }
  const { files, bytes, checkpoints } = manifest;
  say(
    `${target}: ${counted(files, "file")} (${sizeText(bytes)}), database ` +
      `(${sizeText(manifest.database.bytes)}), checkpoints of ${counted(checkpoints, "job")}; ` +
      `${manifest.damaged.length} missing or damaged`,
  );
  tellLeft(target);
  return damaged.length > 0 ? 1 : 0;
}

/** @returns the exit code */
export async function restoreProgram(args: string[]): Promise<number> {
  const { values, positionals: [backup] } = readOptions("restore", DATA_OPTION, args, 1);
  if (values.help) return say(RESTORE_HELP);
  if (backup === undefined) throw new Error("Cannot restore: name the backup's folder; see --help");
  const data = folderOf(values.data);
  const { files, bytes, made_at, lost } = await restore(backup, data, { onProgress: progress });
  tellLeft(data);
  for (const { sha256, what } of lost) {
    console.error(
      `missing or damaged when the backup was made: ${what} (${sha256.slice(0, 12)}); ` +
        `${remedyFor(what)}, or look into an older backup`,
    );
  }
  say(
    `${data}: restored as it was at ${made_at}: ${counted(files, "file")} (${sizeText(bytes)})` +
      (lost.length > 0 ? `; ${lost.length} were missing or damaged then, named above` : ""),
  );
  return lost.length > 0 ? 1 : 0;
}

/** @returns the exit code */
export async function verifyProgram(args: string[]): Promise<number> {
  const options = { ...DATA_OPTION, quick: { type: "boolean" } } as const;
  const { values } = readOptions("verify", options, args);
  if (values.help) return say(VERIFY_HELP);
  const data = folderOf(values.data);
  const started = performance.now();
  const found = await verify(data, { quick: values.quick, onProgress: progress });
  for (const fault of found.faults) say(fault);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  say(
    `${counted(found.faults.length, "fault")}: ${counted(found.files, "file")} ` +
      `(${sizeText(found.bytes)}${values.quick ? ", not read" : ""}) for ` +
      `${counted(found.references, "reference")}, ${found.unnamed} of no row, ` +
      counted(found.checkpoints, "checkpoint") +
      `${found.running ? " (a server runs)" : ""}, in ${seconds} s`,
  );
  return found.faults.length > 0 ? 1 : 0;
}

/** What is of no use takes room. */
function tellLeft(folder: string): void {
  for (const left of leftBeside(folder)) {
    console.error(
      `${left} is left of a run that was interrupted, or is one under way: remove it where none is`,
    );
  }
}

function say(text: string): 0 {
  console.log(text);
  return 0;
}

let shown = 0;

/** On a terminal, every second. */
function progress(done: number, total: number): void {
  if (!Deno.stderr.isTerminal() || performance.now() - shown < 1000) return;
  shown = performance.now();
  const text = `${done} of ${total} files`;
  Deno.stderr.writeSync(new TextEncoder().encode(`\r${text}\r`));
}
