/** Workers: those that there are, and the files of those on other machines. */
import { z } from "zod";
import { InvalidInput } from "@/lib/errors.ts";
import { limits } from "@/lib/config.ts";
import { type RemoteWorker } from "@/lib/worker/remote_worker.ts";
import { toWorkerViews, workersSchema } from "@/lib/worker/worker_view.ts";
import { assertBelow } from "@/lib/jobs/checkpoint_files.ts";
import { reply } from "./reply.ts";
import { type Call, type Route, route } from "./route.ts";

const fence = z.coerce.number().int().min(0).describe("Of the worker's claim");
const sha256 = z.string().regex(/^[0-9a-f]{64}$/).describe("Of the bytes that are sent");

const BINARY = "application/octet-stream";

const askedBy = ({ services, params, key }: Call): RemoteWorker =>
  services.workers.get(params.worker, key?.id ?? null);

const bodyOf = ({ request }: Call): ReadableStream<Uint8Array> =>
  request.body ?? new Blob([]).stream();

function sha256Of({ params }: Call): string {
  if (sha256.safeParse(params.sha256).success) return params.sha256;
  throw new InvalidInput(`Cannot name a file by "${params.sha256}": its SHA-256 is needed`);
}

/** What was opened is read to its end, also where it is removed meanwhile. */
async function contentOf(file: Deno.FsFile): Promise<Response> {
  const { size } = await file.stat();
  const headers = { "content-type": BINARY, "content-length": String(size) };
  return new Response(file.readable, { headers });
}

export const work: Route[] = [
  route({
    method: "GET",
    path: "/v1/workers",
    operationId: "listWorkers",
    summary:
      "The workers: the server's own first, then those that are linked to it, then those that work on its jobs " +
      "without a link, in a cluster those of other servers, and last those that were refused",
    scope: "read",
    answers: { 200: workersSchema },
    handle: ({ services: { workers } }) => toWorkerViews(workers),
  }),
  route({
    method: "GET",
    path: "/v1/workers/{worker}/files/{sha256}",
    operationId: "getWorkFile",
    summary: "A stored file that a worker's job, or a prediction that it makes, reads",
    scope: "work",
    answers: { 200: [BINARY] },
    errors: [409, 422, 500, 503],
    async handle(call) {
      const sha256 = sha256Of(call);
      askedBy(call).assertKnown(sha256);
      return await contentOf(await call.services.store.files.open(sha256));
    },
  }),
  route({
    method: "PUT",
    path: "/v1/workers/{worker}/files/{sha256}",
    operationId: "putWorkFile",
    summary: "Sends a file that a worker's job has made",
    scope: "work",
    accepts: [BINARY],
    answers: { 204: null },
    errors: [409, 422, 503],
    async handle(call) {
      await askedBy(call).keep(sha256Of(call), bodyOf(call), limits.resultBytes);
      return reply(204, null);
    },
  }),
  route({
    method: "GET",
    path: "/v1/workers/{worker}/checkpoints/{job}/{path*}",
    operationId: "getWorkCheckpoint",
    summary: "A file of the checkpoints of the job that a worker runs",
    scope: "work",
    answers: { 200: [BINARY] },
    errors: [404, 409, 422],
    async handle(call) {
      const { job, path } = call.params;
      assertBelow(path);
      return await contentOf(await Deno.open(askedBy(call).checkpointPath(job, path)));
    },
  }),
  route({
    method: "PUT",
    path: "/v1/workers/{worker}/checkpoints/{job}/{path*}",
    operationId: "putWorkCheckpoint",
    summary: "Sends a file of the checkpoints of the job that a worker runs",
    scope: "work",
    query: z.strictObject({ fence, sha256 }),
    accepts: [BINARY],
    answers: { 204: null },
    errors: [409, 422, 503],
    async handle(call) {
      const { job: id, path } = call.params;
      const { fence, sha256 } = call.query;
      await askedBy(call).keepCheckpoint({ id, fence }, { path, sha256 }, bodyOf(call));
      return reply(204, null);
    },
  }),
];
