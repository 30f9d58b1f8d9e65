/** Programs of the operator, as people start them. */
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

export interface Ended {
  code: number;
  out: string;
  error: string;
  /** The last line of the output. */
  last: string;
}

/** The command of a task of deno.json, without `deno` and without what it tells of packages that it fetches. */
function commandOf(task: string): string[] {
  const { tasks } = JSON.parse(Deno.readTextFileSync(`${root}deno.json`));
  const [, run, ...rest] = tasks[task].command.split(" ");
  return [run, "--quiet", ...rest];
}

/** Starts a task of deno.json with its own permissions. */
export function startTask(task: string, args: string[], env: Record<string, string> = {}) {
  return new Deno.Command(Deno.execPath(), {
    args: [...commandOf(task), ...args],
    cwd: root,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Runs it to its end. */
export async function runTask(
  task: string,
  args: string[],
  env?: Record<string, string>,
): Promise<Ended> {
  const { code, stdout, stderr } = await startTask(task, args, env).output();
  const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trim());
  return { code, out, error, last: out.split("\n").at(-1)! };
}
