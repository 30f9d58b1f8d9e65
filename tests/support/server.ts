/** A real server for tests: launcher, API and worker processes, a free port, a data directory. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { checkAnswer } from "./answers.ts";
import { launcherArguments } from "@/lib/launcher_permissions.ts";
import { undescribed } from "./described.ts";
import { childrenOf } from "./processes.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

export interface TestServer {
  url: string;
  key: string;
  data: string;
  /** Process id of the launcher. */
  pid: number;
  /** What the processes printed so far. */
  log(): string;
  /** A request with the key; `path` starts with a slash. JSON that is not as declared is an error. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** The same, of a JSON answer of status 2xx; other statuses are errors. */
  json<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<T>;
  /** Waits for `/readyz`; throws with the log when it takes too long. */
  ready(ms?: number): Promise<void>;
  /** Process ids of [the API, the worker]; undefined for one that is not there. */
  children(): { api?: number; worker?: number };
  /** Sends a signal to the launcher and waits for its end. */
  stop(signal?: Deno.Signal): Promise<Deno.CommandStatus>;
}

export interface ServerOptions {
  data: string;
  /** A free one is chosen otherwise. */
  port?: number;
  args?: string[];
  env?: Record<string, string>;
  /** The project's directory, where it is not this one: what its answers hold is then not looked at. */
  project?: string;
}

export function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}

/** Starts a server; resolves when it listens (not necessarily with a GPU). */
export async function startServer(options: ServerOptions): Promise<TestServer> {
  const { data, port = freePort(), args = [], env = {}, project = root } = options;
  const key = "test-key-0123456789abcdef";
  const child = new Deno.Command(Deno.execPath(), {
    args: [...launcherArguments, ...args],
    cwd: project,
    env: {
      MCGIP_API_KEY: key,
      MCGIP_PORT: String(port),
      MCGIP_DATA: data,
      NO_COLOR: "1",
      ...env,
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let text = "";
  const keep = async (stream: ReadableStream<Uint8Array>) => {
    for await (const part of stream.pipeThrough(new TextDecoderStream())) text += part;
  };
  const read = Promise.all([keep(child.stdout), keep(child.stderr)]);
  let ended = false;
  child.status.then(() => ended = true);
  const url = `http://127.0.0.1:${port}`;
  const server: TestServer = {
    url,
    key,
    data,
    pid: child.pid,
    log: () => text,
    async fetch(path, init = {}) {
      const headers = { authorization: `Bearer ${key}`, ...init.headers };
      const response = await fetch(url + path, { ...init, headers });
      if (project === root) await checkAnswer(init.method ?? "GET", url + path, response);
      return response;
    },
    async json<T>(method: string, path: string, body?: unknown) {
      const response = await server.fetch(path, {
        method,
        ...(body === undefined ? {} : {
          body: JSON.stringify(body),
          headers: { "content-type": "application/json" },
        }),
      });
      const answer = await response.text();
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${answer}`);
      return (answer === "" ? undefined : JSON.parse(answer)) as T;
    },
    ready: (ms = 60_000) => until(() => answers(`${url}/readyz`), ms, () => text),
    children: () => below(child.pid),
    async stop(signal = "SIGTERM") {
      if (!ended) child.kill(signal);
      const status = await child.status;
      await read;
      return status;
    },
  };
  try {
    // Asking the address would not do: another server may be there.
    await until(() => ended || text.includes("listens on"), 30_000, () => text);
    if (ended) {
      await read;
      throw new Error(`The server ended at once:\n${text}`);
    }
  } catch (error) {
    await server.stop("SIGKILL");
    throw error;
  }
  return server;
}

async function answers(url: string): Promise<boolean> {
  const response = await fetch(url).catch(() => undefined);
  await response?.body?.cancel();
  return response?.ok ?? false;
}

/** A busy machine may stand still for seconds; only a test that fails waits so long. */
const PATIENCE_MS = 60_000;

/** Waits until `test` holds; throws with what `tell` says after `ms`, or after a minute where that is more. */
export async function until(
  test: () => boolean | Promise<boolean>,
  ms: number,
  tell: () => string | Promise<string> = () => "",
): Promise<void> {
  const since = Date.now();
  const patience = Math.max(ms, PATIENCE_MS);
  while (!await test()) {
    if (Date.now() - since > patience) {
      throw new Error(`Not so after ${patience} ms\n${(await tell()).slice(-4000)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The API and the worker below a launcher. */
function below(launcher: number): { api?: number; worker?: number } {
  const [api] = childrenOf(launcher);
  return { api, worker: api === undefined ? undefined : childrenOf(api)[0] };
}

/** Runs `body` with a server on an empty data directory; both are gone afterwards. */
export async function withServer(
  body: (server: TestServer) => Promise<void>,
  options: Partial<ServerOptions> = {},
): Promise<void> {
  const data = options.data ?? Deno.makeTempDirSync({ prefix: "mcgip_test_" });
  const server = await startServer({ ...options, data });
  try {
    await body(server);
    // Of another project the description is not known here.
    if (options.project) return;
    // Not of a server that the test itself has ended.
    const figures = await server.fetch("/metrics").catch(() => undefined);
    assert.deepEqual(undescribed(await figures?.text() ?? ""), []);
  } finally {
    await server.stop();
    if (!options.data) Deno.removeSync(data, { recursive: true });
  }
}
