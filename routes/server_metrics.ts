/** What `/metrics` tells: requests, the queue, the worker with its training and its GPU. */
import { statfsSync, statSync } from "node:fs";
import { ThreadPool } from "@/lib/threads/pool.ts";
import type { AdapterInfo } from "@/gpu/device.ts";
import { adapterName } from "@/lib/adapter_name.ts";
import type { Beat } from "@/lib/worker/beat.ts";
import type { RemoteWorker } from "@/lib/worker/remote_worker.ts";
import type { Supervisor } from "@/lib/worker/supervisor.ts";
import type { Family, Sample } from "./prometheus.ts";
import type { Services } from "./route.ts";

export async function serverMetrics(
  { config, store, workers, traffic, loop }: Services,
): Promise<Family[]> {
  const { restarts } = workers.local;
  const told = figuresOf(workers);
  // At one time: a database elsewhere takes a way there and back for each.
  const [states, datasets, models] = await Promise.all([
    store.jobs.countByState(),
    store.datasets.count(),
    store.models.count(),
  ]);
  const pools = ThreadPool.loads();
  const { bavail, blocks, bsize } = statfsSync(store.directory);
  const gauge = (name: string, help: string, ...values: (number | undefined)[]): Family => ({
    ...{ name, help, type: "gauge" },
    samples: values.filter((value) => value !== undefined).map((value) => ({ value })),
  });
  const perWorker = (
    name: string,
    help: string,
    of: (figures: Figures) => number | undefined,
  ): Family => ({
    ...{ name, help, type: "gauge" },
    samples: told.flatMap((figures) => {
      const value = of(figures);
      return value === undefined ? [] : [{ labels: { worker: figures.worker }, value }];
    }),
  });
  const listed = (place: string) =>
    workers.listed.filter((row) => row.device?.gpu && (row.place ?? "beside") === place).length;
  return [
    {
      name: "mcgip_build_info",
      help: "Always 1; the version of the program is a label.",
      type: "gauge",
      samples: [{ labels: { version: config.codeVersion }, value: 1 }],
    },
    ...traffic.families(),
    {
      name: "mcgip_jobs",
      help: "Jobs by state.",
      type: "gauge",
      samples: Object.entries(states).map(([state, value]): Sample => ({
        labels: { state },
        value,
      })),
    },
    gauge("mcgip_queue_length", "Jobs that wait for the worker.", states.queued ?? 0),
    gauge("mcgip_worker_up", "Whether a worker with a GPU answers.", Number(workers.ready)),
    {
      name: "mcgip_workers",
      help:
        "Workers that live and have a GPU, of this server and of others on its database, by the place that " +
        "/v1/workers tells of.",
      type: "gauge",
      samples: [
        { labels: { place: "server" }, value: Number(workers.local.ready) + listed("server") },
        {
          labels: { place: "linked" },
          value: workers.remote.filter(({ ready }) => ready).length + listed("linked"),
        },
        { labels: { place: "beside" }, value: listed("beside") },
      ],
    },
    {
      name: "mcgip_worker_info",
      help: "Always 1; where a worker works and its adapter are labels.",
      type: "gauge",
      samples: told.map(({ worker, place, adapter }) => ({
        labels: { worker, place, adapter: adapter ?? "" },
        value: 1,
      })),
    },
    {
      name: "mcgip_worker_restarts_total",
      help: "Times that a worker ended without being asked to.",
      type: "counter",
      samples: [{ value: restarts }],
    },
    perWorker(
      "mcgip_worker_busy",
      "Whether the worker runs a job.",
      ({ job }) => Number(job !== null),
    ),
    perWorker(
      "mcgip_worker_beat_seconds",
      "Time since the worker was heard of last.",
      ({ beat_seconds }) => beat_seconds,
    ),
    perWorker(
      "mcgip_worker_silent_seconds",
      "Time since the worker's GPU thread was last seen alive.",
      ({ silent_ms }) => silent_ms === undefined ? undefined : silent_ms / 1000,
    ),
    perWorker("mcgip_worker_memory_bytes", "Main memory of the worker process.", ({ rss }) => rss),
    perWorker(
      "mcgip_gpu_memory_bytes",
      "Memory of the GPU in buffers that the worker made; the driver's own is not in it.",
      ({ gpu_bytes }) => gpu_bytes,
    ),
    perWorker(
      "mcgip_training_step_seconds",
      "Mean time of the latest steps of the worker's training; absent when none runs.",
      ({ training }) => training?.step_seconds,
    ),
    perWorker(
      "mcgip_training_batch_size",
      "Images in a batch of the worker's training; absent when none runs.",
      ({ training }) => training?.batch_size,
    ),
    gauge("mcgip_api_memory_bytes", "Main memory of the API process.", Deno.memoryUsage().rss),
    gauge(
      "mcgip_event_loop_late_seconds",
      "Longest time in the last minute that the API process was kept from answering anybody.",
      loop.longest(),
    ),
    {
      name: "mcgip_thread_tasks",
      help: "Tasks beside the main thread of the API, by pool, that are under way or wait.",
      type: "gauge",
      samples: pools.flatMap(({ name, busy, waiting }) => [
        { labels: { pool: name, state: "running" }, value: busy },
        { labels: { pool: name, state: "waiting" }, value: waiting },
      ]),
    },
    gauge("mcgip_disk_free_bytes", "Room on the disk of the data directory.", bavail * bsize),
    gauge("mcgip_disk_bytes", "Size of the disk of the data directory.", blocks * bsize),
    gauge("mcgip_database_bytes", "Size of the database.", sizeOf(`${store.directory}/mcgip.db`)),
    gauge(
      "mcgip_database_log_bytes",
      "Size of the database's write-ahead log; it is emptied soon after each write.",
      sizeOf(`${store.directory}/mcgip.db-wal`),
    ),
    gauge("mcgip_datasets", "Data sets.", datasets),
    gauge("mcgip_models", "Models.", models),
    gauge(
      "mcgip_start_time_seconds",
      "When the API process started, since 1970 in UTC.",
      performance.timeOrigin / 1000,
    ),
  ];
}

