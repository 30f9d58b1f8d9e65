/** The first process: gives the API process its few permissions, and stays to pass signals on. */
import { commitOf } from "./commit.ts";
import type { Config } from "./config.ts";
import { apiArguments, root } from "./permissions.ts";

const BACKOFF_MS = 250;

/** An editor writes in several steps, a checkout many files: changes this near to each other are one. */
const CHANGES_MS = 300;

/** What the server is made of. */
const WATCHED = ["main.ts", "routes", "lib", "gpu", "kernels", "static"];

/** The commit that is checked out, and whether files were changed since. */
export const checkout = () => commitOf(root);

/** Runs the API until it ends; one that was killed from outside is started again. */
export async function launch(config: Config): Promise<never> {
  const commit = checkout();
  const args = [...apiArguments(config), ...(commit ? [`--commit=${commit}`] : [])];
  // Absolute, so that the other processes need not know where this one was started.
  const env = { MCGIP_DATA: config.data };
  let child: Deno.ChildProcess | undefined;
  let asked = false;
  let changed = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      asked = true;
      child?.kill("SIGTERM");
    });
  }
  if (config.watch) {
    watch(() => {
      console.log("A file has changed; starting again");
      changed = true;
      child?.kill("SIGTERM");
    });
  }
  while (true) {
    changed = false;
    // Its standard input tells the child when this process is gone.
    child = new Deno.Command(Deno.execPath(), { args, env, stdin: "piped" }).spawn();
    const { code, signal } = await child.status;
    child = undefined;
    if (asked) Deno.exit(signal ? 0 : code);
    if (changed) continue;
    if (signal === null) {
      if (!config.watch) Deno.exit(code);
      console.error(`The API process ended with ${code}; waiting for a change`);
      while (!changed && !asked) await new Promise((resolve) => setTimeout(resolve, BACKOFF_MS));
      if (asked) Deno.exit(code);
      continue;
    }
    console.error(`The API process was ended by ${signal}; starting it again`);
    await new Promise((resolve) => setTimeout(resolve, BACKOFF_MS));
  }
}

/** Calls `change` after the files of the program have changed, once for changes that come together. */
async function watch(change: () => void): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  for await (const { kind } of Deno.watchFs(WATCHED.map((name) => `${root}/${name}`))) {
    if (kind === "access") continue;
    clearTimeout(timer);
    timer = setTimeout(change, CHANGES_MS);
  }
}
