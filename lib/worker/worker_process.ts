/**
 * The main thread of the worker process: passes messages between the API (standard input and output), the
 * thread that runs jobs and the one that predicts; beats and estimates jobs while these wait for the GPU. The
 * threads know of the store what their desk (desk.ts) tells; only for a worker that no server started it is opened here.
 */
import type { CommitFiles } from "@/lib/commit.ts";
import type { ClusterSettings } from "@/lib/cluster_settings.ts";
import { type Log, type LogFormat, logger } from "@/lib/log.ts";
import { type Beat, BEAT_MS } from "./beat.ts";
import { type Connection, connectionByPipe } from "./connection.ts";
import type { ThreadStart, Tick } from "./gpu_service.ts";
import { kinds } from "./kinds.ts";
import { PatientDesk } from "./patient_desk.ts";
import { PredictorLink } from "./predictor_link.ts";
import { type Message, messages, Peer } from "./rpc.ts";
import { deskHandlers } from "./desk.ts";
import { tellingDesk } from "./telling_desk.ts";
import type { Device as Told } from "./session.ts";
import type { JobKind } from "@/lib/specs/mod.ts";
import { assertFits, type Estimate } from "@/lib/training/assert_fits.ts";
import type { Device } from "@/lib/training/estimate.ts";
import type { EstimateRequest } from "@/lib/training/estimate_request.ts";

/** Time to save and leave, ms: a link that is lost is not waited for without end. */
const LEAVE_MS = 25_000;

export interface WorkOptions extends ThreadStart {
  /** Of this worker; no other one that lives has it. */
  name: string;
  /** No server started it: signals ask it to leave. */
  alone: boolean;
  /** What its store shares with others, where it opens one itself. */
  cluster?: ClusterSettings;
  /** What people call it: its machine's name, or one that it was given. */
  label?: string;
  /** Version of the program, where no server started it. */
  version?: string;
  /** What says whether its checkout is still that version, where no server looks at it. */
  git?: CommitFiles;
  /** Between two uploads of checkpoints to a server elsewhere, ms. */
  uploadMs?: number;
  log?: LogFormat;
  /** The module of the GPU thread. */
  thread?: string;
}

/** Runs until whoever started it goes away, or asks to leave. */
export async function work(options: WorkOptions): Promise<void> {
  const { data, elsewhere, alone, thread = import.meta.resolve("./gpu_thread.ts") } = options;
  const start: ThreadStart = { data, elsewhere };
  let seen = performance.now();
  let tick: Tick = { job: null, training: null, gpu_bytes: 0 };
  let told: Told | null = null;
  const here: Peer = new Peer((message) => connection.send(message), {
    async estimate(request: EstimateRequest): Promise<Estimate | undefined> {
      const handler = await kinds[request.kind as JobKind]?.();
      const device = told && deviceOf(told);
      if (!device) return undefined;
      const needed = handler?.estimate?.(device, request);
      if (needed) assertFits(device, needed);
      return needed;
    },
  });
  /** From the server to whom it concerns. */
  function receive(message: Message): void {
    if (message.method === undefined || here.answers(message)) void here.receive(message);
    else if (predictor.answers(message)) predictor.receive(message);
    else gpuThread.postMessage(message);
  }
  const log = logger(options.log ?? "text", { process: "worker" });
  const gpuThread = new Worker(thread, { type: "module", name: "gpu" });
  const connection: Connection = await connect(options, { here, device: () => told, receive, log });
  const desk = alone ? tellingDesk(connection.desk, log) : connection.desk;
  const predictor = new PredictorLink({ start, desk, send: connection.send });
  // What a job tells can wait, a prediction cannot.
  const patient = new PatientDesk(desk);
  const asked = new Peer((message) => gpuThread.postMessage(message), deskHandlers(patient));
  gpuThread.onmessage = async ({ data: message }: MessageEvent<Message>) => {
    seen = performance.now();
    if (message.method === "device") {
      told = message.params as Told;
      if (alone) log(gpuText(told));
    }
    if (message.method === "tick") tick = message.params as Tick;
    else if (message.method === "left") {
      await connection.end();
      Deno.exit(0);
    } else if (asked.answers(message)) await asked.receive(message);
    else connection.send(message);
  };
  gpuThread.onerror = (event) => {
    event.preventDefault();
    console.error(`The GPU thread died: ${event.message}`);
    Deno.exit(70);
  };
  gpuThread.postMessage(start);
  // Ctrl-C, a closed terminal and a service manager reach all processes: the API decides when this one leaves,
  // where there is one.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, async () => {
      if (!alone) return;
      // Nothing is to be saved, and nobody to be told.
      if (tick.job === null && !connection.reachable()) {
        await connection.end();
        Deno.exit(0);
      }
      gpuThread.postMessage({ method: "leave", params: null } satisfies Message);
      setTimeout(() => Deno.exit(0), LEAVE_MS);
    });
  }
  setInterval(() => {
    const beat: Beat = {
      ...tick,
      silent_ms: performance.now() - seen,
      unanswered_ms: predictor.unansweredMs,
      gpu_bytes: tick.gpu_bytes + predictor.gpuBytes,
      rss: Deno.memoryUsage().rss,
    };
    connection.beat(beat);
  }, BEAT_MS);
  // The end of the input is the end of who started this.
  for await (const message of messages(Deno.stdin.readable, () => {})) receive(message);
  Deno.exit(0);
}

async function connect(
  { data, elsewhere, name, label = name, alone, cluster, version, git, uploadMs }: WorkOptions,
  { here, ...process }: {
    here: Peer;
    device(): Told | null;
    receive(message: Message): void;
    log: Log;
  },
): Promise<Connection> {
  if (elsewhere) {
    const { connectionByLink } = await import("./link_connection.ts");
    const more = { ...process, version: version ?? "", label, uploadMs };
    return connectionByLink({ data, elsewhere, ...more });
  }
  if (!alone) return connectionByPipe(here);
  const { connectionToStore } = await import("./store_connection.ts");
  const wake = () => process.receive({ method: "wake", params: null });
  const { device, log } = process;
  return await connectionToStore(data, name, { cluster, version, git, label, device, wake, log });
}

/** The GPU in a line; without one, why no job will run. */
function gpuText({ gpu, hint, backend }: Told): string {
  if (!gpu) return `There is no GPU, so no job runs here: ${hint}`;
  const name = gpu.description || gpu.device || gpu.vendor || "a GPU without a name";
  return `Jobs run on ${name}${backend ? ` by ${backend}` : ""}`;
}

/** What the GPU thread says of its device, as estimates take it. */
function deviceOf({ gpu, ...rest }: Told): Device | undefined {
  return gpu ? { info: gpu, ...rest } as Device : undefined;
}
