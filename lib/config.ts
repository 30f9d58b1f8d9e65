/** The configuration: options and environment variables, read once at the start. An option wins. */
import { resolve } from "node:path";
import { type ClusterSettings, clusterVariables, readCluster } from "./cluster_settings.ts";
import type { CommitFiles } from "./commit.ts";
import { type LogFormat, logFormats } from "./log.ts";
import { readOptions as parseOptions } from "./options.ts";
import { version } from "./version.ts";

/** Every environment variable that the server reads; its processes may see these only. */
export const variables = [
  "MCGIP_HOST",
  "MCGIP_PORT",
  "MCGIP_DATA",
  "MCGIP_API_KEY",
  "MCGIP_ALLOWED_HOSTS",
  "MCGIP_MAX_DATASET_BYTES",
  "MCGIP_LOG",
  "MCGIP_WORKERS",
  ...clusterVariables,
] as const;

/** What `--help` prints. */
export const help = `deno task start [OPTIONS]
  --host ADDRESS  where to listen: an address or a name (MCGIP_HOST, 127.0.0.1)
  --port N        0 lets the system choose (MCGIP_PORT, 8000)
  --data FOLDER   the data directory, made when it is not there (MCGIP_DATA, ./data)
  --workers N     GPU workers that it starts itself: 1, or 0 where only workers elsewhere do the work
                  (MCGIP_WORKERS, 1)
  --no-auth       asks for no key; on a loopback address only
  --watch         starts the server again when one of its files changes
  --version       prints the version and leaves
  -h, --help      prints this and leaves
In brackets: the environment variable that says the same, and the default. By variables alone:
  MCGIP_API_KEY            the key of every request (made and printed at the first start)
  MCGIP_ALLOWED_HOSTS      further names under which clients may address the server, with commas
  MCGIP_MAX_DATASET_BYTES  most bytes that one data set may have
  MCGIP_LOG                json: the log as one JSON object a line (text)
  DENO_WEBGPU_BACKEND      what WebGPU goes through (on Linux vulkan)
Several servers on one database and one bucket (deploy/README.md):
  MCGIP_DATABASE           postgres://USER:PASSWORD@HOST:PORT/DATABASE, the password percent-encoded; or without
                           it, and PGPASSWORD
  MCGIP_FILES              s3://BUCKET or s3://BUCKET/PREFIX, with AWS_ENDPOINT_URL_S3, AWS_REGION,
                           AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN
  MCGIP_CACHE_BYTES        most bytes of files that this server keeps beside the bucket (all it used)`;

/** Exit code of an API process that refused to start, and would refuse again. */
export const CANNOT_START = 2;

export interface Config {
  /** Address to listen on. */
  host: string;
  /** 0 lets the system choose. */
  port: number;
  /** Absolute path of the data directory. */
  data: string;
  /** False only with --no-auth, on a loopback address. */
  auth: boolean;
  /** Most connections at once; undefined where the limit of file handles is not known. */
  connections?: number;
  /** A key set from outside. */
  apiKey?: string;
  /** Names under which clients may address the server, without port. */
  allowedHosts: string[];
  /** Most bytes that the content of one data set may have. */
  maxDatasetBytes?: number;
  log: LogFormat;
  /** Workers that the server starts itself: 0 or 1. */
  workers: number;
  /** Version of the program and, from a checkout, the commit. */
  codeVersion: string;
  /** What says whether the checkout is still that one; undefined without a checkout. */
  checkout?: CommitFiles;
  /** Start the API again when a file of the program changes. */
  watch: boolean;
  /** What it shares with other servers. */
  cluster?: ClusterSettings;
}

/** The options of `main.ts`. */
const options = {
  host: { type: "string" },
  port: { type: "string" },
  data: { type: "string" },
  workers: { type: "string" },
  "no-auth": { type: "boolean", default: false },
  watch: { type: "boolean", default: false },
  version: { type: "boolean", default: false },
  /** By this the launcher, which may read the checkout, tells the other processes its commit. */
  commit: { type: "string" },
  /** And where git says which one is checked out, with what it said. */
  "git-commit": { type: "string" },
  "git-head": { type: "string" },
  "git-branches": { type: "string" },
  /** By this it tells the API how many connections it may hold. */
  connections: { type: "string" },
} as const;

