/** Errors as RFC 9457 problems: the one place that knows which error has which status. */
import { z } from "zod";
import { QuotaReached } from "@/lib/access/quota.ts";
import {
  Conflict,
  Damaged,
  InvalidInput,
  isDatabaseDamaged,
  isDiskFull,
  NotFound,
  Overloaded,
  type Problem,
  Unavailable,
} from "@/lib/errors.ts";
import type { Refusal } from "@/lib/json_text.ts";
import { problemSchema as inputProblem } from "@/lib/problems.ts";

export const titles: Record<number, string> = {
  400: "Malformed request",
  401: "A key is needed",
  403: "Refused",
  404: "Not found",
  405: "Method not allowed",
  408: "Too slow",
  409: "Conflict",
  412: "Another version",
  413: "Too large",
  415: "Unsupported media type",
  422: "Not acceptable input",
  429: "Too much at once",
  460: "Checksum mismatch",
  499: "Client closed request",
  500: "Internal error",
  503: "Not available now",
  507: "Disk full",
};

export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string().describe("What was found, and what to do"),
  instance: z.string().describe("`urn:uuid:` and the id of the request"),
  error: z.string().optional().describe("The detail, for clients of the Open Inference Protocol"),
  errors: z.array(inputProblem).optional(),
}).meta({ id: "Problem" });

/** An error that belongs to HTTP itself. */
export class HttpError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly headers: Record<string, string> = {},
    readonly errors: Problem[] = [],
    /** Where the status has more than one meaning that a program tells apart. */
    readonly title?: string,
  ) {
    super(message);
  }
}

/** What a thread has refused. */
export const refused = ({ status, message, errors }: Refusal): HttpError =>
  new HttpError(status, message, {}, errors);

/** For the log and the figures: the status is nginx's, there is none of HTTP's own. */
export const clientGone = () => new HttpError(499, "Cannot answer: the client has gone");

interface Described {
  status: number;
  detail: string;
  /** Where the status has more than one. */
  title?: string;
  headers?: Record<string, string>;
  errors?: Problem[];
}

function describe(error: unknown): Described {
  if (error instanceof HttpError) {
    return { ...error, status: error.status, detail: error.message };
  }
  if (error instanceof NotFound) return { status: 404, detail: error.message };
  if (error instanceof Conflict) return { status: 409, detail: error.message };
  if (error instanceof InvalidInput) {
    return { status: 422, detail: error.message, errors: error.problems };
  }
  if (error instanceof QuotaReached) return { status: 403, detail: error.message };
  if (error instanceof Overloaded) {
    const headers = { "retry-after": String(error.seconds) };
    return { status: 429, detail: error.message, headers };
  }
  if (error instanceof Unavailable) {
    return { status: 503, detail: error.message, headers: { "retry-after": "5" } };
  }
  if (error instanceof Damaged) {
    return { status: 500, detail: error.message, title: "Damaged file" };
  }
  if (isDatabaseDamaged(error)) {
    return {
      status: 500,
      title: "Damaged database",
      detail:
        "Cannot read the database: it is damaged; whoever runs the server looks with deno task verify and " +
        "restores a backup",
    };
  }
  if (isDiskFull(error)) {
    return { status: 507, detail: "Cannot write: the server's disk is full" };
  }
  return { status: 500, detail: "Cannot answer: an unexpected error, told in the server's log" };
}

/**
 * The answer to an error; `instance` is the id of the request.
 * @param options.inference whether a client of the Open Inference Protocol asked, which reads `error`
 */
export function problem(
  error: unknown,
  instance: string,
  { inference = false }: { inference?: boolean } = {},
): Response {
  const { status, detail, title = titles[status] ?? "Error", headers, errors } = describe(error);
  const body = {
    type: "about:blank",
    title,
    status,
    detail,
    instance: `urn:uuid:${instance}`,
    ...(inference ? { error: detail } : {}),
    ...(errors && errors.length > 0 ? { errors } : {}),
  };
  return new Response(JSON.stringify(body), {
    status,
    headers: { ...headers, "content-type": "application/problem+json" },
  });
}
