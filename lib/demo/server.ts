/** Starts a server of its own for the demo: a free port, a fresh key, a data directory that the caller names. */
import { fileURLToPath } from "node:url";
import { randomBytes } from "node:crypto";
import { launcherArguments } from "@/lib/launcher_permissions.ts";

export interface DemoServer {
  url: string;
  key: string;
  /** Asks the server to leave (checkpoints first), and waits for it. */
  stop(): Promise<void>;
  /** Settles when the server has ended, however that came. */
  ended: Promise<Deno.CommandStatus>;
}

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const READY_WITHIN_MS = 90_000;

/** @throws {Error} with the server's last words when it is not ready in time */
export async function startServer(dataDir: string): Promise<DemoServer> {
  const key = `mcgip_${randomBytes(24).toString("base64url")}`;
  const port = freePort();
  const child = new Deno.Command(Deno.execPath(), {
    args: launcherArguments,
    cwd: ROOT,
    env: { MCGIP_API_KEY: key, MCGIP_PORT: String(port), MCGIP_DATA: dataDir, NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const log: string[] = [];
  keep(child.stdout, log);
  keep(child.stderr, log);
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    deaf();
    try {
      child.kill("SIGTERM");
    } catch {
      // It has ended already.
    }
    await child.status;
  };
  const deaf = onEnd(async (code) => {
    await stop();
    Deno.exit(code);
  });
  if (!await ready(url, child.status)) {
    await stop();
    throw new Error(`Cannot start the server:\n${log.slice(-30).join("\n")}`);
  }
  return { url, key, stop, ended: child.status };
}

/** Signals that end a program, with the code that a shell expects of it. Ctrl-C comes to the server by itself. */
const ENDS = { SIGTERM: 143, SIGHUP: 129 } as const;

/** Calls `leave` when this program is to end: a server that it left behind would go on. The function that comes back undoes it. */
function onEnd(leave: (code: number) => Promise<void>): () => void {
  if (Deno.build.os === "windows") return () => {};
  const listeners = Object.entries(ENDS).map(([signal, code]) =>
    [signal as keyof typeof ENDS, () => void leave(code)] as const
  );
  for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
  return () => {
    for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
  };
}

function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}

/** True once `/readyz` says that the GPU worker answers; false when the process ends or time is up. */
async function ready(url: string, ended: Promise<Deno.CommandStatus>): Promise<boolean> {
  const until = performance.now() + READY_WITHIN_MS;
  let over = false;
  ended.then(() => over = true);
  while (!over && performance.now() < until) {
    const response = await fetch(`${url}/readyz`).catch(() => undefined);
    await response?.body?.cancel();
    if (response?.ok) return true;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return false;
}

/** Reads a stream to its end, so that the server never waits for a full pipe; the last lines stay. */
async function keep(stream: ReadableStream<Uint8Array>, log: string[]): Promise<void> {
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    log.push(...text.split("\n").filter((line) => line.trim() !== ""));
    log.splice(0, Math.max(0, log.length - 200));
  }
}
