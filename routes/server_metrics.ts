/** What `/metrics` tells: requests, the queue, the worker with its training and its GPU. */
import { statfsSync, statSync } from "node:fs";
import { ThreadPool } from "@/lib/threads/pool.ts";
import type { Beat as Told } from "@/lib/worker/beat.ts";
import type { Family, Sample } from "./prometheus.ts";
import type { Services } from "./route.ts";

export async function serverMetrics(
  { config, store, workers, traffic, loop }: Services,
): Promise<Family[]> {
  const { restarts } = workers.local;
  /** The server's own, under whichever name it has since the last start, and those elsewhere. */
  const beats = [
    { worker: "server", beat: workers.local.beat },
    ...workers.remote.map(({ name, beat }) => ({ worker: name, beat })),
  ].flatMap(({ worker, beat }) => beat ? [{ worker, beat }] : []);
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
    of: (beat: Beat) => number | undefined,
  ): Family => ({
    ...{ name, help, type: "gauge" },
    samples: beats.flatMap(({ worker, beat }) => {
      const value = of(beat);
      return value === undefined ? [] : [{ labels: { worker }, value }];
    }),
  });
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
      help: "Workers that answer and have a GPU, the server's own and those on other machines.",
      type: "gauge",
      samples: [
        { labels: { place: "here" }, value: Number(workers.local.ready) },
        {
          labels: { place: "elsewhere" },
          value: workers.remote.filter(({ ready }) => ready).length,
        },
      ],
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
      ({ time }) => (performance.now() - time) / 1000,
    ),
    perWorker(
      "mcgip_worker_silent_seconds",
      "Time since the worker's GPU thread was last seen alive.",
      ({ silent_ms }) => silent_ms / 1000,
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

type Beat = Told & { time: number };

const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size;
