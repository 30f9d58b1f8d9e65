/** What a start without a cluster loads: nothing that only a cluster needs. */
import { fileURLToPath } from "node:url";
import type { Row } from "../reliability/row.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
/** Processes of a server, by the modules that they begin with. */
const ENTRIES = ["main.ts", "routes/server.ts", "lib/worker/worker_process.ts"];
const ONLY_CLUSTER = ["pg", "pg-boss", "aws4fetch"];

export async function modulesOfAStart(): Promise<Row[]> {
  const found: string[] = [];
  let modules = 0;
  for (const entry of ENTRIES) {
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", entry],
      cwd: root,
    }).output();
    if (!success) throw new Error(`Cannot list ${entry}: ${new TextDecoder().decode(stderr)}`);
    const info = JSON.parse(new TextDecoder().decode(stdout)) as {
      modules: { specifier: string }[];
      npmPackages: { [id: string]: { name: string } };
    };
    modules = Math.max(modules, info.modules.length);
    const packages = Object.values(info.npmPackages).map(({ name }) => name);
    found.push(
      ...packages.filter((name) => ONLY_CLUSTER.includes(name)),
      ...info.modules.map(({ specifier }) => specifier)
        .filter((specifier) => specifier.startsWith(`file://${root}cluster/`)),
    );
  }
  return [{
    of: "A start without a cluster",
    what: `of ${ONLY_CLUSTER.join(", ")} and \`cluster/\` it loads`,
    wanted: "nothing",
    measured: found.length === 0 ? `nothing, of ${modules} modules` : found.join(", "),
    holds: found.length === 0,
  }];
}
