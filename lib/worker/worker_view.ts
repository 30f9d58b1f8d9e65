/** Workers as they are told. */
import { z } from "zod";
import type { AdapterInfo } from "@/gpu/device.ts";
import { adapterInfoSchema } from "@/lib/adapter_info.ts";
import type { WorkerRow } from "@/lib/store/workers.ts";
import type { RemoteWorker } from "./remote_worker.ts";
import type { Supervisor } from "./supervisor.ts";
import type { Workers } from "./workers.ts";

const workerSchema = z.object({
  name: z.string().describe("Its own, as long as it runs"),
  label: z.string().describe("What people call it: its machine's name, or one that it was given"),
  place: z.enum(["server", "beside", "linked"]).describe(
    "`server`: a server started it; `beside`: it opened the database itself; `linked`: by a link from another machine",
  ),
  local: z.boolean().describe("Whether it is the server's own"),
  gpu: adapterInfoSchema.nullable().describe("null without one, or while the worker starts"),
  ready: z.boolean().describe("Whether it beats and has a GPU"),
  predicts: z.boolean().describe("Whether this server can ask it for predictions"),
  job: z.string().nullable().describe("Id of the job that it runs"),
  memory: z.number().describe("bytes"),
  gpu_memory: z.number().describe("bytes, in buffers that it made"),
  since: z.iso.datetime().nullable().describe("When it was linked, or heard of first"),
  beat_seconds: z.number().nullable().describe("Since it was heard of last"),
  key: z.string().nullable().describe(
    "Name of the key that it came with; null where none was needed",
  ),
  version: z.string().nullable().describe("Of its program; null where it has not said"),
  detail: z.string().nullable().describe("Why it cannot work, or not on everything"),
}).meta({ id: "Worker" });
type WorkerView = z.output<typeof workerSchema>;

export const workersSchema = z.object({ data: z.array(workerSchema) }).meta({ id: "Workers" });

/** One that says itself how it is. */
function viewOfNear(
  worker: Supervisor | RemoteWorker,
  more: Pick<WorkerView, "place" | "local" | "since" | "key" | "version">,
): WorkerView {
  const { name, label, device, beat, ready } = worker;
  return {
    ...{ name, label, ...more, ready, predicts: ready },
    gpu: device?.gpu ?? null,
    job: beat?.job ?? null,
    memory: beat?.rss ?? 0,
    gpu_memory: beat?.gpu_bytes ?? 0,
    beat_seconds: beat ? (performance.now() - beat.time) / 1000 : null,
    detail: worker.unavailable() ?? null,
  };
}

/** One of which the database tells. */
function viewOfListed(row: WorkerRow, version: string): WorkerView {
  const { name, label, place = "beside", device, since, key } = row;
  const gpu = (device?.gpu ?? null) as AdapterInfo | null;
  const hint = typeof device?.hint === "string" ? device.hint : null;
  const other = row.version !== null && row.version !== "" && row.version !== version
    ? `Its version is ${row.version}, this server's ${version}: it leaves jobs of this one to others`
    : null;
  return {
    ...{ name, label: label ?? name, place, local: false, gpu, ready: gpu !== null },
    ...{ predicts: false, job: row.job, since, key, version: row.version },
    memory: row.memory ?? 0,
    gpu_memory: row.gpu_memory ?? 0,
    beat_seconds: Math.max(0, row.silent_ms) / 1000,
    detail: hint ?? other,
  };
}

/** The server's own first, then those that are linked to it, then those that it knows by the database. */
export async function toWorkerViews(workers: Workers): Promise<z.output<typeof workersSchema>> {
  const listed = await workers.list();
  const { local, remote, refused, options: { version } } = workers;
  const linked = (worker: RemoteWorker) =>
    viewOfNear(worker, {
      ...{ place: "linked", local: false, since: worker.since },
      key: worker.key_name,
      version: worker.version ?? null,
    });
  return {
    data: [
      ...(local.started
        ? [
          viewOfNear(local, {
            ...{ place: "server", local: true, since: local.since, key: null, version },
          }),
        ]
        : []),
      ...remote.map(linked),
      ...listed.map((row) => viewOfListed(row, version)),
      ...refused.map((worker) => ({
        ...linked(worker),
        since: null,
        detail: worker.refused!.reason,
      })),
    ],
  };
}
