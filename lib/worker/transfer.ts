/** Files between a remote worker and its server, by HTTP: one that is interrupted, or stands still, is made again. */
import { ClaimLost, InvalidInput, NotFound, Unavailable } from "@/lib/errors.ts";
import { Stall } from "@/lib/stall.ts";
import { pathOf } from "./session.ts";

/** For how long a server that does not answer is asked again, ms. */
const PATIENCE_MS = 600_000;
const PAUSE_MS = [250, 5_000];
/** Without a byte for so long, ms, a transfer is given up: a large file is hashed and synced before the answer. */
const STALL_MS = 30_000;

export interface Server {
  /** Its address, without a slash at the end; of several servers of one cluster those of all. */
  apis: string[];
  /** A key with the scope `work`. */
  key: string;
  /** Name of the worker. */
  name: string;
}

/** Where to, below the worker's path: `files/<sha256>`, `checkpoints/<job>/<path>`. */
function urlOf(
  { apis, name }: Server,
  at: number,
  path: string,
  query: Record<string, string>,
): string {
  const url = new URL(
    apis[at % apis.length] + pathOf(name) + path.split("/").map(encodeURIComponent).join("/"),
  );
  for (const [field, value] of Object.entries(query)) url.searchParams.set(field, value);
  return url.href;
}

export class Transfer {
  /** Which of the addresses answered last. */
  #at = 0;

  constructor(readonly server: Server, private readonly stallMs = STALL_MS) {}

  /** Reads a file; `read` may be called again from the start. @throws {ClaimLost}, {NotFound} */
  async get<T>(path: string, read: (body: ReadableStream<Uint8Array>) => Promise<T>): Promise<T> {
    const from = async (at: number) => {
      using stall = new Stall(this.stallMs);
      const { signal } = stall;
      const response = await this.#fetch(urlOf(this.server, at, path, {}), { signal });
      return await read(stall.watched(response.body ?? new Blob([]).stream()));
    };
    return await this.#patiently(async () => {
      try {
        return await from(this.#at);
      } catch (error) {
        if (!isRefusal(error) || error instanceof Unavailable) throw error;
        // A server that predicts here may have asked for it: it knows why, this one does not.
        for (let i = 1; i < this.server.apis.length; i++) {
          try {
            return await from(this.#at + i);
          } catch (other) {
            if (!isRefusal(other)) throw other;
          }
        }
        throw error;
      }
    });
  }

  /** Sends a file of this machine. @throws {ClaimLost} */
  async put(path: string, from: string, query: Record<string, string> = {}): Promise<void> {
    await this.#patiently(async () => {
      const file = await Deno.open(from);
      using stall = new Stall(this.stallMs);
      const headers = { "content-type": "application/octet-stream" };
      const response = await this.#fetch(urlOf(this.server, this.#at, path, query), {
        ...{ method: "PUT", headers, body: stall.watched(file.readable), signal: stall.signal },
      });
      await response.body?.cancel();
    });
  }

  async #fetch(url: string, init: RequestInit): Promise<Response> {
    const headers = { ...init.headers, authorization: `Bearer ${this.server.key}` };
    const response = await fetch(url, { ...init, headers, redirect: "error" });
    if (response.ok) return response;
    const { detail } = await response.json().catch(() => ({})) as { detail?: string };
    const message = detail ?? `Cannot reach ${url}: status ${response.status}`;
    // The job can go on at a worker that is let in.
    if (response.status === 401 || response.status === 403) throw new ClaimLost(message);
    if (response.status === 404) throw new NotFound(message);
    if (response.status === 409) throw new ClaimLost(message);
    if (response.status === 422) throw new InvalidInput(message);
    if (response.status === 507) throw Object.assign(new Error(message), { code: "ENOSPC" });
    if ([429, 502, 503, 504].includes(response.status)) throw new Unavailable(message);
    throw new Error(message);
  }

  /** Network errors are TypeErrors of fetch; a body that breaks off is one too. */
  async #patiently<T>(attempt: () => Promise<T>): Promise<T> {
    const until = performance.now() + PATIENCE_MS;
    for (let pause = PAUSE_MS[0];; pause = Math.min(2 * pause, PAUSE_MS[1])) {
      try {
        return await attempt();
      } catch (error) {
        const passing = error instanceof TypeError || error instanceof Unavailable;
        if (!passing || performance.now() > until) throw error;
        // One that the worker is not linked to answers so, too.
        this.#at++;
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
  }
}

/** Whether another server may give what this one does not. */
const isRefusal = (error: unknown) =>
  error instanceof InvalidInput || error instanceof ClaimLost || error instanceof Unavailable;
