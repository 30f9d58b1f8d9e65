/**
 * Programs for whoever runs a server, each a task of its own: `deno task backup`, `restore`, `verify`, `salvage`,
 * `doctor`, `keys`. Each has `--help`.
 */
import { backupProgram, restoreProgram, verifyProgram } from "@/lib/operations/backup_program.ts";
import { assertNoCluster } from "@/lib/operations/cluster_advice.ts";
import { doctorProgram } from "@/lib/operations/doctor_program.ts";
import { namesOfEnvironment, unknownVariables } from "@/lib/unknown_variables.ts";
import { keysProgram } from "@/lib/operations/keys_program.ts";
import { salvageProgram } from "@/lib/operations/salvage_program.ts";

/** Each returns its exit code: 1 where something is wrong with the data, 2 where it could not do its work. */
const programs: Record<string, (args: string[]) => Promise<number>> = {
  backup: backupProgram,
  restore: restoreProgram,
  verify: verifyProgram,
  salvage: salvageProgram,
  doctor: doctorProgram,
  keys: keysProgram,
};

const [name, ...args] = Deno.args;
try {
  const program = Object.hasOwn(programs, name ?? "") ? programs[name] : undefined;
  if (!program) {
    throw new Error(`Cannot run this: one of ${Object.keys(programs).join(", ")} is needed`);
  }
  assertNoCluster(name, args, (name) => Deno.env.get(name));
  // Of doctor it is a finding.
  if (name !== "doctor") {
    for (const line of unknownVariables(namesOfEnvironment())) console.error(line);
  }
  Deno.exit(await program(args));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exit(2);
}
