/** Headers of requests and answers as the description tells of them. */
import { z } from "zod";
import type { HeaderName, Route } from "./route.ts";

const idempotencyKey = z.string().min(1).max(255).optional().meta({
  description: "A value of the client's own: the same request with it does its work once",
  param: { id: "IdempotencyKey" },
});
const lastEventId = z.string().regex(/^\d{1,15}$/).optional().meta({
  description: "The stream goes on after this event",
  param: { id: "LastEventId" },
});
const replayed = z.literal("true").optional().meta({
  description: "The answer is that to the first request with this Idempotency-Key",
  header: { id: "IdempotencyReplayed" },
});
const retryAfter = z.string().regex(/^\d+$/).meta({
  description: "Seconds after which the request may be sent again",
  header: { id: "RetryAfter" },
});

const jsonLength = z.string().regex(/^\d{1,9}$/).optional();
const bytes = z.string().regex(/^\d{1,15}$/);
const version = z.literal("1.0.0").meta({
  description: "The version of tus that is spoken",
  header: { id: "TusResumableAnswer" },
});

/** Of answers of success. */
const answered: Partial<Record<HeaderName, z.ZodType>> = {
  Location: z.string().meta({
    description: "Path of what was made",
    header: { id: "Location" },
  }),
  "Content-Disposition": z.string().meta({
    description: "Name for the file",
    header: { id: "ContentDisposition" },
  }),
  "X-Gaze": z.enum(["drawn", "none"]).meta({
    description: "none: there is no gaze here, and the picture is the image alone",
    header: { id: "Gaze" },
  }),
  "Inference-Header-Content-Length": jsonLength.meta({
    description: "Bytes of JSON before those of tensors, where the answer holds both",
    header: { id: "AnsweredInferenceHeaderContentLength" },
  }),
  "Tus-Resumable": version,
};

const asked: Partial<Record<HeaderName, z.ZodType>> = {
  "Last-Event-ID": lastEventId,
  "Inference-Header-Content-Length": jsonLength.meta({
    description: "Bytes of JSON before those of tensors, where the body holds both",
    param: { id: "InferenceHeaderContentLength" },
  }),
  "Tus-Resumable": z.literal("1.0.0").meta({
    description: "The version of tus that the client speaks",
    param: { id: "TusResumable" },
  }),
  "Upload-Length": bytes.meta({ description: "Bytes that will come" }),
  "Upload-Offset": bytes.meta({ description: "Where the bytes of this request belong" }),
  "Upload-Metadata": z.string().max(4096).optional()
    .meta({ description: "`key base64,...`; given back, not used" }),
  "Upload-Checksum": z.string().optional()
    .meta({
      description: "`sha1`, `sha256` or `sha512`, and base64: nothing is kept that differs",
    }),
};

const takesKey = ({ method, idempotent }: Route) => method === "POST" && idempotent !== false;

/** Those of `table` that the route names. */
const named = (route: Route, table: Partial<Record<HeaderName, z.ZodType>>) =>
  Object.fromEntries(
    (route.headers ?? []).flatMap((name) => table[name] ? [[name, table[name]]] : []),
  );

export const headers = {
  retryAfter: z.object({ "Retry-After": retryAfter }),
  ofRequest: (route: Route) =>
    z.object({
      ...named(route, asked),
      ...(takesKey(route) ? { "Idempotency-Key": idempotencyKey } : {}),
    }),
  ofAnswer(route: Route, status: number): { headers?: z.ZodObject } {
    const made = {
      // Where something may be made, 200 says that it was not.
      ...(route.headers?.includes("Location") && status === 200 ? {} : named(route, answered)),
      ...(takesKey(route) ? { "Idempotency-Replayed": replayed } : {}),
    };
    return Object.keys(made).length > 0 ? { headers: z.object(made) } : {};
  },
};
