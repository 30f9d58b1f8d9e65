/** Workers' ends of links, many in this process: the real link and the real loop of jobs, without a GPU. */
import type { Gpu } from "@/gpu/device.ts";
import { codeVersion } from "@/lib/config.ts";
import { checkout } from "@/lib/launcher.ts";
import { BEAT_MS } from "@/lib/worker/beat.ts";
import type { Connection } from "@/lib/worker/connection.ts";
import { connectionByLink } from "@/lib/worker/link_connection.ts";
import { JobRunner } from "@/lib/worker/job_runner.ts";
import { PatientDesk } from "@/lib/worker/patient_desk.ts";
import { until } from "@/tests/support/server.ts";
import type { Served, Stack } from "./stacks.ts";

const info = { vendor: "", architecture: "", device: "", description: "none", software: true };
/** What the loop of jobs asks of a device. */
const gpu = { info, check() {} } as unknown as Gpu;

export interface LinkedWorker {
  name: string;
  connection: Connection;
  /** It looks for jobs from now on, as one that has nothing to do; `kinds` that it runs none of. */
  look(): void;
  stop(): Promise<void>;
}

/** Links so many; resolves when the server knows them all. */
export async function linkWorkers(
  { folder }: Stack,
  { server, store, key }: Served,
  count: number,
): Promise<LinkedWorker[]> {
  const version = codeVersion(checkout());
  const workers = Array.from({ length: count }, (_, i): LinkedWorker => {
    const name = `linked-${i}`;
    const connection = connectionByLink({
      ...{ data: `${folder}/${name}`, version, label: name },
      elsewhere: { server: { apis: [server.url], key, name }, maxBytes: 2 ** 20 },
      device: () => ({ gpu: info }),
      receive: ({ method }) => method === "wake" && runner.wake(),
      log() {},
    });
    const runner = new JobRunner({
      desk: new PatientDesk(connection.desk),
      store: store as never,
      gpu,
      kinds: { count: () => Promise.reject(new Error("Cannot run: nothing runs here")) },
      between: () => Promise.resolve(),
      log() {},
    });
    let looking: Promise<void> | undefined;
    const idle = { job: null, training: null, gpu_bytes: 0 };
    const beat = () =>
      connection.beat({ ...idle, silent_ms: 0, unanswered_ms: 0, rss: Deno.memoryUsage().rss });
    // Those that start at one time do not beat at one time.
    let beats: ReturnType<typeof setInterval> | undefined;
    const begin = setTimeout(() => beats = setInterval(beat, BEAT_MS), BEAT_MS * i / count);
    return {
      name,
      connection,
      look: () => void (looking ??= runner.loop()),
      async stop() {
        runner.leave();
        await looking;
        clearTimeout(begin);
        clearInterval(beats);
        await connection.end();
      },
    };
  });
  await until(async () => await store.workers.count() === count, 60_000, server.log);
  return workers;
}
