/** Speaks to a running server over HTTP, as any user's script would. */

/** A job as `GET /v1/jobs/{id}` gives it; the fields that the demo reads. */
export interface Job {
  id: string;
  kind: string;
  state: "queued" | "running" | "paused" | "succeeded" | "failed" | "cancelled";
  progress: { done: number; total: number; unit: string };
  error: string | null;
  result: Record<string, string> | null;
}

export interface Client {
  url: string;
  /** @throws {Error} with the server's own words on any status but 2xx */
  call<T>(method: string, path: string, body?: unknown): Promise<T>;
  /** Waits for a job; `onProgress` hears of it about three times a second. */
  finished(id: string, onProgress: (job: Job) => unknown): Promise<Job>;
  /** Starts a job and waits for it, as above. */
  job(
    spec: Record<string, unknown>,
    onProgress: (job: Job) => unknown,
  ): Promise<Record<string, string>>;
}

const POLL_MS = 300;

export function client(url: string, key: string): Client {
  async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const binary = body instanceof Uint8Array;
    const response = await fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body === undefined
          ? {}
          : { "content-type": binary ? "application/zip" : "application/json" }),
      },
      body: binary ? body as BodyInit : body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`Cannot ${method} ${path}: ${response.status} ${text}`);
    return text === "" ? undefined as T : JSON.parse(text);
  }

  async function finished(id: string, onProgress: (job: Job) => unknown) {
    let current = await call<Job>("GET", `/v1/jobs/${id}`);
    while (current.state === "queued" || current.state === "running") {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      current = await call<Job>("GET", `/v1/jobs/${id}`);
      await onProgress(current);
    }
    if (current.state !== "succeeded") {
      throw new Error(
        `Cannot finish ${current.kind} job ${id}: ${current.state}: ${current.error}`,
      );
    }
    return current;
  }

  async function job(spec: Record<string, unknown>, onProgress: (job: Job) => unknown) {
    const { id } = await call<Job>("POST", "/v1/jobs", spec);
    return { job: id, ...(await finished(id, onProgress)).result };
  }

  return { url, call, finished, job };
}
