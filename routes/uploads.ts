/**
 * Resumable uploads: tus 1.0.0 (https://tus.io/protocols/resumable-upload) with creation, creation-with-upload,
 * expiration, termination and checksum. Written here, as the server package for it has no checksums and wants more
 * of the environment than this process may see.
 */
import { statfsSync } from "node:fs";
import { z } from "zod";
import { datasetName } from "@/lib/datasets/name.ts";
import { importUpload, uploadSchema, uploadView } from "@/lib/datasets/upload_import.ts";
import { Conflict, NotFound, Overloaded } from "@/lib/errors.ts";
import { viewFields } from "@/lib/images/view.ts";
import type { Store } from "@/lib/store/mod.ts";
import { algorithms, type Checksum, ChecksumMismatch, type Upload } from "@/lib/store/uploads.ts";
import { chunks } from "./body.ts";
import { digestOf } from "./auth.ts";
import { archiveBytes, checkModes, importModes, runImport } from "./imports.ts";
import { pageOf, wholePage } from "./pages.ts";
import { HttpError } from "./problem.ts";
import { noteDataset } from "./quota.ts";
import { reply } from "./reply.ts";
import { type Call, type Route, route } from "./route.ts";

const VERSION = "1.0.0";
const BODY = "application/offset+octet-stream";
/** Uploads that are not finished, or not yet imported. */
const MOST_UPLOADS = 64;
/** Room that is left for everything else, bytes. */
const SPARE_BYTES = 64 * 2 ** 20;
const MOST_METADATA = 4096;

const spoken = { "tus-resumable": VERSION };

/** Every answer names the version, refusals too; a client of another version is told ours. */
async function inTus<Value>(
  { request }: Call,
  work: () => Value | Promise<Value>,
): Promise<Value> {
  if (request.headers.get("tus-resumable") !== VERSION) {
    const message = `Cannot speak with this client: the header Tus-Resumable: ${VERSION} is needed`;
    throw new HttpError(412, message, { "tus-version": VERSION, ...spoken });
  }
  try {
    return await work();
  } catch (error) {
    if (error instanceof HttpError) {
      throw new HttpError(error.status, error.message, { ...error.headers, ...spoken });
    }
    const status = error instanceof NotFound
      ? 404
      : error instanceof Conflict
      ? 409
      : error instanceof ChecksumMismatch
      ? 460
      : 0;
    throw status === 0 ? error : new HttpError(status, (error as Error).message, spoken);
  }
}

/** A header that is a whole number of bytes. */
function bytesOf(request: Request, header: string): number {
  const text = request.headers.get(header) ?? "";
  if (!/^\d{1,15}$/.test(text)) {
    throw new HttpError(400, `Cannot go on without ${header}, a whole number of bytes`);
  }
  return Number(text);
}

function metadataOf(request: Request): string | null {
  const text = request.headers.get("upload-metadata");
  if (text === null || text === "") return null;
  const pair = /^[^\s,]+( [A-Za-z0-9+/]*={0,2})?$/;
  if (text.length > MOST_METADATA || !text.split(",").every((one) => pair.test(one.trim()))) {
    throw new HttpError(
      400,
      `Cannot read Upload-Metadata: up to ${MOST_METADATA} characters of "key base64,..." are needed`,
    );
  }
  return text;
}

