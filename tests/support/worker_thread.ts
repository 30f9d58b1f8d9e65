/** The GPU thread of a test worker: kinds of jobs that show what the queue does, and no others. */
import type { JobHandler } from "@/lib/jobs/kinds/handler.ts";
import type { JobContext } from "@/lib/specs/job_context.ts";
import { runThread } from "@/lib/worker/gpu_service.ts";

/** Counts to `to`, one each `ms`, with a checkpoint every ten; the result tells where each run began. */
const count: JobHandler = {
  async run(context: JobContext) {
    const { to, ms } = context.job.spec as { to: number; ms: number };
    const path = `${context.checkpoints}/count.json`;
    const saved = readCheckpoint(path);
    const starts = [...saved.starts, saved.at];
    for (let at = saved.at; at < to; at++) {
      if (at % 10 === 0) {
        // As a training does: what was told up to here is kept before the checkpoint.
        await context.flush();
        Deno.writeTextFileSync(`${path}.new`, JSON.stringify({ at, starts }));
        Deno.renameSync(`${path}.new`, path);
        context.event("checkpoint", { step: at });
        await context.flush();
      }
      context.metric(at, at / 10, { value: at });
      context.progress(at, to, "steps");
      await context.yield();
      await new Promise((resolve) => setTimeout(resolve, ms));
    }
    context.progress(to, to, "steps");
    return { starts };
  },
};

function readCheckpoint(path: string): { at: number; starts: number[] } {
  try {
    return JSON.parse(Deno.readTextFileSync(path));
  } catch {
    return { at: 0, starts: [] };
  }
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
  count: () => Promise.resolve(count),
  crash: () => Promise.resolve(crash),
  block: () => Promise.resolve(block),
  refuse: () => Promise.resolve(refuse),
});
