/** Bodies of requests: counted while they come, given up when they come too slowly. */
import { Busboy, type BusboyFileStream, type BusboyInstance } from "@fastify/busboy";
import { Readable } from "node:stream";
import { limits } from "@/lib/config.ts";
import { MalformedJson, parseJsonText } from "@/lib/json_text.ts";
import { Turns } from "@/lib/turns.ts";
import { malformed, readAllParts } from "./parts.ts";
import { clientGone, HttpError } from "./problem.ts";

/** No byte for this long, or less than the rate after it, ends a request. */
const STALL_MS = 30_000;
const LEAST_BYTES_PER_S = 1024;

/** The body as it comes. Throws HttpError 413 and 408. */
export async function* chunks(
  request: Request,
  maxBytes: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const declared = Number(request.headers.get("content-length") ?? 0);
  if (declared > maxBytes) throw tooLarge(maxBytes);
  const reader = request.body?.getReader();
  if (!reader) return;
  const started = performance.now();
  const turns = new Turns();
  let bytes = 0;
  try {
    while (true) {
      const { value, done } = await withinTime(reader.read().catch(gone));
      if (done) return;
      bytes += value.length;
      if (bytes > maxBytes) throw tooLarge(maxBytes);
      const seconds = (performance.now() - started) / 1000;
      if (seconds * 1000 > STALL_MS && bytes / seconds < LEAST_BYTES_PER_S) throw tooSlow();
      // What has come already is handed on without any wait: others are heard in between.
      await turns.give();
      yield value;
    }
  } finally {
    // Whoever stops early does not want the rest; without this the connection waits for it.
    reader.cancel().catch(() => {});
  }
}

async function withinTime<T>(reading: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(tooSlow()), STALL_MS);
  });
  try {
    return await Promise.race([reading, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A body whose reading fails is one whose client has gone. */
const gone = (): never => {
  throw clientGone();
};
const tooLarge = (max: number) =>
  new HttpError(413, `Cannot take a body of more than ${max} bytes`, { connection: "close" });
const tooSlow = () =>
  new HttpError(408, "Cannot wait for this body: it comes too slowly", { connection: "close" });

/** The whole body, in a buffer that holds it and nothing else: it goes to other threads. Throws HttpError 408, 413. */
export async function readBytes(
  request: Request,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const declared = Number(request.headers.get("content-length") ?? NaN);
  return Number.isInteger(declared) && declared <= maxBytes
    ? await readDeclared(request, declared)
    : await readUndeclared(request, maxBytes);
}

/** Chunks go where they belong as they come: a large body is not in memory twice. */
async function readDeclared(
  request: Request,
  bytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  // Memory that nothing was written to costs nothing: a client may say more than it sends.
  const all = new Uint8Array(bytes);
  let at = 0;
  for await (const chunk of chunks(request, bytes)) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return at === bytes ? all : all.slice(0, at);
}

async function readUndeclared(
  request: Request,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks(request, maxBytes)) {
    parts.push(chunk);
    length += chunk.length;
  }
  const all = new Uint8Array(length);
  const turns = new Turns();
  let at = 0;
  for (const part of drained(parts)) {
    all.set(part, at);
    at += part.length;
    await turns.give();
  }
  return all;
}

/** Each is given up once it was taken. */
function* drained(parts: Uint8Array[]): Generator<Uint8Array> {
  parts.reverse();
  while (parts.length > 0) yield parts.pop()!;
}

/** curl's own type for `-d` is let through: what counts is whether the text is JSON. */
const jsonTypes = /^application\/(?:json|[\w.+-]+\+json|x-www-form-urlencoded)\s*(?:;|$)/i;

/** Throws HttpError 415 for a body of another type. */
export function needJson(request: Request): void {
  const type = request.headers.get("content-type") ?? "application/json";
  if (!jsonTypes.test(type)) {
    throw new HttpError(
      415,
      `Cannot read this body: its Content-Type is ${
        type.slice(0, 80)
      }, and application/json is needed`,
    );
  }
}

/** The text of a JSON body and its value. Throws HttpError 400, 413, 415. */
export async function readJson(
  request: Request,
  maxBytes: number = limits.jsonBytes,
): Promise<{ text: string; value: unknown }> {
  needJson(request);
  return parseJson(await readBytes(request, maxBytes));
}

/** Text and value of JSON. Throws HttpError 400. */
function parseJson(bytes: Uint8Array): { text: string; value: unknown } {
  try {
    return parseJsonText(bytes);
  } catch (error) {
    throw error instanceof MalformedJson ? new HttpError(400, error.message) : error;
  }
}

/** One part of a multipart body: a file as it comes, or the text of a field. */
export type Part =
  | { name: string; filename: string; type: string; file: AsyncIterable<Uint8Array<ArrayBuffer>> }
  | { name: string; value: string };

export function isMultipart(request: Request): boolean {
  return /^multipart\/form-data\b/i.test(request.headers.get("content-type") ?? "");
}

/**
 * Reads a multipart body; `onPart` must read every file to its end. Throws HttpError 400, 413, 415.
 */
export async function readParts(
  request: Request,
  maxBytes: number,
  onPart: (part: Part) => Promise<void>,
): Promise<void> {
  const type = request.headers.get("content-type") ?? "";
  if (!isMultipart(request)) throw new HttpError(415, "Cannot read this body: a form is needed");
  const doing = "read the form";
  let busboy: BusboyInstance;
  try {
    busboy = new Busboy({
      headers: { "content-type": type },
      limits: { parts: limits.parts, fieldSize: 65536, headerPairs: 32 },
    });
  } catch (error) {
    throw malformed(error, doing);
  }
  const source = Readable.from(chunks(request, maxBytes), { objectMode: false });
  await readAllParts(source, busboy, doing, ({ open, handle, fail }) => {
    busboy.on("file", (name, stream, filename, _encoding, mime) => {
      open(stream);
      handle(() => onPart({ name, filename, type: mime, file: bytesOf(stream) }));
    });
    busboy.on("field", (name, value) => handle(() => onPart({ name, value })));
    busboy.on(
      "partsLimit",
      () => fail(new HttpError(413, `Cannot take a form of more than ${limits.parts} parts`)),
    );
  });
}

async function* bytesOf(stream: BusboyFileStream): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for await (const chunk of stream) yield new Uint8Array(chunk);
}
