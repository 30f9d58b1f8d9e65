/** Variables of the environment that look like the program's, and that nothing reads: mistyped, most likely. */
import { closest } from "./closest.ts";
import { variables } from "./config.ts";
import { workerVariables } from "./worker_settings.ts";

/** Read by the Python client, by files in deploy/ and by the tests, from which a server may be started. */
const ELSEWHERE = [
  ...["MCGIP_URL", "MCGIP_NAME", "MCGIP_SERVERS", "MCGIP_PROJECT", "MCGIP_ENV_FILE"],
  ...["MCGIP_STACKS", "MCGIP_TESTS_IN_CLUSTER", "MCGIP_GAZE_RUNS", "MCGIP_CHAOS_SEED"],
];

/** Kubernetes makes these for a service that is called `mcgip`, or `mcgip-...`. */
const OF_SERVICE = /^MCGIP_(\w+_)?(SERVICE_(HOST|PORT)|PORT_\d+)/;

/** A line for each of `names` that begins with MCGIP_ and is not known. */
export function unknownVariables(names: string[]): string[] {
  const known: string[] = [...new Set([...variables, ...workerVariables])]
    .filter((name) => name.startsWith("MCGIP_"));
  return names.filter((name) => /^mcgip_/i.test(name)).toSorted()
    .filter((name) => !known.includes(name) && !ELSEWHERE.includes(name) && !OF_SERVICE.test(name))
    .map((name) => {
      const near = closest(name, known);
      return `Nothing reads the variable ${name}` + (near ? `: ${near} was meant?` : "");
    });
}

/** Names of all variables; none where this process may see only some. */
export function namesOfEnvironment(): string[] {
  const { state } = Deno.permissions.querySync({ name: "env" });
  return state === "granted" ? Object.keys(Deno.env.toObject()) : [];
}
