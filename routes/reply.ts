/** What a handler gives: the value that the schema of its answer describes, from which JSON is made. */
import type { z } from "zod";

/** What the answer of one status holds: a schema of JSON, or media types; where both, the request decides. */
export type Answer = z.ZodType | readonly (z.ZodType | string)[] | null;
export type Answers = Record<number, Answer>;

/** An answer of another status than 200, or with headers; `null` is no body. */
export class Reply<Status extends number, Value> {
  constructor(
    readonly status: Status,
    readonly value: Value,
    readonly headers: Record<string, string> = {},
  ) {}
}

export function reply<const Status extends number, Value>(
  status: Status,
  value: Value,
  headers: Record<string, string> = {},
): Replies<Status, Value> {
  return new Reply(status, value, headers) as Replies<Status, Value>;
}

/** One of several statuses. */
type Replies<Status extends number, Value> = Status extends number ? Reply<Status, Value> : never;

declare const made: unique symbol;

/** The response that was made of a value of this type, now or when the same request came before. */
export type Done<Value> = Response & { readonly [made]: Value };

type Value<One> = One extends z.ZodType ? z.output<One>
  : One extends readonly (infer Part)[] ? Value<Part>
  : One extends null ? null
  : never;

/** Only what is not JSON is written as a response by its handler. */
type Raw<One> = One extends readonly (infer Part)[] ? Part extends string ? Response : never
  : never;

type Own<All extends Answers> =
  | (200 extends keyof All ? Value<All[200]> : never)
  | { [Status in keyof All]: Reply<Status & number, Value<All[Status]>> }[keyof All]
  | { [Status in keyof All]: Raw<All[Status]> }[keyof All];

/** What a handler of these answers may give. */
export type Given<All extends Answers> = Own<All> | Done<Own<All>>;

/** `vary` is said at once: what compresses answers would say it by making each a second time. */
const JSON_HEADERS = { "content-type": "application/json", vary: "Accept-Encoding" };

const encoder = new TextEncoder();

export function json(value: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return jsonOf(encoder.encode(JSON.stringify(value)), status, headers);
}

/** The same of JSON that was made of a value; short ones tell their length, and are not compressed. */
export function jsonOf(
  bytes: Uint8Array<ArrayBuffer>,
  status = 200,
  headers: Record<string, string> = {},
): Response {
  return new Response(bytes, {
    status,
    headers: { ...JSON_HEADERS, "content-length": String(bytes.length), ...headers },
  });
}

export function responseOf(given: unknown): Response {
  if (given instanceof Response) return given;
  if (!(given instanceof Reply)) return json(given);
  const { status, value, headers } = given;
  return value === null ? new Response(null, { status, headers }) : json(value, status, headers);
}
