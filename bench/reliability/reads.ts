/** Light reads at 500/s: alone, beside a training, beside uploads, and in a set of 10,000 images. */
import { mainThreadMs, pause, type Victim } from "@/tests/attack/victim.ts";
import type { Job } from "@/tests/attack/content.ts";
import type { Latencies } from "./evenly.ts";
import type { Content } from "./requests.ts";
import type { Row } from "./row.ts";
import type { Uploads } from "./uploader.ts";

const RATE = 500;
const WANTED_MS = 10;

/** Sends so many requests a second, each path in turn, from a process of its own. */
export async function evenly(
  url: string,
  key: string,
  paths: string[],
  seconds: number,
  rate = RATE,
): Promise<Latencies> {
  const { stdout } = await new Deno.Command("nice", {
    args: [
      ...["-n", "-5", Deno.execPath(), "run", "-A", "--no-check", "--config=bench/deno.json"],
      ...["bench/reliability/evenly.ts", url, key, String(rate), String(seconds), ...paths],
    ],
    stderr: "null",
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** A server of nothing, in a process of its own, under the same load: what this machine allows at all. */
async function withControl<T>(body: (url: string) => Promise<T>): Promise<T> {
  const child = new Deno.Command(
    Deno.execPath(),
    {
      args: [
        "eval",
        `Deno.serve({port: 0, hostname: "127.0.0.1", onListen: ({port}) => console.log(port)}, () => new Response("{}"))`,
      ],
      ...{ stdout: "piped", stderr: "null" },
    } as const,
  ).spawn();
  const reader = child.stdout.getReader();
  const port = new TextDecoder().decode((await reader.read()).value).trim();
  try {
    return await body(`http://127.0.0.1:${port}`);
  } finally {
    child.kill("SIGKILL");
    await child.status;
    await reader.cancel();
  }
}

/** The paths of the light reads. */
export const light = (
  set: string,
  first: string,
  { model, similarity }: Pick<Content, "model" | "similarity">,
  job: string,
) => [
  ...["/healthz", "/v1/datasets", `/v1/datasets/${set}`, `/v1/datasets/${set}/images/${first}`],
  ...[`/v1/jobs/${job}`, "/v1/jobs", `/v1/models/${model}`, "/v1/models", "/v1/device"],
  ...[
    `/v1/similarities/${similarity}`,
    `/v1/datasets/${set}/images/${first}/image.png`,
    "/metrics",
  ],
];

export async function lightReads(
  victim: Victim,
  content: Content,
  { long, job, told }: { long: boolean; job: string; told(row: Row): void },
): Promise<void> {
  const seconds = long ? 10 : 4;
  const pid = victim.pids().api!;
  const base = light("base", "c001", content, job);
  const measure = async (what: string, paths: string[], more = () => Promise.resolve("")) => {
    const [got, control, busy] = await withControl(async (url) => {
      const before = mainThreadMs(pid)!;
      const got = await evenly(victim.url, victim.key, paths, seconds);
      const busy = (mainThreadMs(pid)! - before) / got.sent;
      return [got, await evenly(url, victim.key, ["/"], seconds), busy] as const;
    });
    const slow = control.p99 >= WANTED_MS;
    const beside = await more();
    told({
      of: "Light reads, 500 requests/s over 12 routes, after a second of them",
      what,
      wanted: "p99 under 10 ms",
      measured: `p99 ${got.p99} ms, p50 ${got.p50} ms${got.bad ? `, ${got.bad} refused` : ""}; ` +
        `the main thread ${
          busy.toFixed(2)
        } ms a request; a server of nothing: p99 ${control.p99} ms` +
        `${slow ? ", so this machine cannot tell now" : ""}${beside}`,
      holds: got.bad > 0 || busy > 1000 / RATE ? false : slow ? undefined : got.p99 < WANTED_MS,
    });
  };
  // The server has just begun and got two large sets: what it does once it does now.
  await evenly(victim.url, victim.key, base, 1);
  await measure("idle", base);
  await measure("in a set of 10,000 images", light("large", "i00001", content, job));
  const { id } = await victim.json<Job>("POST", "/v1/jobs", training);
  await begun(victim, id);
  await measure("while a job trains", base);
  await victim.json("POST", `/v1/jobs/${id}/cancel`);
  await pause(1000);
  await whileUploading(victim, async (over) => {
    await measure("while 8 clients upload images", base, over);
  });
}

/** Clients of lower priority, as ones elsewhere would take nothing from the server. */
async function whileUploading(
  victim: Victim,
  body: (over: () => Promise<string>) => Promise<void>,
): Promise<void> {
  const child = new Deno.Command(
    "nice",
    {
      args: [
        ...["-n", "10", Deno.execPath(), "run", "-A", "--no-check", "--config=bench/deno.json"],
        ...["bench/reliability/uploader.ts", victim.url, victim.key, "8"],
      ],
      ...{ stdin: "piped", stdout: "piped", stderr: "null" },
    } as const,
  ).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  await lines.read();
  const began = performance.now();
  await body(async () => {
    const seconds = (performance.now() - began) / 1000;
    await child.stdin.close();
    const { uploads, refused }: Uploads = JSON.parse((await lines.read()).value!);
    return `; ${(uploads / seconds).toFixed(0)} uploads/s meanwhile${
      refused > 0 ? `, ${refused} refused` : ""
    }`;
  });
  await child.status;
}

export const training = {
  ...{ kind: "pretrain", dataset: "base", method: "byol", arm: "none", backbone: "resnet18" },
  ...{ width: 16, image_size: 64, epochs: 10_000, batch_size: 8, seed: 1, tuning: "off" },
};

/** Waits until a job has computed some steps. */
export async function begun(victim: Victim, id: string): Promise<void> {
  for (let left = 600; left > 0; left--) {
    const { progress } = await victim.json<Job>("GET", `/v1/jobs/${id}`);
    if (progress.unit === "steps" && progress.done >= 2) return;
    await pause(100);
  }
  throw new Error("Cannot measure: the training does not begin");
}
