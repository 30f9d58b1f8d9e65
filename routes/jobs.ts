/** Jobs: queued, shown, stopped and taken up again. */
import { adapterName } from "@/lib/adapter_name.ts";
import { z } from "zod";
import { Unavailable } from "@/lib/errors.ts";
import {
  jobKindSchema,
  jobSchema,
  jobStateSchema,
  toJobView,
  toSingleJobView,
} from "@/lib/jobs/job.ts";
import { control, enqueue, remove, resolveJob } from "@/lib/jobs/queue.ts";
import { planStudy, studyPlanSchema } from "@/lib/studies/plan.ts";
import { type EstimateRequest, estimateRequest } from "@/lib/training/estimate_request.ts";
import { inOneWith } from "./idempotency.ts";
import { jobRequest } from "./job_request.ts";
import { fieldsOf, mapPage, pageOf, pageQuery, withFields } from "./pages.ts";
import { reply } from "./reply.ts";
import { type Route, route, type Services } from "./route.ts";

/** The kind's own schema checks the rest, with the same rules and pointers. */
const request = z.looseObject({ kind: jobKindSchema });

const jobPage = pageOf(jobSchema).extend({
  totals: z.record(jobStateSchema, z.number())
    .describe("Jobs by state, of those that the query means whatever their state"),
  as_of: z.iso.datetime()
    .describe(
      "What to give as `since` next time; clocks of several servers may differ by a little",
    ),
}).meta({ id: "JobPage" });

/** By how much clocks of servers on one database may differ, ms. */
const CLOCKS_MS = 10_000;

function changed({ workers, notifier, studies }: Services, id: string): void {
  notifier.emit(id);
  workers.notify("wake");
  studies.wake();
}

const action = (what: "cancel" | "pause" | "resume", summary: string): Route =>
  route({
    method: "POST",
    path: `/v1/jobs/{id}/${what}`,
    operationId: `${what}Job`,
    summary,
    scope: "write",
    answers: { 200: jobSchema },
    async handle({ services, params: { id } }) {
      const row = await control(services.store, id, what);
      changed(services, id);
      return await toSingleJobView(services.store, row);
    },
  });

export const jobs: Route[] = [
  route({
    method: "POST",
    path: "/v1/jobs",
    operationId: "createJob",
    stores: true,
    described: jobRequest,
    headers: ["Location"],
    errors: [404, 429],
    summary: "Queues a job; the fields besides `kind` are those of the kind's spec. A study with " +
      "`dry_run` is only planned",
    scope: "write",
    json: request,
    answers: { 200: studyPlanSchema, 202: jobSchema },
    async handle(call) {
      const { services, body, key } = call;
      const { store, workers, config } = services;
      if (workers.device?.gpu === null) {
        throw new Unavailable(workers.device.hint ?? "Cannot use the GPU");
      }
      const made = await resolveJob(store, body, config.codeVersion);
      // Without a worker the job waits for one, and is estimated again when it starts.
      const estimate = async (request: EstimateRequest) =>
        workers.unavailable()
          ? undefined
          : await workers.call<{ total: number } | undefined>("estimate", request);
      if (made.kind === "study") {
        const throughput = async () =>
          workers.unavailable() ? undefined : await workers.call<number>("throughput", null);
        const gpu = workers.device?.gpu;
        const adapter = gpu ? adapterName(gpu) : undefined;
        const plan = await planStudy(store, made, { estimate, throughput, adapter });
        if (body.dry_run === true) return plan;
      } else {
        const request = await estimateRequest(store, made);
        if (request) await estimate(request);
      }
      const queued = await inOneWith(call, async () => {
        const row = await enqueue(store, made, { key });
        return reply(202, await toSingleJobView(store, row), { location: `/v1/jobs/${row.id}` });
      });
      changed(services, queued.value.id);
      return queued;
    },
  }),
  route({
    method: "GET",
    path: "/v1/jobs",
    operationId: "listJobs",
    summary: "Lists jobs, the newest first",
    scope: "read",
    query: z.strictObject({
      ...pageQuery,
      fields: fieldsOf(jobSchema),
      kind: jobKindSchema.optional(),
      state: jobStateSchema.optional(),
      dataset: z.string().max(200).optional(),
      study: z.string().max(200).optional(),
      // As times are stored, so that their texts compare.
      since: z.iso.datetime().transform((text) => new Date(text).toISOString()).optional().describe(
        "Only what may have changed since then, by `as_of` of an earlier answer: jobs that have not ended, or " +
          "have since",
      ),
    }),
    answers: { 200: jobPage },
    async handle({ services: { store }, query: { fields, ...filter } }) {
      const rows = await store.jobs.listJobs(filter);
      const whole = fields?.some((field) => field.split(".")[0] === "attempts");
      const view = whole ? toSingleJobView : toJobView;
      const page = await mapPage(rows, (row) => view(store, row));
      const { totals, ended } = await store.jobs.totals(filter);
      // Not the time of now: an answer in which nothing has changed keeps its tag.
      const as_of = new Date(ended === null ? 0 : Date.parse(ended) - CLOCKS_MS).toISOString();
      return withFields({ ...page, totals, as_of }, fields);
    },
  }),
  route({
    method: "GET",
    path: "/v1/jobs/{id}",
    operationId: "getJob",
    summary: "One job, and which workers ran it",
    scope: "read",
    answers: { 200: jobSchema },
    handle: async ({ services: { store }, params: { id } }) =>
      await toSingleJobView(store, await store.jobs.get(id)),
  }),
  action("cancel", "Cancels a job; one that runs stops at its next step"),
  action("pause", "Pauses a job; one that runs saves a checkpoint first"),
  action("resume", "Queues a paused job again; it goes on from its checkpoint"),
  route({
    method: "DELETE",
    path: "/v1/jobs/{id}",
    operationId: "deleteJob",
    errors: [409],
    summary: "Deletes an ended job with its events and metrics; its results stay",
    scope: "write",
    answers: { 204: null },
    async handle({ services: { store }, params: { id } }) {
      await remove(store, id);
      return reply(204, null);
    },
  }),
];
