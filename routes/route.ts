/** What a route is: a row of the table from which the server and its description are made. */
import type { z } from "zod";
import type { Config } from "@/lib/config.ts";
import type { JobNotifier } from "@/lib/jobs/job_notifier.ts";
import type { Supervisor } from "@/lib/worker/supervisor.ts";
import type { Keyring } from "@/lib/access/keyring.ts";
import type { KeyRow, Scope, Store } from "@/lib/store/mod.ts";
import type { Answers, Done, Given } from "./reply.ts";
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
  /** Runs `work` once for its Idempotency-Key; `body` is what was sent, or a digest of it. */
  once<Value>(body: string, work: () => Value | Promise<Value>): Promise<Done<Value>>;
}

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD";

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
  answers: Answers;
  handle(call: Call): unknown;
}

/** A route whose handler knows the types of its query and body, and gives what its answers describe. */
export function route<
  Query extends z.ZodObject,
  Body extends z.ZodType,
  const All extends Answers,
>(
  definition: Omit<Route, "handle" | "query" | "json" | "answers"> & {
    query?: Query;
    json?: Body;
    answers: All;
    handle(
      call: Call<z.output<Query>, z.output<Body>>,
    ): Given<All> | Promise<Given<All>>;
  },
): Route {
  return definition as Route;
}
