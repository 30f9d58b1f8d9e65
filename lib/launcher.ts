/** The first process: gives the API process its few permissions, and stays to pass signals on. */
import { commitOf } from "./commit.ts";
import { commitFlag, type Config } from "./config.ts";
import { apiArguments, root } from "./permissions.ts";

const BACKOFF_MS = 250;

/** Runs the API until it ends; one that was killed from outside is started again. */
export async function launch(config: Config): Promise<never> {
  const commit = commitOf(root);
  const args = [...apiArguments(config), ...(commit ? [commitFlag + commit] : [])];
  // Absolute, so that the other processes need not know where this one was started.
  const env = { MCGIP_DATA: config.data };
  let child: Deno.ChildProcess | undefined;
  let asked = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      asked = true;
      child?.kill("SIGTERM");
    });
  }
  while (true) {
    // Its standard input tells the child when this process is gone.
    child = new Deno.Command(Deno.execPath(), { args, env, stdin: "piped" }).spawn();
    const { code, signal } = await child.status;
    if (asked || signal === null) Deno.exit(asked && signal ? 0 : code);
    console.error(`The API process was ended by ${signal}; starting it again`);
    child = undefined;
    await new Promise((resolve) => setTimeout(resolve, BACKOFF_MS));
  }
}
