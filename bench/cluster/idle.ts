/** What 64 workers without work cost a server: their beats, and their looking for jobs. */
import { figuresOf } from "@/tests/attack/victim.ts";
import type { Row } from "../reliability/row.ts";
import { linkWorkers } from "./linked.ts";
import { onEachStack } from "./stacks.ts";

const WORKERS = 64;
const SECONDS = 12;
const of = `${WORKERS} workers without work, linked to one server`;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Percent of a core that a process uses. */
async function usedBy(pid: number): Promise<number> {
  await pause(2_000);
  const [before, since] = [figuresOf(pid)!.all_ms, performance.now()];
  await pause(SECONDS * 1000);
  return 100 * (figuresOf(pid)!.all_ms - before) / (performance.now() - since);
}

export async function idleWorkers(): Promise<Row[]> {
  return await onEachStack(async (stack, served) => {
    const { api } = served.server.children();
    const alone = await usedBy(api!);
    const workers = await linkWorkers(stack, served, WORKERS);
    const beating = await usedBy(api!);
    for (const worker of workers) worker.look();
    const looking = await usedBy(api!);
    await Promise.all(workers.map((worker) => worker.stop()));
    const beats = beating - alone;
    const all = looking - alone;
    return {
      of,
      what: `processor time of the API for their beats, ${stack.name}`,
      wanted: "under 5 % of a core",
      measured: `${beats.toFixed(1)} %; with their looking for jobs ${all.toFixed(1)} % ` +
        `(without them it uses ${alone.toFixed(1)} %)`,
      holds: beats < 5,
    };
  });
}
