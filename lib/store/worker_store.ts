/**
 * What the work on a job asks of the store. The store itself is one; a worker has another, whose answers come from the
 * server, and its files from a directory of its own or the server's.
 */
import type { Store } from "./mod.ts";

/** The questions: names of methods by table. Their arguments and answers are plain data, and maps of it. */
export const questions = {
  datasets: ["byName", "find", "hashed", "gazeDigestOf"],
  images: ["all", "get", "labels"],
  gaze: ["ofDataset"],
  heatmaps: ["ofDataset"],
  models: ["resolve", "get", "find", "ofJob"],
  modelImages: ["of"],
  similarities: ["get", "ofJob"],
  evaluations: ["ofJob"],
  tuning: ["ofDevice", "add", "ofJob", "setOfJob"],
} as const satisfies { [Table in keyof Store]?: readonly (keyof Store[Table])[] };

export type Questions = typeof questions;

export type WorkerStore =
  & {
    readonly [Table in keyof Questions]: Pick<
      Store[Table],
      Questions[Table][number] & keyof Store[Table]
    >;
  }
  & Pick<Store, "cache" | "checkpoints" | "files">;
