/** Checkpoints of a job that runs elsewhere: they come from the server with its claim, and go there from time to time. */
import { unquoted } from "@/lib/log.ts";
import type { Claim } from "@/lib/jobs/outcome.ts";
import { ClaimLost } from "@/lib/errors.ts";
import {
  type CheckpointFile,
  checkpointFiles,
  keepOnly,
  writeCheckpointFile,
} from "@/lib/jobs/checkpoint_files.ts";
import type { Links } from "./links.ts";
import type { Transfer } from "./transfer.ts";

/** Between two uploads while a job runs, ms: so much work is lost when its machine is. */
export const UPLOAD_MS = 300_000;

export interface CheckpointCopiesOptions {
  /** That of all jobs' checkpoints, of this worker alone. */
  directory: string;
  links: Links;
  transfer: Transfer;
  uploadMs?: number;
  log(text: string): void;
}

export class CheckpointCopies {
  readonly #options: CheckpointCopiesOptions;
  #uploaded = -Infinity;
  #underWay?: Promise<void>;

  constructor(options: CheckpointCopiesOptions) {
    this.#options = options;
  }

  #of(claim: Claim): string {
    return `${this.#options.directory}/${claim.id}`;
  }

  /** Makes the directory of a job what the server has; those of other jobs go. */
  async fetch(claim: Claim): Promise<void> {
    const { directory, links, transfer } = this.#options;
    this.#uploaded = -Infinity;
    const files = await links.call<CheckpointFile[]>("checkpoints", [claim]);
    keepOnly(directory, []);
    // Of a worker that has run no job yet it is not there.
    await Deno.mkdir(directory, { recursive: true });
    for (const file of files) {
      await transfer.get(
        `checkpoints/${claim.id}/${file.path}`,
        (body) =>
          writeCheckpointFile(this.#of(claim), file, body, `${directory}/${crypto.randomUUID()}`),
      );
    }
  }

  /** There are new ones: they are sent beside the work, unless that was done a short time ago. */
  changed(claim: Claim): void {
    const { uploadMs = UPLOAD_MS, log } = this.#options;
    if (this.#underWay || performance.now() - this.#uploaded < uploadMs) return;
    this.upload(claim).catch((error) => {
      // The job hears of a lost claim itself.
      if (!(error instanceof ClaimLost)) log(`Cannot send checkpoints: ${unquoted(error.message)}`);
    });
  }

  /** Makes what the server has of a job what is here. @throws {ClaimLost} */
  async upload(claim: Claim): Promise<void> {
    await this.#underWay?.catch(() => {});
    this.#underWay = this.#send(claim).finally(() => this.#underWay = undefined);
    await this.#underWay;
  }

  async #send(claim: Claim): Promise<void> {
    const { links, transfer } = this.#options;
    this.#uploaded = performance.now();
    const directory = this.#of(claim);
    const there = new Map(
      (await links.call<CheckpointFile[]>("checkpoints", [claim])).map((
        file,
      ) => [file.path, file.sha256]),
    );
    const kept: string[] = [];
    for (const { path, sha256 } of await checkpointFiles(directory)) {
      if (there.get(path) !== sha256) {
        const query = { fence: String(claim.fence), sha256 };
        try {
          await transfer.put(`checkpoints/${claim.id}/${path}`, `${directory}/${path}`, query);
        } catch (error) {
          // A newer one took its place.
          if (error instanceof Deno.errors.NotFound) continue;
          throw error;
        }
      }
      kept.push(path);
    }
    await links.call("keepCheckpoints", [claim, kept]);
  }
}
