/** Settings of `deno task worker`, by environment variables. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { withoutPassword } from "./cluster_settings.ts";
import { readOptions } from "./options.ts";

/** Every variable that it reads; its children may see these only. */
export const workerVariables = [
  "MCGIP_DATA",
  "MCGIP_API",
  "MCGIP_API_KEY",
  "MCGIP_WORKER_NAME",
  "MCGIP_CACHE",
  "MCGIP_CACHE_BYTES",
  "MCGIP_GPUS",
  "MCGIP_LOG",
] as const;

/** What `--help` prints. */
export const workerHelp = `deno task worker [OPTIONS]
GPU workers on the jobs of a data directory that a server has made, or of a server on another machine.
  --data FOLDER   the data directory (MCGIP_DATA, ./data)
  --name NAME     what people call it, on the dashboard, in logs and figures (MCGIP_WORKER_NAME, the machine's name)
  -h, --help      prints this and leaves
In brackets: the environment variable that says the same, and the default. By variables alone:
  MCGIP_API          address of a server on another machine, in place of a data directory; of all servers of one
                     cluster with commas: each can ask for predictions, and where one is away jobs come from the next
  MCGIP_API_KEY      a key of it with the scope work
  MCGIP_CACHE        where files of it are kept (./worker-cache)
  MCGIP_CACHE_BYTES  most bytes of these
  MCGIP_GPUS         places of cards as in pci-0000_41_00_0, with commas: a worker for each
  MCGIP_LOG          json: the log as one JSON object a line (text)
  MCGIP_DATABASE, MCGIP_FILES  as of the servers that share them (deno task start --help)
SIGTERM, SIGINT or SIGHUP ends them, after what they run is saved.`;

const DATABASE = "mcgip.db";

/**
 * The options of the command line; null where help is asked for.
 * @throws {Error} for an option that does not exist
 */
export function readWorkerOptions(args: string[]): { data?: string; name?: string } | null {
  const options = { data: { type: "string" }, name: { type: "string" } } as const;
  const { values } = readOptions("start a worker", options, args);
  return values.help ? null : { data: values.data, name: values.name };
}

/** It stands in addresses and in labels. */
const NAME = /^[\w.-]{1,60}$/;

/**
 * What people call the workers of a machine.
 * @param given by `--name` or MCGIP_WORKER_NAME
 * @throws {Error} for a name that cannot be used
 */
export function readLabel(given: string | undefined, hostname: () => string): string {
  if (given) {
    if (NAME.test(given)) return given;
    throw new Error(
      `Cannot call a worker "${given}": 1 to 60 letters, digits and -_. are needed (--name, MCGIP_WORKER_NAME)`,
    );
  }
  return hostname().replace(/[^\w.-]+/g, "-").slice(0, 60) || "worker";
}

/** @throws {Error} for a data directory that no server has made, with what to do */
export function assertServed(data: string): void {
  if (existsSync(`${data}/${DATABASE}`)) return;
  throw new Error(
    `Cannot start a worker on ${data}: it holds no ${DATABASE}. The server makes it: run deno task start with ` +
      "this data directory first, or name another by --data or MCGIP_DATA",
  );
}

const CACHE_BYTES = 50 * 2 ** 30;

export interface ElsewhereSettings {
  /** Addresses of the server, or of the servers of one cluster, without a slash at the end. */
  apis: string[];
  key: string;
  /** Absolute path of the directory of what is kept of the server's files. */
  cache: string;
  maxBytes: number;
}

type Env = (name: (typeof workerVariables)[number]) => string | undefined;

/**
 * The server elsewhere that MCGIP_API names; undefined without it.
 * @throws {Error} that says which setting cannot be used
 */
export function readElsewhere(env: Env): ElsewhereSettings | undefined {
  const named = (env("MCGIP_API") ?? "").split(",").map((api) => api.trim()).filter(Boolean);
  if (named.length === 0) return undefined;
  const apis = named.map((api) => {
    const url = URL.parse(api);
    if (!url || !["http:", "https:"].includes(url.protocol) || url.pathname !== "/" || url.search) {
      throw new Error(
        `Cannot use MCGIP_API=${
          withoutPassword(api)
        }: the address of a server is needed, as in https://server:8000`,
      );
    }
    return url.origin;
  });
  const key = env("MCGIP_API_KEY");
  if (!key) {
    throw new Error(
      "Cannot link to MCGIP_API without MCGIP_API_KEY: a key with the scope `work`, made there by " +
        "`deno task keys make NAME --scopes work`, or in a cluster by POST /v1/keys",
    );
  }
  const bytes = env("MCGIP_CACHE_BYTES") || String(CACHE_BYTES);
  if (!/^\d{1,15}$/.test(bytes)) {
    throw new Error(`Cannot use MCGIP_CACHE_BYTES=${bytes}: a whole number of bytes is needed`);
  }
  return {
    apis: [...new Set(apis)],
    key,
    cache: resolve(env("MCGIP_CACHE") || "worker-cache"),
    maxBytes: Number(bytes),
  };
}

/**
 * The cards that MCGIP_GPUS names, by their places on the bus; one that is not named without it.
 * @throws {Error} that says which cannot be used
 */
export function readCards(env: Env): (string | undefined)[] {
  const names = (env("MCGIP_GPUS") ?? "").split(",").map((name) => name.trim()).filter(Boolean);
  const wrong = names.find((name) => !/^pci-[0-9a-f]{4}_[0-9a-f]{2}_[0-9a-f]{2}_[0-7]$/.test(name));
  if (wrong !== undefined) {
    throw new Error(
      `Cannot use "${wrong}" in MCGIP_GPUS: places as in pci-0000_41_00_0 are needed, with commas`,
    );
  }
  if (new Set(names).size < names.length) throw new Error("Cannot use a card twice in MCGIP_GPUS");
  return names.length > 0 ? names : [undefined];
}

/** By these Mesa's layer, which stands before every vendor's driver, puts a card first in Vulkan's list. */
export function environmentOf(card: string | undefined): Record<string, string> {
  if (card === undefined) return {};
  return {
    DRI_PRIME: `${card}!`,
    MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE: "1",
    DENO_WEBGPU_BACKEND: "vulkan",
  };
}
