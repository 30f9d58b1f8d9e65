/** `backup.json`: what a backup holds. It is written last, so that a folder without it is no backup. */
import { z } from "zod";
import { isTaken, leftBeside } from "./data_files.ts";

const NAME = "backup.json";

const manifestSchema = z.strictObject({
  format: z.literal(1),
  made_at: z.iso.datetime(),
  /** Of the program that made it. */
  code_version: z.string(),
  /** Version of the database's schema. */
  schema: z.int(),
  database: z.strictObject({ sha256: z.string(), bytes: z.int() }),
  secret: z.strictObject({ sha256: z.string(), bytes: z.int() }),
  files: z.int(),
  bytes: z.int().describe("Of the files together"),
  checkpoints: z.int().describe("Jobs whose checkpoints are in it"),
  /** Files that were missing or damaged when it was made. */
  damaged: z.array(z.string()),
});
export type Manifest = z.output<typeof manifestSchema>;

export function writeManifest(folder: string, manifest: Manifest): void {
  const file = Deno.openSync(`${folder}/${NAME}`, { write: true, createNew: true, mode: 0o600 });
  try {
    file.writeSync(new TextEncoder().encode(JSON.stringify(manifest, null, 2) + "\n"));
    file.syncSync();
  } finally {
    file.close();
  }
}

/** @throws {Error} for a folder that is no backup, or one of another kind */
export function readManifest(folder: string): Manifest {
  let text: string;
  try {
    text = Deno.readTextFileSync(`${folder}/${NAME}`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory)) {
      throw error;
    }
    throw new Error(`Cannot restore ${folder}: ${whyNone(folder)}`);
  }
  const parsed = manifestSchema.safeParse(parse(text));
  if (parsed.success) return parsed.data;
  const [{ path, message }] = parsed.error.issues;
  throw new Error(
    `Cannot restore ${folder}: its ${NAME} is not understood (${
      path.join("/") || "text"
    }: ${message})`,
  );
}

/** Why there is no backup in a folder. */
function whyNone(folder: string): string {
  if (isTaken(folder)) {
    return `it is no backup, or one that was interrupted (it holds no ${NAME}); make another`;
  }
  const [left] = leftBeside(folder);
  return left === undefined
    ? "it is not there; name the folder of a backup"
    : `it was interrupted before it was whole (${left} is what it left); make another`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
