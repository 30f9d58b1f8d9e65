/** What the first process may do: read the checkout, start programs, see its variables. */
/**
 * The arguments of `deno`, in the project's directory. `deno task start` has the same flags (a test compares
 * them): a set of permissions in deno.json would print a warning of an experiment at every start.
 */
export const launcherArguments = [
  "run",
  "--frozen",
  // Variables that are mistyped are told; what it starts sees only those that it reads.
  "--allow-env",
  // It asks the API whether it answers.
  "--allow-net",
  "--allow-read",
  "--allow-run",
  "main.ts",
];
