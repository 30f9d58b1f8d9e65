/** `deno task doctor`: what keeps a server from working here, and what to type. */
import { commitOf } from "@/lib/commit.ts";
import { codeVersion, readConfig } from "@/lib/config.ts";
import { counted } from "@/lib/counted.ts";
import { readOptions } from "@/lib/options.ts";
import { root } from "@/lib/permissions.ts";
import { namesOfEnvironment } from "@/lib/unknown_variables.ts";
import { holderOf } from "@/lib/store/lock.ts";
import { checkCluster } from "./checks/cluster.ts";
import { checkClock, checkDatabase, checkDirectory, checkDisk } from "./checks/data.ts";
import type { Finding } from "./checks/finding.ts";
import { checkGraphics } from "./checks/graphics.ts";
import {
  checkHandles,
  checkMemory,
  checkPort,
  checkRunning,
  checkVariables,
  checkVersions,
} from "./checks/machine.ts";

const HELP = `deno task doctor [OPTIONS]
Looks at what a server needs here, and says what is wrong and what to type. Changes nothing. Ends
with 1 where a server would not work.
  --data FOLDER   the data directory (MCGIP_DATA, ./data)
  --host ADDRESS  where it would listen (MCGIP_HOST, 127.0.0.1)
  --port N        (MCGIP_PORT, 8000)
  --json          prints JSON instead of lines
  -h, --help      prints this and leaves`;

/** @returns the exit code */
export async function doctorProgram(args: string[]): Promise<number> {
  const { values } = readOptions("look", {
    data: { type: "string" },
    host: { type: "string" },
    port: { type: "string" },
    json: { type: "boolean" },
  }, args);
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const { json, ...given } = values;
  const options = Object.entries(given).map(([name, value]) => `--${name}=${value}`);
  const config = readConfig((name) => Deno.env.get(name), options);
  const own = codeVersion(commitOf(root));
  const running = holderOf(config.data);
  const directory = checkDirectory(config.data);
  const findings: Finding[] = [
    checkVersions(own),
    ...checkRunning(own, config.data),
    ...checkVariables(namesOfEnvironment()),
    ...await checkGraphics(),
    checkMemory(),
    checkHandles(),
    directory,
    // Of a directory that cannot be used the rest means nothing.
    ...(directory.verdict === "fault"
      ? []
      : config.cluster
      ? [checkDisk(config.data), ...await checkCluster()]
      : [checkDisk, checkDatabase, checkClock].map((check) => check(config.data))),
    await checkPort(config, running),
  ];
  const count = (verdict: Finding["verdict"]) =>
    findings.filter((finding) => finding.verdict === verdict).length;
  const [faults, warnings] = [count("fault"), count("warning")];
  if (json) {
    console.log(JSON.stringify({ faults, warnings, server: running ?? null, findings }, null, 2));
  } else {
    for (const { check, verdict, found, advice } of findings) {
      console.log(`${verdict.padEnd(7)}  ${check.padEnd(12)}  ${found}`);
      if (advice) console.log(`${" ".repeat(23)}-> ${advice}`);
    }
    const server = running === undefined ? "no server runs" : `a server runs (process ${running})`;
    console.log(
      `${counted(faults, "fault")}, ${counted(warnings, "warning")}; ${server} in ${config.data}`,
    );
  }
  return faults > 0 ? 1 : 0;
}
