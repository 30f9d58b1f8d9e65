/** Jobs: queued, shown, stopped and taken up again. */
import { z } from "zod";
import { Unavailable } from "@/lib/errors.ts";
import { control, enqueue, remove, resolveJob, toJobView } from "@/lib/jobs/queue.ts";
import { specs } from "@/lib/specs/mod.ts";
import { planStudy } from "@/lib/studies/plan.ts";
import { type EstimateRequest, estimateRequest } from "@/lib/training/estimate_request.ts";
import { json } from "./pipeline.ts";
import { mapPage, pageOf, pageQuery } from "./pages.ts";
import { type Route, route, type Services } from "./route.ts";

const states = ["queued", "running", "paused", "succeeded", "failed", "cancelled"] as const;
const kinds = Object.keys(specs) as [string, ...string[]];

const job = z.object({
  id: z.string(),
  kind: z.enum(kinds),
  state: z.enum(states),
  spec: z.record(z.string(), z.unknown()),
  progress: z.object({ done: z.number(), total: z.number(), unit: z.string() }),
  queue_position: z.number().nullable(),
  requested: z.enum(["cancel", "pause"]).nullable(),
  created_at: z.iso.datetime(),
  started_at: z.iso.datetime().nullable(),
  finished_at: z.iso.datetime().nullable(),
  estimated_finish: z.iso.datetime().nullable(),
  error: z.string().nullable(),
  result: z.record(z.string(), z.unknown()).nullable(),
  device: z.record(z.string(), z.unknown()).nullable(),
  study: z.string().nullable().describe("Id of the study that it is or belongs to"),
}).meta({ id: "Job" });

const plan = z.object({
  rows: z.array(z.string()),
  backbones: z.array(z.string()),
  runs: z.number(),
  cells: z.number(),
  parts: z.array(z.object({
    kind: z.enum(["pretrain", "finetune"]),
    method: z.string().nullable(),
    backbone: z.string(),
    jobs: z.number(),
    known: z.number().describe("Done before, or on their way"),
    seconds: z.number().nullable().describe("Of one job, by those timed on this machine"),
    basis: z.enum(["measured", "scaled", "calibrated"]).nullable(),
    bytes: z.number().nullable().describe("GPU memory of one job"),
  })),
  seconds: z.number().nullable(),
  bytes: z.number().nullable(),
  disk_bytes: z.number(),
}).meta({ id: "StudyPlan" });

/** The kind's own schema checks the rest, with the same rules and pointers. */
const request = z.looseObject({ kind: z.enum(kinds) });

function changed({ supervisor, notifier }: Services, id: string): void {
  notifier.emit(id);
  supervisor.notify("wake");
}

const action = (what: "cancel" | "pause" | "resume", summary: string): Route =>
  route({
    method: "POST",
    path: `/v1/jobs/{id}/${what}`,
    summary,
    scope: "write",
    answers: { 200: job },
    handle({ services, params: { id } }) {
      const row = control(services.store, id, what);
      changed(services, id);
      return json(toJobView(services.store, row));
    },
  });

export const jobs: Route[] = [
  route({
    method: "POST",
    path: "/v1/jobs",
    summary: "Queues a job; the fields besides `kind` are those of the kind's spec. A study with " +
      "`dry_run` is only planned",
    scope: "write",
    json: request,
    answers: { 200: plan, 202: job },
    async handle({ services, body }) {
      const { store, supervisor, config } = services;
      if (supervisor.device?.gpu === null) {
        throw new Unavailable(supervisor.device.hint ?? "Cannot use the GPU");
      }
      const made = resolveJob(store, body, config.codeVersion);
      // Without a worker the job waits for one, and is estimated again when it starts.
      const estimate = async (request: EstimateRequest) =>
        supervisor.unavailable()
          ? undefined
          : await supervisor.call<{ total: number } | undefined>("estimate", request);
      if (made.kind === "study") {
        const throughput = async () =>
          supervisor.unavailable() ? undefined : await supervisor.call<number>("throughput", null);
        const plan = await planStudy(store, made, { estimate, throughput });
        if (body.dry_run === true) return json(plan);
      } else {
        const request = estimateRequest(store, made);
        if (request) await estimate(request);
      }
      const row = enqueue(store, made);
      changed(services, row.id);
      return json(toJobView(store, row), 202, { location: `/v1/jobs/${row.id}` });
    },
  }),
  route({
    method: "GET",
    path: "/v1/jobs",
    summary: "Lists jobs, the newest first",
    scope: "read",
    query: z.strictObject({
      ...pageQuery,
      kind: z.enum(kinds).optional(),
      state: z.enum(states).optional(),
      dataset: z.string().max(200).optional(),
      study: z.string().max(200).optional(),
    }),
    answers: { 200: pageOf(job) },
    handle: ({ services: { store }, query }) =>
      json(mapPage(store.jobs.listJobs(query), (row) => toJobView(store, row))),
  }),
  route({
    method: "GET",
    path: "/v1/jobs/{id}",
    summary: "One job",
    scope: "read",
    answers: { 200: job },
    handle: ({ services: { store }, params: { id } }) => json(toJobView(store, store.jobs.get(id))),
  }),
  action("cancel", "Cancels a job; one that runs stops at its next step"),
  action("pause", "Pauses a job; one that runs saves a checkpoint first"),
  action("resume", "Queues a paused job again; it goes on from its checkpoint"),
  route({
    method: "DELETE",
    path: "/v1/jobs/{id}",
    summary: "Deletes an ended job with its events and metrics; its results stay",
    scope: "write",
    answers: { 204: null },
    handle({ services: { store }, params: { id } }) {
      remove(store, id);
      return new Response(null, { status: 204 });
    },
  }),
];
