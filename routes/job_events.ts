/** What a job tells while it runs: events as pages or as a stream, metrics as files too. */
import { z } from "zod";
import { InvalidInput } from "@/lib/errors.ts";
import { curveSchema, curvesOf } from "@/lib/jobs/curves.ts";
import { eventFile } from "@/lib/jobs/event_file.ts";
import { eventSchema, pointSchema, toEventView } from "@/lib/jobs/event.ts";
import { type EventRow, type EventType, eventTypes, finishedStates } from "@/lib/store/mod.ts";
import { mapPage, pageOf, wholePage } from "./pages.ts";
import { HttpError } from "./problem.ts";
import { reply } from "./reply.ts";
import { type Call, type Route, route } from "./route.ts";

/** A stream without news says this often that it is alive. */
const ALIVE_MS = 15_000;
/** A client whose connection broke should wait this long before it comes again. */
const RETRY_MS = 2_000;
/** News that nobody told of are looked for this often. */
const LOOK_MS = 1_000;
/** Jobs whose curves are joined at once. */
const MOST_JOBS = 100;
const encoder = new TextEncoder();

function positionOf(text: string | null): number | undefined {
  if (text === null) return undefined;
  if (!/^\d{1,15}$/.test(text)) {
    throw new HttpError(400, "Cannot go on from this Last-Event-ID: a number is needed");
  }
  return Number(text);
}

const frame = ({ id, type, data, created_at }: EventRow) =>
  `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify({ data, created_at })}\n\n`;

/** Events after `after`, then those to come, until the job has ended. */
async function* eventStream(
  { services, params, request }: Call,
  after: number,
  types: EventType[] | undefined,
) {
  const { store, notifier, leaving } = services;
  const signal = AbortSignal.any([request.signal, leaving]);
  let spoken = performance.now();
  // A first line opens the stream for clients that wait for one.
  yield `: events\nretry: ${RETRY_MS}\n\n`;
  while (!signal.aborted) {
    const job = await store.jobs.find(params.id);
    const { data, has_more } = await store.events.list(params.id, { after, limit: 500, types });
    for (const row of data) {
      yield frame(row);
      after = row.id;
    }
    if (has_more) continue;
    if (!job || finishedStates.includes(job.state)) return;
    if (data.length > 0) spoken = performance.now();
    else if (performance.now() - spoken > ALIVE_MS) {
      spoken = performance.now();
      yield ": alive\n\n";
    }
    await notifier.wait(params.id, LOOK_MS, signal);
  }
}

/**
 * Whether a client that comes back has heard all that there will ever be: without being told by 204 it would come
 * again and again (WHATWG HTML, "Server-sent events").
 */
async function hasHeardAll(
  { services: { store }, params: { id }, request }: Call,
  after: number,
  types: EventType[] | undefined,
) {
  return request.headers.has("last-event-id") &&
    finishedStates.includes((await store.jobs.get(id)).state) &&
    (await store.events.list(id, { after, limit: 1, types })).data.length === 0;
}

async function* encoded(texts: AsyncIterable<string>): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for await (const text of texts) yield encoder.encode(text);
}

