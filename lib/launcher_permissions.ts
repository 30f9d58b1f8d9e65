/** What the first process may do: read the checkout, start programs, see its variables. */
import { variables } from "./config.ts";

/**
 * The arguments of `deno`, in the project's directory. `deno task start` has the same flags (a test compares
 * them): a set of permissions in deno.json would print a warning of an experiment at every start.
 */
export const launcherArguments = [
  "run",
  "--frozen",
  `--allow-env=${[...variables, "LD_LIBRARY_PATH"].join(",")}`,
  // It asks the API whether it answers.
  "--allow-net",
  "--allow-read",
  "--allow-run",
  "main.ts",
];
