/**
 * A checkpoint of 0.4 GB on its way to the bucket: MoCo on a ResNet-50 with its optimizer's state, its slow copy and the
 * largest queue, on small images; what its training waits for.
 */
import { keyOf } from "@/lib/store/remote.ts";
import { archive } from "@/tests/attack/content.ts";
import { until } from "@/tests/support/server.ts";
import type { Row } from "../reliability/row.ts";
import { withServed, withStacks } from "./stacks.ts";

const of = "A checkpoint of a ResNet-50 in MoCo, to the bucket";
const spec = {
  ...{ kind: "pretrain", dataset: "base", method: "moco", config: { queue: 65_536 } },
  ...{ backbone: "resnet50", image_size: 32, batch_size: 4, epochs: 1000, tuning: "off" },
};

interface Event {
  type: string;
  data: { step: number; waited: number; state?: string };
  created_at: string;
}

export async function largeCheckpoint(): Promise<Row[]> {
  return await withStacks(async ([, stack]) =>
    await withServed(stack, async ({ server, store }) => {
      await server.ready(120_000);
      const response = await server.fetch("/v1/datasets/base", {
        method: "PUT",
        body: await archive(12),
      });
      if (!response.ok) throw new Error(`Cannot prepare: ${await response.text()}`);
      const { id } = await server.json<{ id: string }>("POST", "/v1/jobs", spec);
      const saved = async () =>
        (await server.json<{ data: Event[] }>(
          "GET",
          `/v1/jobs/${id}/events?types=checkpoint&limit=1000`,
        )).data.filter(({ data }) => data.step > 0);
      const progress = async () => (await store.jobs.get(id)).progress;
      const tell = async () => `${JSON.stringify(await store.jobs.get(id))}\n${server.log()}`;
      await until(async () => (await saved()).length > 0, 300_000, tell);
      const [first] = await saved();
      const [since, done] = [Date.now(), (await progress()).done];
      const rows = async () => await store.checkpointRows.ofJob(id);
      await until(async () => (await rows()).length > 0, 300_000, tell);
      const seconds = (Date.now() - Date.parse(first.created_at)) / 1000;
      const steps = (await progress()).done - done;
      const stepSeconds = (Date.now() - since) / 1000 / Math.max(1, steps);
      const sizes = await Promise.all((await rows()).map(async ({ file }) => {
        const path = Deno.makeTempFileSync({ prefix: "mcgip_bench_" });
        Deno.removeSync(path);
        await store.cluster!.remote.get(keyOf(file), path);
        const { size } = Deno.statSync(path);
        Deno.removeSync(path);
        return size;
      }));
      await server.json("POST", `/v1/jobs/${id}/cancel`);
      await until(async () => (await store.jobs.get(id)).state === "cancelled", 120_000, tell);
      const waits = (await saved()).map(({ data }) => data.waited);
      const longest = Math.max(...waits);
      const bytes = Math.max(...sizes);
      return [{
        of,
        what: "the training waits for a checkpoint",
        wanted: "under 1 s",
        measured: `${longest.toFixed(2)} s at most of ${waits.length}, of ` +
          `${(bytes / 1e9).toFixed(2)} GB; in the bucket ${seconds.toFixed(1)} s after it was ` +
          `written, ${steps} steps of ${stepSeconds.toFixed(2)} s meanwhile`,
        holds: longest < 1 && bytes > 3e8,
      }];
    }, 1)
  );
}