export const jobEvents: Route[] = [
  route({
    method: "GET",
    path: "/v1/jobs/{id}/curves",
    operationId: "getJobCurves",
    errors: [422],
    summary:
      "The series of a job, and of others with it, as one: mean and range over seeds and folds",
    scope: "read",
    query: z.strictObject({
      with: z.string().min(1).max(20_000).transform((text) => text.split(",")).optional()
        .describe("Ids of other jobs, with commas"),
      points: z.coerce.number().int().min(2).max(10_000).default(500)
        .describe("Of each curve at most; each is the mean of a span of steps"),
    }),
    answers: { 200: pageOf(curveSchema) },
    async handle({ services: { store }, params: { id }, query: { with: others = [], points } }) {
      const jobs = [...new Set([id, ...others])];
      if (jobs.length > MOST_JOBS) {
        throw new InvalidInput(
          `Cannot join the curves of ${jobs.length} jobs: name at most ${MOST_JOBS}`,
        );
      }
      for (const one of jobs) await store.jobs.get(one);
      return wholePage(await curvesOf(store, jobs, points));
    },
  }),
  route({
    method: "GET",
    path: "/v1/jobs/{id}/events",
    operationId: "listJobEvents",
    headers: ["Last-Event-ID"],
    summary: "Events of a job; with `Accept: text/event-stream` as a stream until its end",
    scope: "read",
    query: z.strictObject({
      limit: z.coerce.number().int().min(1).max(1000).default(100),
      after: z.coerce.number().int().min(0).default(0),
      types: z.string().max(200).transform((text) => text.split(","))
        .pipe(z.array(z.enum(eventTypes))).optional()
        .describe("Of these types only, with commas: without `metric` a long training's are few"),
    }),
    description:
      "Each event has its number as `id`; a client that lost the stream sends the last one " +
      "as `Last-Event-ID` and hears what followed. Once the job has ended and it has heard all, the " +
      "answer is 204, at which an EventSource stops asking.",
    answers: { 200: [pageOf(eventSchema), "text/event-stream"], 204: null },
    formats: { json: "application/json", stream: "text/event-stream" },
    async handle(call) {
      const { services: { store }, params: { id }, query, request, format } = call;
      await store.jobs.get(id);
      if (format === "json") return await mapPage(await store.events.list(id, query), toEventView);
      const after = positionOf(request.headers.get("last-event-id")) ?? query.after;
      if (await hasHeardAll(call, after, query.types)) return reply(204, null);
      return new Response(ReadableStream.from(encoded(eventStream(call, after, query.types))), {
        headers: { "content-type": "text/event-stream", "x-accel-buffering": "no" },
      });
    },
  }),
  route({
    method: "GET",
    path: "/v1/jobs/{id}/metrics",
    operationId: "listJobMetrics",
    headers: ["Content-Disposition"],
    summary: "The series of a job as JSON, CSV, JSON Lines, or an event file of TensorBoard",
    description:
      "`?format=tensorboard` (or `application/x-tfevents`): saved into a folder under the " +
      "name that the answer gives, it is a run for `tensorboard --logdir`.",
    scope: "read",
    query: z.strictObject({
      name: z.string().max(200).optional(),
      after_step: z.coerce.number().int().min(0).optional(),
      points: z.coerce.number().int().min(2).max(10_000).optional().describe(
        "As JSON: of each series at most so many points, the least and the greatest of each span of steps",
      ),
    }),
    answers: {
      200: [pageOf(pointSchema), "text/csv", "application/jsonl", "application/octet-stream"],
    },
    formats: {
      json: "application/json",
      csv: "text/csv",
      jsonl: ["application/jsonl", "application/x-ndjson"],
      tensorboard: ["application/octet-stream", "application/x-tfevents"],
    },
    async handle({ services: { store }, params: { id }, query, format }) {
      const job = await store.jobs.get(id);
      const { name, after_step: afterStep, points } = query;
      if (points !== undefined && format !== "json") {
        throw new HttpError(400, `Cannot thin out ${format}: files hold every value; ask for JSON`);
      }
      const rows = points === undefined
        ? await store.metrics.list(id, { name, afterStep })
        : await store.metrics.thinned(id, points, { name, afterStep });
      if (format === "json") return wholePage(rows);
      if (format === "tensorboard") {
        const started = new Date(job.started_at ?? job.created_at);
        const times = { started, steps: await store.events.stepTimes(id) };
        const name = `events.out.tfevents.${Math.floor(started.getTime() / 1000)}.${id}`;
        return new Response(ReadableStream.from(eventFile(rows, times)), {
          headers: {
            "content-type": "application/octet-stream",
            "content-disposition": `attachment; filename="${name}"`,
          },
        });
      }
      const [heading, lines] = format === "csv"
        ? [
          "step,epoch,name,value\n",
          rows.map(({ step, epoch, name, value }) => `${step},${epoch},${name},${value ?? ""}\n`),
        ]
        : ["", rows.map((row) => `${JSON.stringify(row)}\n`)];
      return new Response(heading + lines.join(""), { headers: { "content-type": types[format] } });
    },
  }),
];

const types = { csv: "text/csv; charset=utf-8", jsonl: "application/jsonl" } as const;