/** Bounds of requests; bytes and numbers of things. */
export const limits = {
  jsonBytes: 2 ** 20,
  jsonDepth: 32,
  /** A JSON body with pictures in it. */
  tensorBytes: 32 * 2 ** 20,
  /** Parts of a multipart body. */
  parts: 32,
  /** DICOM instances of one request. */
  instances: 1000,
  /** One picture in the body of a request. */
  imageBytes: 64 * 2 ** 20,
  /** One gaze or label file in the body of a request. */
  textBytes: 64 * 2 ** 20,
  weightsBytes: 2 ** 30,
  /** One file that a worker on another machine has made. */
  resultBytes: 16 * 2 ** 30,
  /** An archive as it is sent. */
  archiveBytes: 64 * 2 ** 30,
  queuedJobs: 32,
} as const;

const loopback = ["127.0.0.1", "::1", "localhost"];

/** Whether an address to listen on is for this machine alone. */
export const isLoopback = (host: string): boolean => loopback.includes(host);

const readOptions = (args: string[]) => parseOptions("start", options, args).values;

/** The text to print when the arguments ask for one instead of a server. */
export function informationFor(args: string[], commit: () => string | undefined): string | null {
  const { help: wanted, version: wantsVersion } = readOptions(args);
  if (wanted) return help;
  return wantsVersion ? codeVersion(commit()) : null;
}

/** Version and commit, joined as in SemVer's build metadata. */
export function codeVersion(commit: string | undefined): string {
  return commit ? `${version}+${commit}` : version;
}

/**
 * Reads the configuration.
 * @throws {Error} that says which setting cannot be used
 */
export function readConfig(
  env: (name: (typeof variables)[number]) => string | undefined,
  args: string[],
): Config {
  const given = readOptions(args);
  const host = given.host || env("MCGIP_HOST") || "127.0.0.1";
  const auth = !given["no-auth"];
  if (!auth && !isLoopback(host)) {
    throw new Error(
      `Cannot start with --no-auth on ${host}: only a loopback address may go without`,
    );
  }
  const apiKey = env("MCGIP_API_KEY") || undefined;
  if (apiKey !== undefined && !/^[\x21-\x7e]{16,256}$/.test(apiKey)) {
    throw new Error("Cannot use MCGIP_API_KEY: 16 to 256 printable characters without spaces");
  }
  return {
    host,
    port: given.port === undefined
      ? integer("MCGIP_PORT", env("MCGIP_PORT") || "8000", 65535)
      : integer("--port", given.port, 65535),
    data: dataDirectory(given.data || env("MCGIP_DATA")),
    auth,
    connections: given.connections === undefined
      ? undefined
      : integer("--connections", given.connections, 2 ** 20),
    apiKey,
    allowedHosts: [
      ...new Set([...loopback, host, ...(env("MCGIP_ALLOWED_HOSTS") ?? "").split(",")]),
    ].map((name) => name.trim().toLowerCase()).filter((name) => name !== ""),
    maxDatasetBytes: env("MCGIP_MAX_DATASET_BYTES")
      ? integer("MCGIP_MAX_DATASET_BYTES", env("MCGIP_MAX_DATASET_BYTES")!, 2 ** 50)
      : undefined,
    log: logFormat(env("MCGIP_LOG") || "text"),
    workers: given.workers === undefined
      ? ownWorkers("MCGIP_WORKERS", env("MCGIP_WORKERS") || "1")
      : ownWorkers("--workers", given.workers),
    codeVersion: codeVersion(given.commit),
    checkout: given["git-commit"] && given["git-head"] && given["git-branches"]
      ? {
        commit: given["git-commit"],
        head: given["git-head"],
        branches: given["git-branches"],
      }
      : undefined,
    watch: given.watch,
    cluster: readCluster(env),
  };
}

function ownWorkers(name: string, text: string): number {
  if (["0", "1"].includes(text)) return Number(text);
  throw new Error(
    `Cannot use ${name}=${text}: the server starts one worker (1) or none (0); further ones are started by ` +
      "deno task worker, with MCGIP_GPUS one for each card",
  );
}

/** @throws {Error} for a format that there is not */
export function logFormat(text: string): LogFormat {
  const format = logFormats.find((one) => one === text);
  if (!format) throw new Error(`Cannot use MCGIP_LOG=${text}: text or json is needed`);
  return format;
}

/** Absolute path of the data directory that `--data` or `MCGIP_DATA` names. */
export function dataDirectory(setting: string | undefined): string {
  return resolve(setting || "data");
}

function integer(name: string, text: string, max: number): number {
  if (text.startsWith("tcp://")) {
    throw new Error(
      `Cannot use ${name}=${text}: Kubernetes sets it in every pod beside a Service of the name mcgip; set ` +
        "enableServiceLinks: false in the pod's spec, as deploy/kubernetes has it",
    );
  }
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > max) {
    throw new Error(`Cannot use ${name}=${text}: a whole number from 0 to ${max} is needed`);
  }
  return value;
}
