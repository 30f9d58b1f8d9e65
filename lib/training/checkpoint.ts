/**
 * Checkpoints: safetensors files whose names carry step and SHA-256. One is there whole or not at all
 * (temporary file, fsync, rename, fsync of the directory); a damaged one is set aside.
 */
import { createHash } from "node:crypto";
import { readSafetensors, safetensorsParts } from "@/lib/models/safetensors.ts";
import type { JobContext } from "@/lib/specs/job_context.ts";
import { pieces, syncDirectory, writeSynced } from "@/lib/store/disk_files.ts";

/** Named values: weights, optimiser state, queues. */
export type State = Map<string, { shape: number[]; data: Float32Array<ArrayBuffer> }>;

/** All that an identical continuation needs; random numbers are counter-based and need nothing. */
export interface Checkpoint {
  state: State;
  /** Counters, resolved spec, digests, code version, adapter: plain JSON. */
  meta: Record<string, unknown>;
}

const NAME = /^(step|best)-(\d{10})-([0-9a-f]{64})\.safetensors$/;
const KEPT = 3;

interface Entry {
  kind: "step" | "best";
  step: number;
  sha256: string;
  path: string;
}

/** Between two of them steps go on. */
function* inPieces(parts: Uint8Array[]): Generator<Uint8Array> {
  for (const part of parts) yield* pieces(part);
}

/** Tells the job's reader, and by `damaged` the server's log. */
export const tellingDamage = (context: Pick<JobContext, "event">) => (message: string): void =>
  context.event("warning", { message, damaged: "checkpoint" });

/** The checkpoints of one job, in a directory of its own. */
export class Checkpoints {
  /** @param onDamage told what was set aside */
  constructor(readonly directory: string, readonly onDamage: (message: string) => void = () => {}) {
    Deno.mkdirSync(directory, { recursive: true });
    for (const entry of Deno.readDirSync(directory)) {
      if (entry.name.endsWith(".tmp")) Deno.removeSync(`${directory}/${entry.name}`);
    }
  }

  /**
   * Writes a checkpoint of `step`; of kind `step` the last three are kept, of `best` the last one. Its state must stay
   * as it is until it is written; `meta` is taken at once.
   */
  async save(
    step: number,
    { state, meta }: Checkpoint,
    kind: Entry["kind"] = "step",
  ): Promise<string> {
    const parts = [...safetensorsParts(state, { checkpoint: JSON.stringify(meta) })];
    const temporary = `${this.directory}/${crypto.randomUUID()}.tmp`;
    const { sha256 } = await writeSynced(temporary, inPieces(parts));
    const name = `${kind}-${String(step).padStart(10, "0")}-${sha256}.safetensors`;
    await Deno.rename(temporary, `${this.directory}/${name}`);
    syncDirectory(this.directory);
    for (const old of this.#entries(kind).slice(kind === "step" ? KEPT : 1)) {
      Deno.removeSync(old.path);
    }
    return sha256;
  }

  /** The newest sound checkpoint, or undefined; damaged ones are renamed and reported. */
  async load(kind: Entry["kind"] = "step"): Promise<(Checkpoint & { step: number }) | undefined> {
    for (const { path, step, sha256 } of this.#entries(kind)) {
      try {
        const bytes = await Deno.readFile(path);
        const found = createHash("sha256").update(bytes).digest("hex");
        if (found !== sha256) throw new Error(`its SHA-256 is ${found}`);
        const { tensors, metadata } = readSafetensors(bytes);
        return { step, state: tensors, meta: JSON.parse(metadata.checkpoint) };
      } catch (error) {
        Deno.renameSync(path, `${path}.damaged`);
        this.onDamage(
          `Cannot use checkpoint of step ${step}: ${
            (error as Error).message
          }; it goes on from the one before`,
        );
      }
    }
    return undefined;
  }

  /** Removes every checkpoint, once the job's result is stored. */
  clear(): void {
    Deno.removeSync(this.directory, { recursive: true });
  }

  /** Newest first. */
  #entries(kind: Entry["kind"]): Entry[] {
    return [...Deno.readDirSync(this.directory)].flatMap(({ name }) => {
      const match = NAME.exec(name);
      if (match?.[1] !== kind) return [];
      const [, , step, sha256] = match;
      return [{ kind, step: Number(step), sha256, path: `${this.directory}/${name}` }];
    }).sort((a, b) => b.step - a.step);
  }
}
