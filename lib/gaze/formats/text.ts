/** The text of a gaze file as a stream: unzipped, decoded, in lines, within limits. */
import { InvalidInput } from "@/lib/errors.ts";
import type { Head } from "./format.ts";
import { headOf } from "./head.ts";
import { otherFile } from "./other_file.ts";

/** Limits of one file. */
export const LIMITS = {
  /** Characters of a line: exports with a column for every area of interest are long. */
  line: 262144,
  columns: 4096,
  /** What comes out of gzip, by what went in, once past the first MiB. */
  gzipRatio: 200,
  /** Bytes looked at to recognise a format. */
  head: 65536,
};

export class Text {
  readonly #decoder: Decoder;
  readonly #first: Uint8Array;
  readonly #rest: AsyncIterator<Uint8Array>;

  private constructor(
    readonly head: Head,
    /** How the bytes were read, where it is not plain UTF-8. */
    readonly assumptions: string[],
    decoder: Decoder,
    first: Uint8Array,
    rest: AsyncIterator<Uint8Array>,
  ) {
    this.#decoder = decoder;
    this.#first = first;
    this.#rest = rest;
  }

  /** Reads the beginning of `source`. @throws InvalidInput for what is no text */
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
    const other = otherFile(first);
    if (other) {
      const inside = assumptions.length > 0 ? "gzip of " : "";
      throw new InvalidInput(
        `Cannot read ${file}: it is not a text file but ${inside}${other.what}; ${other.advice}`,
      );
    }
    const encoding = encodingOf(first, file);
    if (encoding !== "utf-8") assumptions.push(`characters read as ${encoding}`);
    const start = new TextDecoder(encoding).decode(first.subarray(0, LIMITS.head), {
      stream: true,
    });
    return new Text(headOf(start, file), assumptions, new Decoder(encoding), first, bytes);
  }

  /** The whole text, once. */
  async *chunks(): AsyncGenerator<string> {
    yield this.#decoder.decode(this.#first);
    for (let next = await this.#rest.next(); !next.done; next = await this.#rest.next()) {
      yield this.#decoder.decode(next.value);
    }
    yield this.#decoder.end();
  }

  /** Whether the bytes turned out to be no UTF-8 somewhere after the beginning. */
  get changedEncoding(): boolean {
    return this.#decoder.changed;
  }

  /** Calls `visit` with every line (ended by LF, CR or both) and its number, from 1. */
  async eachLine(
    visit: (line: string, number: number) => void,
    most = LIMITS.line,
  ): Promise<void> {
    let rest = "";
    let number = 1;
    const take = (text: string, last: boolean): string => {
      let from = 0;
      let [feed, carriage] = [text.indexOf("\n"), text.indexOf("\r")];
      // One line at a time: a list of all would outlive many collections of garbage.
      while (feed >= 0 || carriage >= 0) {
        const byCarriage = carriage >= 0 && (feed < 0 || carriage < feed);
        const to = byCarriage ? carriage : feed;
        // The other half of CR LF may be in the next piece.
        if (byCarriage && to === text.length - 1 && !last) break;
        this.#check(to - from, number, most);
        visit(text.slice(from, to), number++);
        from = byCarriage && text[to + 1] === "\n" ? to + 2 : to + 1;
        if (feed >= 0 && feed < from) feed = text.indexOf("\n", from);
        if (carriage >= 0 && carriage < from) carriage = text.indexOf("\r", from);
      }
      this.#check(text.length - from, number, most);
      return text.slice(from);
    };
    for await (const chunk of this.chunks()) rest = take(rest + chunk, false);
    rest = take(rest, true);
    if (rest !== "") visit(rest, number);
  }

  /** The whole text as one string. */
  async whole(most: number): Promise<string> {
    const parts: string[] = [];
    let length = 0;
    for await (const chunk of this.chunks()) {
      length += chunk.length;
      if (length > most) {
        throw new InvalidInput(
          `Cannot read ${this.head.file}: longer than ${most} characters; send it in several files`,
        );
      }
      parts.push(chunk);
    }
    return parts.join("");
  }

  #check(length: number, number: number, most: number): void {
    if (length <= most) return;
    throw new InvalidInput(`Cannot read ${this.head.file}: line ${number} is too long`, [{
      file: this.head.file,
      line: number,
      message: `longer than ${most} characters`,
    }]);
  }
}

type Encoding = "utf-8" | "utf-16le" | "utf-16be" | "windows-1252";

/** Decodes piece by piece; UTF-8 that turns out to be none is read as Windows-1252 from there on. */
class Decoder {
  #decoder: TextDecoder;
  /** The first bytes of a character whose end is in the next piece. */
  #open = new Uint8Array(0);
  changed = false;

  constructor(readonly encoding: Encoding) {
    this.#decoder = new TextDecoder(encoding, { fatal: encoding === "utf-8" });
  }

  decode(bytes: Uint8Array): string {
    if (this.encoding !== "utf-8" || this.changed) {
      return this.#decoder.decode(bytes, { stream: true });
    }
    const all = new Uint8Array(this.#open.length + bytes.length);
    all.set(this.#open);
    all.set(bytes, this.#open.length);
    const cut = all.length - unfinished(all);
    this.#open = all.slice(cut);
    return this.#strict(all.subarray(0, cut), all);
  }

  end(): string {
    if (this.encoding !== "utf-8" || this.changed) return this.#decoder.decode();
    const open = this.#open;
    this.#open = new Uint8Array(0);
    return open.length === 0 ? "" : this.#strict(open, open);
  }

  #strict(bytes: Uint8Array, all: Uint8Array): string {
    try {
      return this.#decoder.decode(bytes, { stream: true });
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      this.changed = true;
      this.#decoder = new TextDecoder("windows-1252");
      return this.#decoder.decode(all, { stream: true });
    }
  }
}

/** Bytes at the end that begin a UTF-8 character without finishing it. */
function unfinished(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back];
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) > back ? back : 0;
  }
  return 0;
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
          `Cannot read ${file}: it unzips to over ${LIMITS.gzipRatio} times its size; send it unzipped`,
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

/** By the byte-order mark or where the zeros stand, else UTF-8, else Windows-1252. */
function encodingOf(bytes: Uint8Array, file: string): Encoding {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "utf-16be";
  const head = bytes.subarray(0, LIMITS.head);
  const zeros = [0, 0];
  head.forEach((byte, i) => byte === 0 && zeros[i & 1]++);
  if (zeros[0] + zeros[1] > 0) {
    // Tables are nearly all ASCII, whose high bytes are 0 in UTF-16.
    const half = head.length >> 1;
    if (zeros[0] === 0 && zeros[1] > 0.9 * half) return "utf-16le";
    if (zeros[1] === 0 && zeros[0] > 0.9 * half) return "utf-16be";
    throw new InvalidInput(
      `Cannot read ${file}: it is not a text file; save the gaze as CSV or TSV and send that`,
    );
  }
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(head, { stream: true });
    return "utf-8";
  } catch {
    return "windows-1252";
  }
}
