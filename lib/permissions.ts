/** What each process may do: the flags that it is started with. Nothing else is open to it. */
import { fileURLToPath } from "node:url";
// Loaded as text, for their places only: this brings the packages in, and browsers get files of them.
import "swagger-ui-dist" with { type: "text" };
import "uplot" with { type: "text" };
import { clusterVariables } from "./cluster_settings.ts";
import type { CommitFiles } from "./commit.ts";
import { type Config, variables } from "./config.ts";
import { type ElsewhereSettings, workerVariables } from "./worker_settings.ts";

/** The project's directory, without a trailing slash. */
export const root = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

const beside = (name: string, file: string) =>
  fileURLToPath(new URL(`./${file}`, import.meta.resolve(name)));

/** Files of packages as browsers load them. */
export const vendored = {
  "swagger-ui.js": beside("swagger-ui-dist", "swagger-ui-bundle.js"),
  "swagger-ui.css": beside("swagger-ui-dist", "swagger-ui.css"),
  "uplot.js": beside("uplot", "uPlot.iife.min.js"),
  "uplot.css": beside("uplot", "uPlot.min.css"),
};

/**
 * Nothing is asked for at run time, and no package comes in that the lock file does not know. What only a cluster
 * needs has a configuration of its own.
 */
const always = (cluster: unknown) => [
  ...["run", "--quiet", "--no-prompt", "--frozen"],
  `--config=${root}/${cluster ? "cluster/" : ""}deno.json`,
];

const allow = (what: string, values: readonly string[]) => `--allow-${what}=${values.join(",")}`;

/** How much memory the machine has: tasks beside the main thread get a share of it. */
const MEMORY = "--allow-sys=systemMemoryInfo";

/** pg-boss notes which machine looks after its queues. */
const QUEUE = ",hostname";

/** What ws reads of its own. */
const WEBSOCKET_VARIABLES = ["WS_NO_BUFFER_UTIL", "WS_NO_UTF_8_VALIDATE"];

/** What pg reads of its own. */
const POSTGRES_VARIABLES = ["PG*", "USER", "USERNAME", "NODE_PG_FORCE_NATIVE"];

/** Where the database and the bucket are. */
function hostsOf({ cluster }: Pick<Config, "cluster">): string[] {
  if (!cluster) return [];
  const { protocol, hostname, port } = new URL(cluster.bucket.endpoint);
  return [cluster.database.host, `${hostname}:${port || (protocol === "https:" ? 443 : 80)}`];
}

/** What says which commit is checked out. */
const placesOf = (git: CommitFiles | undefined) =>
  git ? [git.head, `${git.branches}/refs`, `${git.branches}/packed-refs`] : [];

/** The API process: its address, the data directory, the dashboard's files, and starting its worker. */
export function apiArguments(config: Config, git?: CommitFiles): string[] {
  const address = config.host.includes(":") ? `[${config.host}]` : config.host;
  return [
    ...always(config.cluster),
    allow("net", [`${address}:${config.port}`, ...hostsOf(config)]),
    allow("read", [
      config.data,
      `${root}/static`,
      // Modules that are loaded when they are first needed.
      `${root}/routes`,
      `${root}/lib`,
      ...(config.cluster ? [`${root}/cluster`] : []),
      ...Object.values(vendored),
      ...placesOf(git),
    ]),
    allow("write", [config.data]),
    allow("env", [
      ...variables,
      ...WEBSOCKET_VARIABLES,
      ...(config.cluster ? POSTGRES_VARIABLES : []),
    ]),
    // And how much room the disk has for an upload; threads that work beside the one that answers come after it.
    `${MEMORY},statfs,getPriority,setPriority${config.cluster ? QUEUE : ""}`,
    // The runtime refuses to start anything under a library path unless every program may be started.
    Deno.env.get("LD_LIBRARY_PATH") ? "--allow-run" : allow("run", [Deno.execPath()]),
    `${root}/main.ts`,
    "api",
    `--host=${config.host}`,
    `--port=${config.port}`,
    ...(config.auth ? [] : ["--no-auth"]),
    `--workers=${config.workers}`,
    ...(git
      ? [
        `--git-commit=${git.commit}`,
        `--git-head=${git.head}`,
        `--git-branches=${git.branches}`,
      ]
      : []),
  ];
}

/** What a worker has to do with in the data directory: no database, and with it no keys and no names. */
const WORKED_ON = ["files", "checkpoints", "cache", "tmp"];

/** A GPU worker for servers elsewhere: the network to those alone, and its own cache. */
export function remoteWorkerArguments({ apis, cache }: ElsewhereSettings): string[] {
  const addresses = apis.map((api) => {
    const { hostname, port, protocol } = new URL(api);
    return `${hostname}:${port || (protocol === "https:" ? 443 : 80)}`;
  });
  return [
    ...always(undefined),
    allow("net", addresses),
    allow("read", [cache, ...["lib", "gpu", "kernels"].map((x) => `${root}/${x}`)]),
    allow("write", [cache]),
    allow("env", [...workerVariables, ...WEBSOCKET_VARIABLES, "DENO_WEBGPU_BACKEND"]),
    `${MEMORY},setPriority`,
    `${root}/main.ts`,
    "gpu",
  ];
}

/**
 * The GPU worker: its own priority and what it works on in the data directory; no network, no key, no programs.
 * @param git what it may look at to know whether the checkout is still what runs
 * @param alone whether it opens the store itself, having no server to ask; in a cluster that is over the network
 */
export function workerArguments(
  { data, cluster, alone = false }: Pick<Config, "data" | "cluster"> & { alone?: boolean },
  git?: CommitFiles,
): string[] {
  const own = alone ? [data] : WORKED_ON.map((folder) => `${data}/${folder}`);
  const shared = alone ? cluster : undefined;
  return [
    ...always(shared),
    ...(shared ? [allow("net", hostsOf({ cluster: shared }))] : []),
    // Threads read their modules by the permissions of their process.
    allow("read", [
      ...own,
      ...["lib", "gpu", "kernels", ...(shared ? ["cluster"] : [])].map((x) => `${root}/${x}`),
      ...placesOf(git),
    ]),
    allow("write", own),
    allow("env", [
      ...["MCGIP_DATA", "MCGIP_LOG", "DENO_WEBGPU_BACKEND"],
      ...(alone ? clusterVariables : []),
      ...(shared ? POSTGRES_VARIABLES : []),
    ]),
    `${MEMORY},setPriority${shared ? QUEUE : ""}`,
    `${root}/main.ts`,
    "gpu",
  ];
}
