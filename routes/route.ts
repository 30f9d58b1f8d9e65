/** What a route is: a row of the table from which the server and its description are made. */
import type { z } from "zod";
import type { Config } from "@/lib/config.ts";
import type { JobNotifier } from "@/lib/jobs/job_notifier.ts";
import type { Supervisor } from "@/lib/worker/supervisor.ts";
import type { Keyring } from "@/lib/access/keyring.ts";
import type { KeyRow, Scope, Store } from "@/lib/store/mod.ts";
import type { Traffic } from "./request_metrics.ts";

/** What handlers work with. */
export interface Services {
  config: Config;
  store: Store;
  supervisor: Supervisor;
  notifier: JobNotifier;
  keyring: Keyring;
  traffic: Traffic;
  /** One line about a request. */
  log(text: string): void;
  /** Aborts when the server leaves. */
  leaving: AbortSignal;
}

/** One request that passed all checks. */
export interface Call<Query = unknown, Body = unknown> {
  services: Services;
  /** Placeholders of the path, decoded. */
  params: Record<string, string>;
  query: Query;
  /** The parsed JSON body. */
  body: Body;
  request: Request;
  /** Undefined where no key is needed. */
  key?: KeyRow;
}

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD";

/** What the answer of one status holds: a schema of JSON, or media types. */
export type Answer = z.ZodType | string[] | null;

export interface Route {
  method: Method;
  /** `{name}` stands for one segment, `{name*}` for one or more. */
  path: string;
  summary: string;
  /** The scope that the key needs; null: open to everybody. */
  scope: Scope | null;
  query?: z.ZodObject;
  /** Schema of a JSON body, and media types of other bodies, which the handler reads itself. */
  json?: z.ZodType;
  /** Most bytes of a JSON body, where that is not `limits.jsonBytes`. */
  jsonBytes?: number;
  accepts?: string[];
  answers: Record<number, Answer>;
  handle(call: Call): Response | Promise<Response>;
}

/** A route whose handler knows the types of its query and body. */
export function route<Query extends z.ZodObject, Body extends z.ZodType>(
  definition: Omit<Route, "handle" | "query" | "json"> & {
    query?: Query;
    json?: Body;
    handle(call: Call<z.output<Query>, z.output<Body>>): Response | Promise<Response>;
  },
): Route {
  return definition as Route;
}
