/** Bodies of several parts that are no form: multipart/related (RFC 2387). */
import { Dicer } from "@fastify/busboy";
import { Readable } from "node:stream";
import { chunks } from "./body.ts";
import { readAllParts } from "./parts.ts";
import { HttpError } from "./problem.ts";

export interface RelatedPart {
  /** As its header says, in small letters, without parameters; "" without one. */
  type: string;
  file: AsyncIterable<Uint8Array<ArrayBuffer>>;
}

export interface RelatedLimits {
  /** Bytes of the whole body, and of one part. */
  bytes: number;
  partBytes: number;
  parts: number;
}

/** Of the body's media type. Throws HttpError 415. */
function boundaryOf(request: Request, type: string): string {
  const given = request.headers.get("content-type") ?? "";
  const parameter = (name: string) => {
    const found = new RegExp(`;\\s*${name}=(?:"([^"]*)"|([^\\s;]+))`, "i").exec(given);
    return found?.[1] ?? found?.[2];
  };
  const boundary = parameter("boundary");
  const root = parameter("type");
  if (
    !/^multipart\/related\s*(;|$)/i.test(given) || !boundary || boundary.length > 70 ||
    (root !== undefined && root.toLowerCase() !== type)
  ) {
    throw new HttpError(
      415,
      `Cannot read this body: multipart/related; type="${type}"; boundary=... is needed`,
    );
  }
  return boundary;
}

/**
 * Reads the body's parts one after the other; `onPart` must read every part to its end. Throws HttpError 400, 413, 415.
 * @param type media type that `type=` of the body must name, if it is there
 */
export async function readRelated(
  request: Request,
  { type, limits }: { type: string; limits: RelatedLimits },
  onPart: (part: RelatedPart) => Promise<void>,
): Promise<void> {
  const dicer = new Dicer({ boundary: boundaryOf(request, type) });
  const source = Readable.from(chunks(request, limits.bytes), { objectMode: false });
  await readAllParts(source, dicer, "read the parts", ({ handled, open, handle, fail }) => {
    dicer.on("part", (part) => {
      open(part);
      part.on("header", (header) => {
        const given = (header as Record<string, string[]>)["content-type"]?.[0] ?? "";
        if (handled.length >= limits.parts) {
          fail(
            new HttpError(
              413,
              `Cannot take more than ${limits.parts} parts: send the rest in further requests`,
            ),
          );
          return;
        }
        handle(() =>
          onPart({
            type: given.split(";")[0].trim().toLowerCase(),
            file: bytesOf(part, limits.partBytes),
          })
        );
      });
    });
  });
}

async function* bytesOf(
  stream: Readable,
  most: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > most) throw new HttpError(413, `Cannot take a part of more than ${most} bytes`);
    yield new Uint8Array(chunk);
  }
}
