/** What a route is: a row of the table from which the server and its description are made. */
import { z } from "zod";
import type { Config } from "@/lib/config.ts";
import type { Log } from "@/lib/log.ts";
import type { EventLoopWatch } from "@/lib/event_loop.ts";
import type { JobNotifier } from "@/lib/jobs/job_notifier.ts";
import type { StudyKeeper } from "@/lib/studies/study_keeper.ts";
import type { Workers } from "@/lib/worker/workers.ts";
import type { Keyring } from "@/lib/access/keyring.ts";
import type { RateLimiter } from "@/lib/access/rate_limiter.ts";
import type { KeptAnswer, KeyRow, Scope, Store } from "@/lib/store/mod.ts";
import type { Formats } from "./format.ts";
import type { Places } from "./places.ts";
import type { Answers, Done, Given } from "./reply.ts";
import type { Traffic } from "./request_metrics.ts";

/** What handlers work with. */
export interface Services {
  config: Config;
  store: Store;
  workers: Workers;
  studies: StudyKeeper;
  notifier: JobNotifier;
  keyring: Keyring;
  limiter: RateLimiter;
  traffic: Traffic;
  loop: EventLoopWatch;
  places: Places;
  log: Log;
  /** To be called when something was written: what it replaced leaves the files soon. */
  written(): void;
  /** Aborts when the server leaves. */
  leaving: AbortSignal;
}

/** What Hono's context carries from one middleware to the next. */
export interface Env {
  Variables: {
    requestId: string;
    /** Undefined until one is found. */
    route?: Route;
    /** Methods of the routes that fit a path with another method. */
    allowed?: Method[];
    /** Undefined where no key is needed. */
    key?: KeyRow;
    /** Headers about the rate of the key, where it has one. */
    rate?: Record<string, string>;
  };
}

/** One request that passed all checks. */
export interface Call<Query = unknown, Body = unknown, Format extends string = string> {
  services: Services;
  /** Placeholders of the path, decoded. */
  params: Record<string, string>;
  query: Query;
  /** The parsed JSON body. */
  body: Body;
  request: Request;
  /** Which of the route's `formats` is asked for. */
  format: Format;
  /** Undefined where no key is needed. */
  key?: KeyRow;
  /** Keeps the answer for the request's Idempotency-Key, once that is taken. */
  keep?(answer: KeptAnswer): Promise<void>;
  /** Whether that was done, together with what the answer is about. */
  kept?: boolean;
  /** Runs `work` once for its Idempotency-Key; `body` is what was sent, or makes a digest of it. */
  once<Value>(
    body: string | (() => Promise<string>),
    work: () => Value | Promise<Value>,
  ): Promise<Done<Value>>;
}

/** HEAD is answered by GET. */
export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS";

/** Headers that an operation knows besides those of every request and answer. */
export type HeaderName =
  | "Location"
  | "Last-Event-ID"
  | "Content-Disposition"
  | "X-Gaze"
  | "Inference-Header-Content-Length"
  | "Tus-Resumable"
  | "Upload-Length"
  | "Upload-Offset"
  | "Upload-Metadata"
  | "Upload-Checksum";

export interface Route {
  method: Method;
  /** `{name}` stands for one segment, `{name*}` for one or more. */
  path: string;
  /** Name of the operation in generated clients: unique, camelCase. */
  operationId: string;
  summary: string;
  /** What else its user must know, as Markdown. */
  description?: string;
  /** The scope that the key needs; null: open to everybody. */
  scope: Scope | null;
  query?: z.ZodObject;
  /** Schema of a JSON body, and media types of other bodies, which the handler reads itself. */
  json?: z.ZodType;
  /** Describes the JSON body where `json` looks at a part of it only. */
  described?: z.ZodType;
  accepts?: string[];
  /** Describes the fields of a form. */
  form?: z.ZodObject;
  /** Whether it stores something that counts for the quota of its key; of some, their query says. */
  stores?: true | ((query: Record<string, unknown>) => boolean);
  /** False where a POST refuses an Idempotency-Key. */
  idempotent?: false;
  headers?: HeaderName[];
  answers: Answers;
  /** Forms of the answer, to be chosen by `?format=` or Accept. */
  formats?: Formats;
  /** Statuses of errors that do not follow from the rest of the row; 500 where a stored file may be damaged. */
  errors?: number[];
  handle(call: Call): unknown;
}

/** Routes that belong together, under a name and a sentence of the description. */
export interface Resource {
  tag: string;
  description: string;
  routes: Route[];
}

/** A route whose handler knows the types of its query and body, and gives what its answers describe. */
export function route<
  Query extends z.ZodObject,
  Body extends z.ZodType,
  const All extends Answers,
  Format extends string = never,
>(
  definition: Omit<Route, "handle" | "query" | "json" | "answers" | "formats"> & {
    query?: Query;
    json?: Body;
    answers: All;
    formats?: Formats<Format>;
    handle(
      call: Call<z.output<Query>, z.output<Body>, Format>,
    ): Given<All> | Promise<Given<All>>;
  },
): Route {
  const { formats, query } = definition;
  if (!formats) return definition as Route;
  const format = z.enum(Object.keys(formats)).optional()
    .describe("Form of the answer; without it `Accept` decides");
  return { ...definition, query: (query ?? z.strictObject({})).extend({ format }) } as Route;
}
