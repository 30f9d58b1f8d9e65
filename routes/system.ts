/** The state of the server: health, readiness, device, figures. */
import { z } from "zod";
import { deviceSchema, toDeviceView } from "@/lib/worker/device.ts";
import { EXPOSITION, exposition } from "./prometheus.ts";
import { reply } from "./reply.ts";
import { serverMetrics } from "./server_metrics.ts";
import { type Route, route, type Services } from "./route.ts";

const readinessSchema = z.object({
  status: z.enum(["ready", "not ready"]),
  gpu: z.boolean().describe("Whether a worker that takes jobs of this server lives and has a GPU"),
  predictions: z.boolean().describe(
    "Whether a worker can be asked from here: this server's own, or one linked to it",
  ),
  disk: z.boolean().describe("Whether the disk can be written"),
  database: z.boolean().describe(
    "Whether the database answered when it was looked at last, within some seconds",
  ),
  bucket: z.boolean().optional().describe("The same of the bucket that servers share"),
  detail: z.string().optional().describe("What is missing, for predictions, too"),
}).meta({ id: "Readiness" });

/** One test of the disk serves all who ask within this time, by a clock that nobody sets. */
const DISK_MS = 2000;
let disk = { time: -Infinity, writable: false };

function diskWritable({ store }: Services): boolean {
  if (performance.now() - disk.time < DISK_MS) return disk.writable;
  const path = store.files.temporaryPath();
  let writable = true;
  try {
    Deno.writeTextFileSync(path, "x");
    Deno.removeSync(path);
  } catch {
    writable = false;
  }
  disk = { time: performance.now(), writable };
  return writable;
}

export const system: Route[] = [
  route({
    method: "GET",
    path: "/healthz",
    operationId: "getHealth",
    summary: "Whether the process answers",
    scope: null,
    answers: { 200: z.object({ status: z.literal("ok") }).meta({ id: "Liveness" }) },
    handle: () => ({ status: "ok" as const }),
  }),
  route({
    method: "GET",
    path: "/readyz",
    operationId: "getReadiness",
    summary:
      "Whether a worker with a GPU takes jobs, the disk can be written, and database and bucket answer; 503 if not. " +
      "For proxies with `without=gpu`: a server without a worker answers all but what needs one",
    scope: null,
    query: z.strictObject({
      without: z.literal("gpu").optional().describe("What need not be there"),
    }),
    answers: { 200: readinessSchema, 503: readinessSchema },
    handle({ services, query: { without } }) {
      const { workers, places: { database, bucket } } = services;
      const gpu = workers.ready;
      const reason = workers.unavailable();
      const disk = diskWritable(services);
      const missing = [
        database ? undefined : "The database does not answer",
        bucket === false ? "The bucket does not answer" : undefined,
        reason,
      ].filter((part) => part !== undefined);
      const detail = missing.length === 0 ? undefined : missing.join(". ");
      const ready = (gpu || without === "gpu") && disk && database && bucket !== false;
      return reply(ready ? 200 : 503, {
        status: ready ? "ready" as const : "not ready" as const,
        ...{ gpu, predictions: reason === undefined, disk, database, bucket, detail },
      });
    },
  }),
  route({
    method: "GET",
    path: "/v1/device",
    operationId: "getDevice",
    summary: "The GPU adapter with its limits, and the worker that holds it",
    scope: "read",
    answers: { 200: deviceSchema },
    handle: ({ services: { workers } }) => toDeviceView(workers),
  }),
  route({
    method: "GET",
    path: "/metrics",
    operationId: "getFigures",
    summary: "Figures for Prometheus, for a key with the scope read",
    scope: "read",
    answers: { 200: ["text/plain"] },
    handle: async ({ services }) =>
      new Response(exposition(await serverMetrics(services)), {
        // As JSON says it: routes/reply.ts.
        headers: { "content-type": EXPOSITION, vary: "Accept-Encoding" },
      }),
  }),
];
