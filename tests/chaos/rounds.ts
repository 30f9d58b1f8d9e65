/**
 * Rounds of faults drawn by a seed, one of which begins while others last; jobs are queued all the while. After each
 * round, whatever came: every job that has ended has ended once, with one result, which is that of a job that nothing
 * disturbs; and every row has its file, every object of the bucket its row.
 */
import assert from "node:assert/strict";
import { isDiskFull, Unavailable } from "@/lib/errors.ts";
import { newJob, submit } from "@/lib/jobs/queue.ts";
import { LEASE_MS } from "@/lib/store/lease.ts";
import { pass } from "../support/passing.ts";
import { until } from "../support/server.ts";
import { upload } from "../support/small_set.ts";
import { Dice, faultsOf } from "./faults.ts";
import {
  assertFiles,
  assertSetAside,
  assertSwept,
  assertWhole,
  chainOf,
  STEPS,
  trainedBy,
  type Undisturbed,
} from "./whole.ts";
import { pause, World } from "./world.ts";

export interface ChaosOptions {
  stack: World["stack"];
  rounds: number;
  seed: number;
  /** Times as the world has them, not a few seconds. */
  long: boolean;
  /** A line for people. */
  tell(line: string): void;
}

export interface Chaos {
  /** Faults by their kind. */
  faults: Record<string, number>;
  jobs: number;
  /** How often one was begun anew. */
  again: number;
  seconds: number;
}

const TRAINING = {
  ...{ kind: "pretrain", dataset: "set", method: "byol", config: { hidden: 16, output: 8 } },
  ...{ width: 8, image_size: 16, batch_size: 8, epochs: 20 },
};
/** A step of a chain takes so long, ms. */
const STEP_MS = 25;
/** Jobs that have not ended, in every round: each worker has one, and more wait. */
const OPEN = 5;
/** Of so many jobs one is a training. */
const TRAINED_OF = 5;
/** The longest for what was queued to end once faults have. */
const END_MS = 240_000;

/** @throws where anything is not whole; the message has what servers and workers said */
export async function chaos(options: ChaosOptions): Promise<Chaos> {
  const started = performance.now();
  const world = await World.start(options.stack);
  let done: Omit<Chaos, "seconds">;
  try {
    done = await inWorld(world, options).catch((error) => {
      throw new Error(`seed ${options.seed}: ${error.stack}\n${world.log()}`);
    });
    if (options.stack === "SQLite") {
      await world.leave();
      await assertSetAside(world.store.directory);
    }
  } finally {
    await world.stop();
  }
  return { ...done, seconds: (performance.now() - started) / 1000 };
}

async function inWorld(
  world: World,
  { rounds, seed, long, tell }: ChaosOptions,
): Promise<Omit<Chaos, "seconds">> {
  const { store, servers } = world;
  if (world.disks.size === 0) {
    tell("no disk is full: mounting a small file system needs root");
  }
  await upload(servers[0], "set", 16);
  const dataset = await store.datasets.byName("set");
  const ids: string[] = [];
  /** Jobs that are whole, and how often each was begun. */
  const looked = new Map<string, number>();
  const add = async () => {
    const trains = ids.length % TRAINED_OF === 1;
    const spec = { to: STEPS, ms: STEP_MS, dataset_id: dataset.id };
    const { id } = trains
      ? await submit(store, TRAINING, world.version)
      : await store.jobs.insert(newJob("chain", spec));
    ids.push(id);
  };
  const jobs = async (some: string[]) =>
    await Promise.all(some.map(async (id) => await store.jobs.get(id)));
  const open = async () => {
    const left = (await jobs(ids.filter((id) => !looked.has(id))))
      .filter(({ state }) => state !== "succeeded");
    for (const { id, state, error } of left) assert.notEqual(state, "failed", `${id}: ${error}`);
    return left;
  };
  const ended = (ms: number) =>
    until(
      async () => {
        await world.reviveWorkers();
        return (await retried(open)).length === 0;
      },
      ms,
      async () => JSON.stringify(await open()),
    );

  // One of each, which nothing disturbs.
  await add();
  await add();
  await ended(90_000);
  const [chain, trained] = await jobs(ids);
  const wanted: Undisturbed = {
    chain: await chainOf(store, chain),
    trained: await trainedBy(store, trained),
  };
  const look = async () => {
    for (const job of await jobs(ids.filter((id) => !looked.has(id)))) {
      if (job.state === "succeeded") looked.set(job.id, await assertWhole(store, job, wanted));
    }
    await assertFiles(world);
  };
  await look();

  const fillUp = async () => {
    for (let n = (await open()).length; n < OPEN; n++) await add();
  };
  await fillUp();
  const dice = new Dice(seed);
  const faults = faultsOf(world, dice, long);
  const deck: typeof faults = [];
  const counts: Record<string, number> = {};
  const underWay = new Map<string, Promise<void>>();
  let wrong: unknown;
  const turn = async (round: number) => {
    // Each kind before any comes again.
    if (deck.length === 0) deck.push(...dice.shuffled(faults));
    const fault = deck.pop()!();
    const rest = 1_000 + dice.below(2_000);
    await underWay.get(fault.victim);
    counts[fault.kind] = (counts[fault.kind] ?? 0) + 1;
    tell(`round ${round}: ${fault.kind} ${fault.how} ${(fault.ms / 1000).toFixed(1)} s`);
    await fault.begin();
    const over = (async () => {
      try {
        if (fault.lapses) await retried(() => pass(store, LEASE_MS));
        await pause(fault.ms);
        await fault.end?.();
      } catch (error) {
        wrong ??= error;
      }
    })();
    underWay.set(fault.victim, over);
    await pause(rest);
    await world.reviveWorkers();
    await retried(fillUp);
    await retried(look);
    if (wrong) throw wrong;
  };
  try {
    for (let round = 1; round <= rounds; round++) await turn(round);
  } finally {
    // What is frozen can be ended by nobody.
    await Promise.all(underWay.values());
  }
  if (wrong) throw wrong;
  const left = (await retried(open)).length;
  const over = performance.now();
  await ended(END_MS);
  tell(
    `${left} jobs were left, and ended ${((performance.now() - over) / 1000).toFixed(0)} s later`,
  );
  await look();
  assert.equal(looked.size, ids.length);
  await assertSwept(world);
  const begun = [...looked.values()].reduce((sum, times) => sum + times, 0);
  return { faults: counts, jobs: ids.length, again: begun - ids.length };
}

/** While the database, or its disk, comes back. */
async function retried<T>(action: () => Promise<T>): Promise<T> {
  const until = performance.now() + 180_000;
  for (;;) {
    try {
      return await action();
    } catch (error) {
      const passing = error instanceof Unavailable || isDiskFull(error);
      if (!passing || performance.now() > until) throw error;
      await pause(500);
    }
  }
}
