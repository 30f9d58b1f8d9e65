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
  disk: z.boolean().describe("Whether the disk can be written"),
  detail: z.string().optional().describe("What is missing"),
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
    summary: "Whether the GPU worker answers and the disk can be written; 503 if not",
    scope: null,
    answers: { 200: readinessSchema, 503: readinessSchema },
    handle({ services }) {
      const { workers } = services;
      const gpu = workers.ready;
      const disk = diskWritable(services);
      const detail = gpu ? undefined : workers.unavailable();
      const ready = gpu && disk;
      return reply(ready ? 200 : 503, {
        status: ready ? "ready" as const : "not ready" as const,
        ...{ gpu, disk, detail },
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