/** What is told of a worker. */
interface Figures extends Partial<Omit<Beat, "job">> {
  /** A label: what people call it, and where several are called so their number. */
  worker: string;
  place: string;
  adapter?: string;
  job: string | null;
  beat_seconds: number;
}

/** So many workers have figures of their own: each label is kept for long by whoever collects them. */
const MOST_WORKERS = 100;

/** By what people call them: names are others with each start. */
function figuresOf({ local, remote, listed }: Services["workers"]): Figures[] {
  const near = (place: string, worker: string, { device, beat }: Supervisor | RemoteWorker) => {
    if (!beat) return [];
    const adapter = device?.gpu ? adapterName(device.gpu) : undefined;
    return [{
      worker,
      place,
      adapter,
      ...beat,
      beat_seconds: (performance.now() - beat.time) / 1000,
    }];
  };
  const all: Figures[] = [
    ...near("server", local.label, local),
    ...remote.flatMap((worker) => near("linked", worker.label, worker)),
    ...listed.map(({ name, label, place, device, job, memory, gpu_memory, silent_ms }) => ({
      ...{ worker: label ?? name, place: place ?? "beside", job },
      adapter: device?.gpu ? adapterName(device.gpu as AdapterInfo) : undefined,
      ...{ rss: memory, gpu_bytes: gpu_memory, beat_seconds: Math.max(0, silent_ms) / 1000 },
    })),
  ];
  const seen = new Map<string, number>();
  return all.slice(0, MOST_WORKERS).map((figures) => {
    const n = (seen.get(figures.worker) ?? 0) + 1;
    seen.set(figures.worker, n);
    return n === 1 ? figures : { ...figures, worker: `${figures.worker}#${n}` };
  });
}

const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size;
