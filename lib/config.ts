/** The configuration: environment variables and two flags, read once at the start. */
import { resolve } from "node:path";
import { version } from "./version.ts";

/** Every environment variable that the server reads; its processes may see these only. */
export const variables = [
  "MCGIP_HOST",
  "MCGIP_PORT",
  "MCGIP_DATA",
  "MCGIP_API_KEY",
  "MCGIP_ALLOWED_HOSTS",
  "MCGIP_MAX_DATASET_BYTES",
] as const;

/** By this the launcher, which may read the checkout, tells the other processes its commit. */
export const commitFlag = "--commit=";

/** By this it tells the API how many connections it may hold. */
export const connectionsFlag = "--connections=";

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
  /** Version of the program and, from a checkout, the commit. */
  codeVersion: string;
}

/** Bounds of requests; bytes and numbers of things. */
export const limits = {
  jsonBytes: 2 ** 20,
  jsonDepth: 32,
  /** A JSON body with pictures in it. */
  tensorBytes: 32 * 2 ** 20,
  /** Parts of a multipart body. */
  parts: 32,
  /** One picture in the body of a request. */
  imageBytes: 64 * 2 ** 20,
  /** One gaze or label file in the body of a request. */
  textBytes: 64 * 2 ** 20,
  weightsBytes: 2 ** 30,
  /** An archive as it is sent. */
  archiveBytes: 64 * 2 ** 30,
  queuedJobs: 32,
} as const;

const loopback = ["127.0.0.1", "::1", "localhost"];

/**
 * Reads the configuration.
 * @throws {Error} that says which setting cannot be used
 */
export function readConfig(
  env: (name: (typeof variables)[number]) => string | undefined,
  args: string[],
): Config {
  const host = env("MCGIP_HOST") || "127.0.0.1";
  let auth = true;
  let commit = "";
  let connections: number | undefined;
  for (const arg of args) {
    if (arg === "--no-auth") auth = false;
    else if (arg.startsWith(commitFlag)) commit = arg.slice(commitFlag.length);
    else if (arg.startsWith(connectionsFlag)) {
      connections = integer("--connections", arg.slice(connectionsFlag.length), 2 ** 20);
    } else throw new Error(`Cannot start: unknown argument "${arg}"`);
  }
  if (!auth && !loopback.includes(host)) {
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
    port: integer("MCGIP_PORT", env("MCGIP_PORT") || "8000", 65535),
    data: dataDirectory(env("MCGIP_DATA")),
    auth,
    connections,
    apiKey,
    allowedHosts: [
      ...new Set([...loopback, host, ...(env("MCGIP_ALLOWED_HOSTS") ?? "").split(",")]),
    ].map((name) => name.trim().toLowerCase()).filter((name) => name !== ""),
    maxDatasetBytes: env("MCGIP_MAX_DATASET_BYTES")
      ? integer("MCGIP_MAX_DATASET_BYTES", env("MCGIP_MAX_DATASET_BYTES")!, 2 ** 50)
      : undefined,
    codeVersion: commit === "" ? version : `${version}+${commit}`,
  };
}

/** Absolute path of the data directory that `MCGIP_DATA` names. */
export function dataDirectory(setting: string | undefined): string {
  return resolve(setting || "data");
}

function integer(name: string, text: string, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > max) {
    throw new Error(`Cannot use ${name}=${text}: a whole number from 0 to ${max} is needed`);
  }
  return value;
}
