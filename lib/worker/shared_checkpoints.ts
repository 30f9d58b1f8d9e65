/**
 * Checkpoints in the bucket of a cluster, so that a job goes on under another server when its own is gone: they go
 * there from time to time, and come from there with a claim. A file beside the directory of a job's checkpoints names
 * the claim under which they were written here.
 */
import { unquoted } from "@/lib/log.ts";
import { dirname } from "node:path";
import { ClaimLost, Damaged } from "@/lib/errors.ts";
import type { Claim } from "@/lib/jobs/outcome.ts";
import { fenceFile } from "@/lib/jobs/checkpoints.ts";
import type { Store } from "@/lib/store/mod.ts";
import { UPLOAD_MS } from "./checkpoint_copies.ts";
import { assertBelow, checkpointFiles } from "@/lib/jobs/checkpoint_files.ts";

export class SharedCheckpoints {
  #sent = -Infinity;
  #underWay?: Promise<void>;

  constructor(
    private readonly store: Store,
    private readonly log: (text: string) => void,
    private readonly uploadMs = UPLOAD_MS,
  ) {}

  /** Makes the directory of a job that was just claimed what the bucket has, unless the claim before was here too. */
  async fetch(claim: Claim): Promise<void> {
    const { store } = this;
    const directory = store.checkpoints(claim.id);
    this.#sent = -Infinity;
    if (readFence(store, claim.id) !== claim.fence - 1) {
      await Deno.remove(directory, { recursive: true }).catch((error) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      });
      for (const { path, file } of await store.checkpointRows.ofJob(claim.id)) {
        assertBelow(path);
        await Deno.mkdir(dirname(`${directory}/${path}`), { recursive: true });
        try {
          await store.files.shared!.receive(file, `${directory}/${path}`, "a checkpoint");
        } catch (error) {
          // The job takes up one before it.
          if (!(error instanceof Damaged)) throw error;
          this.log(`job ${claim.id}: ${unquoted(error.message)}`);
        }
      }
    }
    this.written(claim);
  }

  /** What lies in the directory is what was written under this claim. */
  written({ id, fence }: Claim): void {
    const path = fenceFile(this.store, id);
    Deno.mkdirSync(dirname(path), { recursive: true });
    Deno.writeTextFileSync(path, String(fence));
  }

  /** There are new ones: they are sent beside the work, unless that was done a short time ago. */
  changed(claim: Claim): void {
    if (this.#underWay || performance.now() - this.#sent < this.uploadMs) return;
    this.send(claim).catch((error) => {
      // The job hears of a lost claim itself.
      if (!(error instanceof ClaimLost)) {
        this.log(`Cannot send checkpoints: ${unquoted(error.message)}`);
      }
    });
  }

  /** Makes what the bucket has of a job what is here. @throws {ClaimLost} */
  async send(claim: Claim): Promise<void> {
    await this.#underWay?.catch(() => {});
    this.#underWay = this.#send(claim).finally(() => this.#underWay = undefined);
    await this.#underWay;
  }

  async #send(claim: Claim): Promise<void> {
    const { store } = this;
    if (readFence(store, claim.id) !== claim.fence) return;
    this.#sent = performance.now();
    const directory = store.checkpoints(claim.id);
    const rows: { path: string; file: string }[] = [];
    for (const { path, sha256 } of await checkpointFiles(directory)) {
      try {
        await store.files.shared!.send(sha256, `${directory}/${path}`);
        rows.push({ path, file: sha256 });
      } catch (error) {
        // A newer one took its place.
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    if (rows.length === 0) return;
    await store.jobs.withClaim(claim, async () => {
      const { device } = await store.jobs.get(claim.id);
      await store.checkpointRows.setOfJob(claim.id, rows, device?.description ?? null);
    });
  }
}

function readFence(store: Store, id: string): number | undefined {
  try {
    return Number(Deno.readTextFileSync(fenceFile(store, id)));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
