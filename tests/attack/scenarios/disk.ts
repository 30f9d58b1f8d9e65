/** A small file system that fills and empties while clients write and a job trains. */
import { fill, mountSmallDisk, unmountSmallDisk } from "../../support/small_disk.ts";
import { type Client, images, imports, resumable } from "../clients.ts";
import { ended, type Job, putSet, run } from "../content.ts";
import { Ledger, unsound, weightsOf } from "../ledger.ts";
import { type Attempt, type Scenario } from "../scenario.ts";
import { pause, Victim, within } from "../victim.ts";

export const disk: Scenario = {
  unit: "times that the disk was full",
  promise: "fail no job, lose nothing acknowledged, and keep reads, deletions and starts going",
  async run(attempt) {
    const data = mountSmallDisk(160);
    if (!data) {
      attempt.skipped = "mounting a small file system needs root";
      return;
    }
    try {
      await assail(attempt, data);
    } finally {
      unmountSmallDisk(data, { lazy: true });
    }
  },
};

const training = {
  ...{
    kind: "pretrain",
    dataset: "t",
    method: "byol",
    arm: "none",
    backbone: "resnet18",
    width: 4,
  },
  ...{ image_size: 32, epochs: 12, batch_size: 6, seed: 1, tuning: "off" },
};

async function assail(attempt: Attempt, directory: string): Promise<void> {
  const data = `${directory}/data`;
  const full = `${directory}/full`;
  const victim = await Victim.start({ data });
  const ledger = new Ledger();
  try {
    await putSet(victim, "t", 24);
    const wanted = await weightsOf(victim, await run(victim, training));
    const clients: Client[] = [images, imports, resumable];
    for (let round = 0; round < attempt.count(3, 40) && attempt.time; round++) {
      attempt.tried();
      const stop = new AbortController();
      const what = `round ${round}`;
      const { id } = await victim.json<Job>("POST", "/v1/jobs", training);
      await putSet(victim, `gone${round}`, 4);
      const writing = clients.map((client, i) =>
        client(victim, ledger, `d${round}${i}`, stop.signal)
      );
      await pause(attempt.dice.between(100, 1500));
      fill(full);
      await pause(attempt.dice.between(500, 2500));
      fill(full);
      if (!await reads(victim)) attempt.harm(`${what}: no reads on a full disk`);
      const deleted = await victim.fetch(`/v1/datasets/gone${round}`, { method: "DELETE" });
      await deleted.body?.cancel();
      if (deleted.status !== 204) {
        attempt.harm(`${what}: a deletion on a full disk: ${deleted.status}`);
      }
      stop.abort();
      await Promise.all(writing);
      if (round % 3 === 1) {
        await victim.cut();
        await victim.start();
        // It is not ready while nothing can be written, but reads are answered.
        if (!await within(30_000 * attempt.slowness, () => reads(victim))) {
          attempt.harm(`${what}: no start on a full disk: ${victim.log.slice(-500)}`);
        }
      }
      Deno.removeSync(full);
      const got = await weightsOf(victim, await ended(victim, id));
      if (got !== wanted) attempt.harm(`${what}: the training ends otherwise: ${got}`);
      for (const wrong of [...await ledger.broken(victim), ...unsound(data)]) {
        attempt.harm(`${what}: ${wrong}`);
      }
      for (const path of [...ledger.offsets.keys()]) {
        await victim.json("DELETE", path).catch(() => {});
      }
      ledger.offsets.clear();
    }
    attempt.note(`${ledger.size} acknowledged writes are still there`);
  } finally {
    await victim.end();
  }
}

async function reads(victim: Victim): Promise<boolean> {
  const answer = await victim.fetch("/v1/datasets/t/images/c001/image.png").catch(() => undefined);
  await answer?.body?.cancel();
  return answer?.status === 200;
}
