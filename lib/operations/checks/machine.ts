/** What a server needs of the machine: runtime, memory, file handles, its address. */
import { readOpenFilesLimit } from "@/lib/file_handles.ts";
import { machineMemory } from "@/lib/machine_memory.ts";
import { unknownVariables } from "@/lib/unknown_variables.ts";
import { versionOfHolder } from "@/lib/store/lock.ts";
import { sizeText } from "../size_text.ts";
import { fault, type Finding, ok, warning } from "./finding.ts";

/** With which the program is tested. */
const RUNTIME = "2.9.6";
const LEAST_MEMORY = 2e9;
const LEAST_HANDLES = 256;
const GOOD_HANDLES = 4096;

/** @param version of the program, and the commit behind it */
export function checkVersions(version: string, runtime: string = Deno.version.deno): Finding {
  const found = `McGIP ${version}, Deno ${runtime}`;
  const [major, minor] = runtime.split(".").map(Number);
  const [wantedMajor, wantedMinor] = RUNTIME.split(".").map(Number);
  if (major === wantedMajor && minor === wantedMinor) return ok("versions", found);
  const older = major < wantedMajor || (major === wantedMajor && minor < wantedMinor);
  return (older ? fault : warning)("versions", found, `deno upgrade ${RUNTIME}`);
}

/** @param own version of this checkout, with which the server that works in the directory is compared */
export function checkRunning(own: string, data: string): Finding[] {
  const running = versionOfHolder(data);
  if (running === undefined) return [];
  return running === own ? [ok("server", `runs as version ${running}`)] : [warning(
    "server",
    `the server that runs is version ${running}, this checkout is ${own}`,
    "start the server anew to run this one, or run operations from the checkout of the other",
  )];
}

/** @param names of the variables of the environment */
export function checkVariables(names: string[]): Finding[] {
  return unknownVariables(names).map((line) =>
    warning("variables", line, "deno task start --help lists those that are read")
  );
}

export function checkMemory(bytes: number = machineMemory()): Finding {
  const found = sizeText(bytes);
  if (bytes >= LEAST_MEMORY) return ok("memory", found);
  return warning(
    "memory",
    found,
    "give the machine or the container 2 GB or more: imports need it",
  );
}

export function checkHandles(handles: number | undefined = readOpenFilesLimit()): Finding {
  if (handles === undefined) return ok("file handles", "the system does not tell");
  const found = handles === Infinity ? "unlimited" : `${handles}`;
  if (handles >= GOOD_HANDLES) return ok("file handles", found);
  const advice =
    `ulimit -n ${GOOD_HANDLES} before the start; LimitNOFILE=${GOOD_HANDLES} in systemd`;
  return handles < LEAST_HANDLES
    ? fault("file handles", `${found}: too few to start`, advice)
    : warning("file handles", `${found}: few connections at once`, advice);
}

/**
 * Whether the address can be listened on.
 * @param running process id of the server that works in the data directory
 */
export async function checkPort(
  { host, port }: { host: string; port: number },
  running: string | undefined,
): Promise<Finding> {
  const at = `${host}:${port}`;
  try {
    Deno.listen({ hostname: host, port }).close();
    return running === undefined ? ok("port", `${at} is free`) : warning(
      "port",
      `${at} is free, and the server (process ${running}) listens elsewhere`,
      "give doctor its --host and --port",
    );
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) {
      return fault(
        "port",
        `${at} cannot be had (${(error as Error).name})`,
        "--host takes an address of this machine, --port one above 1023",
      );
    }
    if (running !== undefined && await answers(host, port)) {
      return ok("port", `${at}: the server (process ${running}) answers there`);
    }
    return running === undefined
      ? fault(
        "port",
        `another program listens on ${at}`,
        "end it, or choose another port by --port",
      )
      : fault(
        "port",
        `what listens on ${at} does not answer as the server`,
        `look at process ${running}; end it, and start anew`,
      );
  }
}

async function answers(host: string, port: number): Promise<boolean> {
  const name = host.includes(":") ? `[${host}]` : host;
  const signal = AbortSignal.timeout(5_000);
  try {
    const response = await fetch(`http://${name}:${port}/healthz`, { signal });
    return (await response.json()).status === "ok";
  } catch {
    return false;
  }
}
