/** The text of a gaze file as a stream: unzipped, decoded, in lines, within limits. */
import { InvalidInput } from "@/lib/errors.ts";
import type { Head } from "./format.ts";

/** Limits of one file. */
export const LIMITS = {
  /** Characters of a line. */
  line: 65536,
  columns: 256,
  /** What comes out of gzip, by what went in, once past the first MiB. */
  gzipRatio: 200,
  /** Bytes looked at to recognise a format. */
  head: 65536,
};

export class Text {
  private constructor(
    readonly head: Head,
    /** How the bytes were read, where it is not plain UTF-8. */
    readonly assumptions: string[],
    private readonly decoder: TextDecoder,
    private readonly first: Uint8Array,
    private readonly rest: AsyncIterator<Uint8Array>,
  ) {}

  /** Reads the beginning of `source`. */
  static async open(
    source: Uint8Array | ReadableStream<Uint8Array>,
    file: string,
  ): Promise<Text> {
    let bytes = bytesOf(source)[Symbol.asyncIterator]();
    let first = await atLeast(bytes, 2, new Uint8Array(0));
    const assumptions: string[] = [];
    if (first[0] === 0x1f && first[1] === 0x8b) {
      assumptions.push("unzipped (gzip)");
      bytes = unzipped(first, bytes, file);
      first = new Uint8Array(0);
    }
    first = await atLeast(bytes, LIMITS.head, first);
    const encoding = encodingOf(first, file);
    if (encoding !== "utf-8") assumptions.push(`characters read as ${encoding}`);
    const start = new TextDecoder(encoding).decode(first.subarray(0, LIMITS.head), {
      stream: true,
    });
    const line = /^\s*([^\r\n]*)/.exec(start)?.[1] ?? "";
    const head = { file, text: start, first: line.slice(0, LIMITS.line) };
    return new Text(head, assumptions, new TextDecoder(encoding), first, bytes);
  }

  /** The whole text, once. */
  async *chunks(): AsyncGenerator<string> {
    yield this.decoder.decode(this.first, { stream: true });
    for (let next = await this.rest.next(); !next.done; next = await this.rest.next()) {
      yield this.decoder.decode(next.value, { stream: true });
    }
    yield this.decoder.decode();
  }

  /** Calls `visit` with every line and its number, from 1. */
  async eachLine(
    visit: (line: string, number: number) => void,
    most = LIMITS.line,
  ): Promise<void> {
    let rest = "";
    let number = 1;
    for await (const chunk of this.chunks()) {
      const text = rest + chunk;
      let from = 0;
      // One line at a time: a list of all would outlive many collections of garbage.
      for (let to = text.indexOf("\n"); to >= 0; to = text.indexOf("\n", from)) {
        const line = text.slice(from, to);
        this.check(line, number, most);
        visit(line.endsWith("\r") ? line.slice(0, -1) : line, number++);
        from = to + 1;
      }
      rest = text.slice(from);
      this.check(rest, number, most);
    }
    if (rest !== "") visit(rest.endsWith("\r") ? rest.slice(0, -1) : rest, number);
  }

  /** The whole text as one string. */
  async whole(most: number): Promise<string> {
    const parts: string[] = [];
    let length = 0;
    for await (const chunk of this.chunks()) {
      length += chunk.length;
      if (length > most) {
        throw new InvalidInput(`Cannot read ${this.head.file}: longer than ${most} characters`);
      }
      parts.push(chunk);
    }
    return parts.join("");
  }

  private check(line: string, number: number, most: number): void {
    if (line.length > most) {
      throw new InvalidInput(`Cannot read ${this.head.file}: line ${number} is too long`, [{
        file: this.head.file,
        line: number,
        message: `longer than ${most} characters`,
      }]);
    }
  }
}

async function* bytesOf(
  source: Uint8Array | ReadableStream<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (source instanceof ReadableStream) return yield* source;
  for (let at = 0; at < source.length; at += 1 << 18) yield source.subarray(at, at + (1 << 18));
}

/** `have` and what follows, until there are `wanted` bytes or no more. */
async function atLeast(
  bytes: AsyncIterator<Uint8Array>,
  wanted: number,
  have: Uint8Array,
): Promise<Uint8Array> {
  const parts = [have];
  let length = have.length;
  while (length < wanted) {
    const next = await bytes.next();
    if (next.done) break;
    parts.push(next.value);
    length += next.value.length;
  }
  if (parts.length === 1) return have;
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

async function* unzipped(
  first: Uint8Array,
  rest: AsyncIterator<Uint8Array>,
  file: string,
): AsyncGenerator<Uint8Array> {
  let read = 0;
  let written = 0;
  const zipped = new ReadableStream<BufferSource>({
    start(controller) {
      read += first.length;
      controller.enqueue(first.slice());
    },
    async pull(controller) {
      const next = await rest.next();
      if (next.done) return controller.close();
      read += next.value.length;
      controller.enqueue(next.value.slice());
    },
  });
  try {
    for await (const part of zipped.pipeThrough(new DecompressionStream("gzip"))) {
      written += part.length;
      if (written > (1 << 20) && written > read * LIMITS.gzipRatio) {
        throw new InvalidInput(
          `Cannot read ${file}: it unzips to over ${LIMITS.gzipRatio} times its size`,
        );
      }
      yield part;
    }
  } catch (error) {
    if (error instanceof TypeError) {
      throw new InvalidInput(`Cannot read ${file}: the gzip data is damaged`);
    }
    throw error;
  }
}

/** By the byte-order mark, else UTF-8, else Windows-1252. */
function encodingOf(
  bytes: Uint8Array,
  file: string,
): "utf-8" | "utf-16le" | "utf-16be" | "windows-1252" {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "utf-16be";
  if (bytes.subarray(0, LIMITS.head).includes(0)) {
    throw new InvalidInput(`Cannot read ${file}: it is not a text file`);
  }
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, LIMITS.head), {
      stream: true,
    });
    return "utf-8";
  } catch {
    return "windows-1252";
  }
}
