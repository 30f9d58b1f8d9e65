/** The state of the server: health, readiness, device, figures. */
import { z } from "zod";
import { json } from "./pipeline.ts";
import { EXPOSITION, exposition } from "./prometheus.ts";
import { serverMetrics } from "./server_metrics.ts";
import { type Route, route, type Services } from "./route.ts";

/** One test of the disk serves all who ask within this time. */
const DISK_MS = 2000;
let disk = { time: 0, writable: false };

function diskWritable({ store }: Services): boolean {
  if (Date.now() - disk.time < DISK_MS) return disk.writable;
  const path = store.files.temporaryPath();
  let writable = true;
  try {
    Deno.writeTextFileSync(path, "x");
    Deno.removeSync(path);
  } catch {
    writable = false;
  }
  disk = { time: Date.now(), writable };
  return writable;
}

export const system: Route[] = [
  route({
    method: "GET",
    path: "/healthz",
    summary: "Whether the process answers",
    scope: null,
    answers: { 200: z.object({ status: z.literal("ok") }) },
    handle: () => json({ status: "ok" }),
  }),
  route({
    method: "GET",
    path: "/readyz",
    summary: "Whether the GPU worker answers and the disk can be written; 503 if not",
    scope: null,
    answers: {
      200: z.object({
        status: z.enum(["ready", "not ready"]),
        gpu: z.boolean(),
        disk: z.boolean(),
        detail: z.string().optional(),
      }),
    },
    handle({ services }) {
      const { supervisor } = services;
      const gpu = supervisor.ready;
      const disk = diskWritable(services);
      const detail = gpu ? undefined : supervisor.unavailable();
      const ready = gpu && disk;
      return json({ status: ready ? "ready" : "not ready", gpu, disk, detail }, ready ? 200 : 503);
    },
  }),
  route({
    method: "GET",
    path: "/v1/device",
    summary: "The GPU adapter with its limits, and the worker that holds it",
    scope: "read",
    answers: {
      200: z.object({
        gpu: z.record(z.string(), z.unknown()).nullable(),
        software: z.boolean().nullable(),
        features: z.record(z.string(), z.union([z.boolean(), z.number()])),
        limits: z.record(z.string(), z.number()),
        worker: z.record(z.string(), z.unknown()),
        detail: z.string().nullable(),
      }),
    },
    handle({ services: { supervisor } }) {
      const { device, beat, restarts, pid } = supervisor;
      return json({
        gpu: device?.gpu ?? null,
        software: device?.gpu?.software ?? null,
        features: device?.features ?? {},
        limits: device?.limits ?? {},
        worker: { pid: pid ?? null, restarts, job: beat?.job ?? null, memory: beat?.rss ?? 0 },
        detail: supervisor.unavailable() ?? null,
      });
    },
  }),
  route({
    method: "GET",
    path: "/metrics",
    summary: "Figures for Prometheus",
    scope: "read",
    answers: { 200: ["text/plain"] },
    handle: ({ services }) =>
      new Response(exposition(serverMetrics(services)), {
        headers: { "content-type": EXPOSITION },
      }),
  }),
];
