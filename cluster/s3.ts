/**
 * A bucket as the place of stored files: GET, PUT, HEAD and DELETE of S3, signed by aws4fetch. The key of a file
 * is its SHA-256, which S3 takes as the signed hash of the body: a server that looks at it refuses bytes that
 * changed on the way. No multipart uploads (one PUT takes 5 GiB, and no file of ours comes near).
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import http from "node:http";
import https from "node:https";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { AwsClient } from "aws4fetch";
import { NotFound, Unavailable } from "@/lib/errors.ts";
import type { BucketSettings } from "@/lib/cluster_settings.ts";
import { Stall } from "@/lib/stall.ts";
import type { Remote } from "@/lib/store/remote.ts";

/** What one PUT takes at most, bytes. */
const MOST_BYTES = 5 * 2 ** 30;

export interface S3Options {
  /** Without a byte for so long, a request is given up, ms. */
  stall?: number;
  /** Pauses before further tries, ms. */
  pauses?: number[];
}

export class S3 implements Remote {
  readonly name: string;
  /** The same with the prefix. */
  readonly place: string;
  readonly #settings: BucketSettings;
  readonly #client: AwsClient;
  readonly #stall: number;
  readonly #pauses: number[];

  constructor(
    settings: BucketSettings,
    { stall = 30_000, pauses = [200, 800, 2_400] }: S3Options = {},
  ) {
    const { accessKeyId, secretAccessKey, sessionToken, region } = settings;
    this.name = `the bucket "${settings.bucket}" at ${settings.endpoint}`;
    const { prefix } = settings;
    this.place = prefix === "" ? this.name : `${this.name}, prefix "${prefix}"`;
    this.#settings = settings;
    // Tries are made here, where a body can be opened anew.
    this.#client = new AwsClient({
      accessKeyId,
      secretAccessKey,
      sessionToken,
      region,
      service: "s3",
      retries: 0,
    });
    this.#stall = stall;
    this.#pauses = pauses;
  }

  /** Makes the bucket; one of ours that is there already is no error. */
  async make(): Promise<void> {
    const { region } = this.#settings;
    // The one region that may not be named.
    const text = region === "us-east-1" ? undefined : "<CreateBucketConfiguration>" +
      `<LocationConstraint>${region}</LocationConstraint></CreateBucketConfiguration>`;
    const made = await this.#tries("PUT", "", { text }, async (response) => {
      await response.body?.cancel();
      return response.ok;
    }, [409]);
    // Servers differ in how they say that it is ours.
    if (!made) await this.has("");
  }

  async has(key: string): Promise<boolean> {
    return await this.#tries("HEAD", key, {}, async (response) => {
      await response.body?.cancel();
      return response.ok;
    }, [404]);
  }

  async get(key: string, to: string): Promise<void> {
    await this.#tries("GET", key, {}, async (response, stall) => {
      if (response.status === 404) {
        await this.#assertBucket(response, key);
        throw new NotFound(`Cannot find ${key} in ${this.name}`);
      }
      const file = await Deno.open(to, { write: true, createNew: true });
      try {
        for await (const chunk of received(response, stall)) {
          for (let at = 0; at < chunk.length;) at += await file.write(chunk.subarray(at));
        }
      } catch (error) {
        await Deno.remove(to);
        throw error;
      } finally {
        file.close();
      }
    }, [404]);
  }

  async put(key: string, path: string, sha256: string): Promise<void> {
    const { size } = await Deno.stat(path);
    if (size > MOST_BYTES) {
      throw new Error(`Cannot put ${key} into ${this.name}: ${size} bytes, ${MOST_BYTES} at most`);
    }
    const headers = { "x-amz-content-sha256": sha256, "content-length": String(size) };
    await this.#tries("PUT", key, { headers, path }, async (response) => {
      await response.body?.cancel();
    });
  }

  /** A short text; undefined where there is none. */
  async getText(key: string): Promise<string | undefined> {
    return await this.#tries("GET", key, {}, async (response, stall) => {
      if (response.status === 404) {
        await this.#assertBucket(response, key);
        return undefined;
      }
      return new TextDecoder().decode(
        Buffer.concat(await Array.fromAsync(received(response, stall))),
      );
    }, [404]);
  }

  async putText(key: string, text: string): Promise<void> {
    const bytes = new TextEncoder().encode(text);
    const headers = {
      "x-amz-content-sha256": createHash("sha256").update(bytes).digest("hex"),
      "content-length": String(bytes.length),
    };
    await this.#tries("PUT", key, { headers, bytes }, async (response) => {
      await response.body?.cancel();
    });
  }

  /** Whether any key begins so. */
  async holds(begin: string): Promise<boolean> {
    const query = new URLSearchParams({
      ...{ "list-type": "2", "max-keys": "1" },
      prefix: this.#settings.prefix + begin,
    });
    return await this.#tries(
      "GET",
      "",
      { query: query.toString() },
      async (response) => (await response.text()).includes("<Key>"),
    );
  }

  /** Of an answer 404. @throws {Error} where it is the bucket that is not there */
  async #assertBucket(response: Response, key: string): Promise<void> {
    const told = await reasonOf(response);
    if (!told.includes("NoSuchBucket")) return;
    throw new Error(`Cannot GET ${key} in ${this.name}: ${told}${remedy(404)}`);
  }

  async remove(key: string): Promise<void> {
    await this.#tries("DELETE", key, {}, async (response) => {
      await response.body?.cancel();
    }, [404]);
  }

  async url(key: string, seconds: number): Promise<string> {
    const url = new URL(this.#url(key));
    url.searchParams.set("X-Amz-Expires", String(Math.ceil(seconds)));
    return (await this.#client.sign(url, { method: "GET", aws: { signQuery: true } })).url;
  }

  #url(key: string): string {
    const { endpoint, bucket, prefix } = this.#settings;
    return key === "" ? `${endpoint}/${bucket}` : `${endpoint}/${bucket}/${prefix}${key}`;
  }

  /**
   * Sends a request until it is answered; `read` takes what is `ok` or has one of the `expected` statuses.
   * @throws {Unavailable} when every try failed for a reason that may pass
   * @throws {Error} where trying again is of no use: wrong keys, no bucket
   */
  async #tries<T>(
    method: string,
    key: string,
    body: Body,
    read: (response: Response, stall: Stall) => Promise<T>,
    expected: number[] = [],
  ): Promise<T> {
    for (let tries = 0;; tries++) {
      try {
        return await this.#send(method, key, body, expected, read);
      } catch (error) {
        if (!(error instanceof Passing)) throw error;
        if (tries === this.#pauses.length) {
          throw new Unavailable(
            `Cannot ${method} ${key}: ${this.name} does not answer (${error.message})`,
          );
        }
        await new Promise((resolve) => setTimeout(resolve, this.#pauses[tries]));
      }
    }
  }

  /** @throws {Passing} where another try may help */
  async #send<T>(
    method: string,
    key: string,
    { headers = {}, path, text, bytes, query }: Body,
    expected: number[],
    read: (response: Response, stall: Stall) => Promise<T>,
  ): Promise<T> {
    // Signed anew: a signature holds for some minutes.
    const url = this.#url(key) + (query === undefined ? "" : `?${query}`);
    const signed = await this.#client.sign(url, { method, headers, body: text });
    using stall = new Stall(this.#stall);
    using file = path === undefined ? undefined : await Deno.open(path);
    let response: Response;
    try {
      const pieces = file ? piecesOf(file, stall) : bytes && [bytes];
      response = pieces
        ? await send(signed, headers, pieces, stall)
        : await fetch(signed, { signal: stall.signal });
    } catch (error) {
      throw new Passing(stall.signal.aborted ? "too slow" : (error as Error).message);
    }
    if (response.ok || expected.includes(response.status)) return await read(response, stall);
    const told = await reasonOf(response);
    if (response.status >= 500 || response.status === 429 || response.status === 408) {
      throw new Passing(told);
    }
    throw new Error(`Cannot ${method} ${key} in ${this.name}: ${told}${remedy(response.status)}`);
  }
}

interface Body {
  headers?: Record<string, string>;
  /** The file that is sent. */
  path?: string;
  /** Or what is. */
  text?: string;
  /** Or what is sent with its length. */
  bytes?: Uint8Array;
  query?: string;
}

/** What may pass by itself: the network's trouble, or the server's. */
class Passing extends Error {}

/** PUT in pieces and with a length: `fetch` would send it without, which S3 does not take. */
async function send(
  signed: Request,
  headers: Record<string, string>,
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  stall: Stall,
): Promise<Response> {
  const begin = signed.url.startsWith("https:") ? https.request : http.request;
  const request = begin(signed.url, {
    method: signed.method,
    headers: { ...Object.fromEntries(signed.headers), ...headers },
  });
  const answered = new Promise<Response>((resolve, reject) => {
    request.on("error", reject);
    stall.signal.addEventListener("abort", () => {
      reject(stall.signal.reason);
      request.destroy();
    });
    request.on("response", (answer) => {
      const parts: Uint8Array[] = [];
      answer.on("data", (part: Uint8Array) => parts.push(part));
      answer.on("error", reject);
      answer.on("end", () => {
        const status = answer.statusCode!;
        resolve(new Response(status === 204 ? null : Buffer.concat(parts), { status }));
      });
    });
  });
  // One that is refused early is answered before all is sent.
  await Promise.race([answered, pipeline(Readable.from(pieces), request)]);
  return await answered;
}

async function* piecesOf(file: Deno.FsFile, stall: Stall): AsyncGenerator<Uint8Array> {
  const piece = new Uint8Array(1 << 18);
  for (let n = await file.read(piece); n !== null; n = await file.read(piece)) {
    stall.restart();
    yield piece.slice(0, n);
  }
}

/** The body, whose trouble is the network's. */
async function* received(response: Response, stall: Stall): AsyncGenerator<Uint8Array> {
  const reader = response.body!.getReader();
  for (;;) {
    const part = await reader.read().catch((error: Error) => {
      throw new Passing(stall.signal.aborted ? "too slow" : error.message);
    });
    if (part.done) return;
    stall.restart();
    yield part.value;
  }
}

/** Status, and the code and message of S3's answer, where it has any. */
async function reasonOf(response: Response): Promise<string> {
  const text = await response.text().catch(() => "");
  const tag = (name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1];
  return [response.status, tag("Code"), tag("Message")].filter((part) => part).join(" ");
}

function remedy(status: number): string {
  if (status === 404) {
    return "; make the bucket first (deno task bucket), or name another by MCGIP_FILES";
  }
  if (status === 403 || status === 401) {
    return "; see to AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and what they may do in this bucket";
  }
  if (status === 301 || status === 307 || status === 400) {
    return "; see to AWS_REGION and AWS_ENDPOINT_URL_S3";
  }
  return "";
}
