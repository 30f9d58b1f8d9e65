/** What `/metrics` tells: requests, the queue, the worker with its training and its GPU. */
import type { Family, Sample } from "./prometheus.ts";
import type { Services } from "./route.ts";

export async function serverMetrics(
  { config, store, supervisor, traffic }: Services,
): Promise<Family[]> {
  const { beat, restarts } = supervisor;
  const states = await store.jobs.countByState();
  const gauge = (name: string, help: string, ...values: (number | undefined)[]): Family => ({
    ...{ name, help, type: "gauge" },
    samples: values.filter((value) => value !== undefined).map((value) => ({ value })),
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
    gauge("mcgip_worker_up", "Whether a worker with a GPU answers.", Number(supervisor.ready)),
    {
      name: "mcgip_worker_restarts_total",
      help: "Times that a worker ended without being asked to.",
      type: "counter",
      samples: [{ value: restarts }],
    },
    gauge(
      "mcgip_worker_silent_seconds",
      "Time since the worker's GPU thread was last seen alive.",
      beat && beat.silent_ms / 1000,
    ),
    gauge("mcgip_worker_memory_bytes", "Main memory of the worker process.", beat?.rss),
    gauge(
      "mcgip_gpu_memory_bytes",
      "Memory of the GPU in buffers that the worker made; the driver's own is not in it.",
      beat?.gpu_bytes,
    ),
    gauge(
      "mcgip_training_step_seconds",
      "Mean time of the latest steps of the running training; absent when none runs.",
      beat?.training?.step_seconds,
    ),
    gauge(
      "mcgip_training_batch_size",
      "Images in a batch of the running training; absent when none runs.",
      beat?.training?.batch_size,
    ),
    gauge("mcgip_api_memory_bytes", "Main memory of the API process.", Deno.memoryUsage().rss),
  ];
}