function checksumOf(request: Request): Checksum | undefined {
  const text = request.headers.get("upload-checksum");
  if (text === null) return undefined;
  const [, name, digest] = /^(\w+) ([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? [];
  const algorithm = algorithms.find((one) => one === name);
  if (!algorithm) {
    throw new HttpError(
      400,
      `Cannot check "${text}": ${algorithms.join(", ")} and base64 are known`,
    );
  }
  return { algorithm, digest };
}

function headersOf({ offset, length, metadata, expires_at }: Upload): Record<string, string> {
  return {
    ...spoken,
    "upload-offset": String(offset),
    "upload-length": String(length),
    "upload-expires": new Date(expires_at).toUTCString(),
    ...(metadata === null ? {} : { "upload-metadata": metadata }),
  };
}

/** Throws HttpError 413 and 507, Overloaded. */
function checkRoom(call: Call, store: Store, length: number): void {
  const most = archiveBytes(call);
  if (length > most) throw new HttpError(413, `Cannot take an upload of more than ${most} bytes`);
  const open = store.uploads.list();
  if (open.length >= MOST_UPLOADS) {
    throw new Overloaded(`Cannot begin another upload: there are ${open.length}; remove some`, 60);
  }
  const { bavail, bsize } = statfsSync(store.directory);
  const promised = open.reduce((sum, { length, offset }) => sum + length - offset, 0);
  const free = bavail * bsize - promised - SPARE_BYTES;
  if (length > free) {
    const message = `Cannot take ${length} bytes: the disk has room for ${Math.max(0, free)}`;
    throw new HttpError(507, message);
  }
}

async function begin(call: Call) {
  const { services: { store }, request } = call;
  if (request.headers.has("upload-defer-length")) {
    throw new HttpError(400, "Cannot take an upload of unknown length: Upload-Length is needed");
  }
  const length = bytesOf(request, "Upload-Length");
  const metadata = metadataOf(request);
  const checksum = checksumOf(request);
  const withBody = request.headers.get("content-type") === BODY;
  checkRoom(call, store, length);
  const { id } = store.uploads.create(length, metadata);
  if (withBody) await store.uploads.write(id, 0, chunks(request, length), checksum);
  const made = store.uploads.get(id);
  return reply(201, null, { ...headersOf(made), location: `/v1/uploads/${id}` });
}

async function goOn(call: Call) {
  const { services: { store }, request, params: { id } } = call;
  if (request.headers.get("content-type") !== BODY) {
    throw new HttpError(415, `Cannot read this body: ${BODY} is needed`);
  }
  const offset = bytesOf(request, "Upload-Offset");
  const { length, offset: there } = store.uploads.get(id);
  const rest = chunks(request, Math.max(0, length - there));
  await store.uploads.write(id, offset, rest, checksumOf(request));
  return reply(204, null, headersOf(store.uploads.get(id)));
}

const importSchema = z.strictObject({
  dataset: z.string().min(1).max(200).describe("Name of the data set"),
  ...importModes,
  ...viewFields,
}).meta({ id: "UploadImport" });

/** What is refused at once is answered at once, ms. */
const AT_ONCE = 50;

/** Imports without anybody waiting; the upload tells how far it is, and what came of it. */
async function importLater(call: Call<unknown, z.output<typeof importSchema>>) {
  const { services: { store, leaving, log }, params: { id }, body } = call;
  const { mode, same, names, dataset: named, ...view } = body;
  const dataset = datasetName(named);
  checkModes(body);
  const importing = importUpload(
    store,
    id,
    { dataset, dryRun: false },
    (path, onProgress) =>
      runImport(call, dataset, path, { mode, same, names, view, signal: leaving, onProgress }),
  );
  importing.then(() => noteDataset(call, dataset)).catch((error) =>
    log(`import of an upload: ${error.constructor.name}`)
  );
  await Promise.race([importing, new Promise((resolve) => setTimeout(resolve, AT_ONCE))]);
  const location = `/v1/uploads/${id}`;
  return reply(202, uploadView(store.uploads.get(id)), { location });
}

export const uploads: Route[] = [
  route({
    method: "OPTIONS",
    path: "/v1/uploads",
    operationId: "describeUploads",
    summary: "What this server knows of tus",
    scope: "read",
    answers: { 204: null },
    handle: (call) =>
      reply(204, null, {
        ...spoken,
        "tus-version": VERSION,
        "tus-extension": "creation,creation-with-upload,expiration,termination,checksum",
        "tus-checksum-algorithm": algorithms.join(","),
        "tus-max-size": String(archiveBytes(call)),
      }),
  }),
  route({
    method: "POST",
    path: "/v1/uploads",
    operationId: "createUpload",
    stores: true,
    headers: ["Location", "Tus-Resumable", "Upload-Length", "Upload-Metadata", "Upload-Checksum"],
    errors: [412, 413, 429, 460, 507],
    summary: "Begins a resumable upload (tus 1.0.0) of Upload-Length bytes",
    scope: "write",
    accepts: [BODY],
    answers: { 201: null },
    handle(call) {
      const { request: { headers } } = call;
      const sent = ["upload-length", "upload-metadata"].map((name) => headers.get(name) ?? "");
      return inTus(call, () => call.once(() => digestOf(...sent), () => begin(call)));
    },
  }),
  route({
    method: "GET",
    path: "/v1/uploads",
    operationId: "listUploads",
    summary: "Lists uploads that have not expired",
    scope: "read",
    answers: { 200: pageOf(uploadSchema) },
    handle: ({ services: { store } }) => wholePage(store.uploads.list().map(uploadView)),
  }),
  route({
    method: "GET",
    path: "/v1/uploads/{id}",
    operationId: "getUpload",
    errors: [404],
    summary: "How far an upload and its import are; HEAD answers as tus has it",
    scope: "read",
    answers: { 200: uploadSchema },
    handle(call) {
      const { services: { store }, params: { id }, request } = call;
      const tell = () => {
        const upload = store.uploads.get(id);
        return reply(200, uploadView(upload), headersOf(upload));
      };
      return request.method === "HEAD" ? inTus(call, tell) : tell();
    },
  }),
  route({
    method: "POST",
    path: "/v1/uploads/{id}/import",
    operationId: "importUpload",
    stores: true,
    headers: ["Location"],
    errors: [404, 409, 429],
    summary:
      "Imports a finished upload without waiting for the end; the upload tells how far it is",
    scope: "write",
    json: importSchema,
    answers: { 202: uploadSchema },
    handle: importLater,
  }),
  route({
    method: "PATCH",
    path: "/v1/uploads/{id}",
    operationId: "appendUpload",
    stores: true,
    headers: ["Tus-Resumable", "Upload-Offset", "Upload-Checksum"],
    errors: [404, 409, 412, 413, 415, 460, 507],
    summary: "Sends bytes from Upload-Offset on; what has come when it breaks off is kept",
    scope: "write",
    accepts: [BODY],
    answers: { 204: null },
    handle: (call) => inTus(call, () => goOn(call)),
  }),
  route({
    method: "DELETE",
    path: "/v1/uploads/{id}",
    operationId: "deleteUpload",
    headers: ["Tus-Resumable"],
    errors: [404, 409, 412],
    summary: "Gives an upload up",
    scope: "write",
    answers: { 204: null },
    handle: (call) =>
      inTus(call, async () => {
        await call.services.store.uploads.remove(call.params.id);
        return reply(204, null, spoken);
      }),
  }),
];
