/** The GPU thread of a test worker: kinds of jobs that show what the queue does, and real trainings. */
import { createHash } from "node:crypto";
import { Distribution } from "@/lib/gaze/similarity/distribution.ts";
import type { JobHandler } from "@/lib/jobs/kinds/handler.ts";
import { pretrain } from "@/lib/jobs/kinds/pretrain.ts";
import type { JobContext } from "@/lib/specs/job_context.ts";
import { newId, now } from "@/lib/store/mod.ts";
import { runThread } from "@/lib/worker/gpu_service.ts";

/** Counts to `to`, one each `ms`, with a checkpoint every ten; the result tells where each run began. */
const count: JobHandler = {
  async run(context: JobContext) {
    const { to, ms } = context.job.spec as { to: number; ms: number };
    const { starts } = await counted(context, { to, ms });
    return { starts };
  },
};

/** The same, each step computed from the one before; what comes of it is kept as a similarity's file. */
const chain: JobHandler = {
  async run(context: JobContext) {
    const { store, job } = context;
    const { to, ms, dataset_id } = job.spec as { to: number; ms: number; dataset_id: string };
    const { starts, state } = await counted(context, { to, ms });
    const made = await store.similarities.ofJob(job.id);
    if (!made) {
      const { sha256 } = await store.files.put(expand(state));
      const id = newId("sim");
      await context.publish({
        similarity: {
          ...{ id, dataset_id, job_id: job.id, file: sha256, dataset_digest: state },
          ...{ measure: "chain", params: {}, images: [], components: ["chain"], invalid: [] },
          ...{ layout: { kind: "matrix" }, created_at: now() },
          histogram: { ...new Distribution([0, 1]).data },
        },
      });
      store.files.unpin([sha256]);
    }
    // So that faults come between the two.
    for (let i = 0; i < 10; i++) {
      await context.yield();
      await pause(ms);
    }
    return { starts };
  },
};

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface Counted {
  at: number;
  /** Where each run began. */
  starts: number[];
  /** Hash of the step and of the state before it. */
  state: string;
}

async function counted(
  context: JobContext,
  { to, ms }: { to: number; ms: number },
): Promise<Counted> {
  const path = `${context.checkpoints}/count.json`;
  const saved = readCheckpoint(path);
  const starts = [...saved.starts, saved.at];
  let { state } = saved;
  for (let at = saved.at; at < to; at++) {
    if (at % 10 === 0) {
      // As a training does: what was told up to here is kept before the checkpoint.
      await context.flush();
      Deno.writeTextFileSync(`${path}.new`, JSON.stringify({ at, starts, state }));
      Deno.renameSync(`${path}.new`, path);
      context.event("checkpoint", { step: at });
      await context.flush();
    }
    state = createHash("sha256").update(`${state} ${at}`).digest("hex");
    context.metric(at, at / 10, { value: at });
    context.progress(at, to, "steps");
    await context.yield();
    await pause(ms);
  }
  context.progress(to, to, "steps");
  return { at: to, starts, state };
}

function readCheckpoint(path: string): Counted {
  try {
    return JSON.parse(Deno.readTextFileSync(path));
  } catch {
    return { at: 0, starts: [], state: "" };
  }
}

/** 64 KiB that a state gives. */
function expand(state: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(2 ** 16);
  for (let at = 0; at < bytes.length; at += 32) {
    bytes.set(createHash("sha256").update(`${state} ${at}`).digest(), at);
  }
  return bytes;
}

/** Takes the whole process down, as a lost device may, always behind the same checkpoint. */
const crash: JobHandler = {
  async run(context) {
    context.event("checkpoint", { step: 5 });
    await context.flush();
    Deno.kill(Deno.pid, "SIGKILL");
    return new Promise(() => {});
  },
};

/** Keeps the thread busy, as a long wait for the GPU does. */
const block: JobHandler = {
  run({ job }) {
    const end = Date.now() + (job.spec as { ms: number }).ms;
    while (Date.now() < end);
    return Promise.resolve({});
  },
};

const refuse: JobHandler = {
  run() {
    throw new Error("Cannot do this: it is not meant to work");
  },
};

runThread({
  chain: () => Promise.resolve(chain),
  count: () => Promise.resolve(count),
  crash: () => Promise.resolve(crash),
  block: () => Promise.resolve(block),
  pretrain: () => Promise.resolve(pretrain),
  refuse: () => Promise.resolve(refuse),
});
