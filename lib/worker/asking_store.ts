/** The store as a worker has it: questions go to its desk, long answers come in pages. */
import { Damaged } from "@/lib/errors.ts";
import { Files } from "@/lib/store/files.ts";
import type { GazeRow, HeatmapRow, ImageRow, Page } from "@/lib/store/mod.ts";
import { questions, type WorkerStore } from "@/lib/store/worker_store.ts";
import { fromAnswer } from "./answer.ts";
import type { Desk } from "./desk.ts";

/** By these the long answers are asked for, a page at a time. */
export const pagedQuestions = {
  images: ["listOf"],
  gaze: ["ofImages"],
  heatmaps: ["ofImages"],
} as const;

/** Images of a page: their gaze makes a message of some hundred kilobytes. */
const PAGE = 200;

/** The server's files; what the directory lacks, it brings. */
class AskedFiles extends Files {
  constructor(directory: string, private readonly desk: Desk) {
    super(`${directory}/files`, `${directory}/tmp`);
  }

  override async fetch(sha256: string): Promise<void> {
    if (!this.has(sha256)) await this.desk.bring(sha256);
  }

  /** The server looks at its own, and fetches a damaged one anew where it has it from elsewhere. */
  protected override async renew(sha256: string): Promise<boolean> {
    try {
      await this.desk.bring(sha256);
      return true;
    } catch (error) {
      // Who reads it says what it is of.
      if (error instanceof Damaged) return false;
      throw error;
    }
  }
}

export interface Place {
  /** Of files, checkpoints and caches: the server's own, or one of the worker's. */
  directory: string;
  /** That of all jobs' checkpoints, where it is another. */
  checkpoints?: string;
  files?: Files;
}

export function askingStore(
  desk: Desk,
  { directory, checkpoints = `${directory}/checkpoints`, files }: Place,
): WorkerStore {
  const ask = async <T>(table: string, method: string, ...args: unknown[]): Promise<T> =>
    fromAnswer(await desk.ask(table, method, args)) as T;
  const tables = Object.fromEntries(
    Object.entries(questions).map(([table, methods]) => [
      table,
      Object.fromEntries(
        methods.map((method) => [method, (...args: unknown[]) => ask(table, method, ...args)]),
      ),
    ]),
  ) as unknown as WorkerStore;

  async function* pages(dataset_id: string): AsyncGenerator<ImageRow[]> {
    let after: string | undefined;
    do {
      const options = { limit: PAGE, after };
      const page = await ask<Page<ImageRow>>("images", "listOf", dataset_id, options);
      yield page.data;
      after = page.next ?? undefined;
    } while (after !== undefined);
  }

  async function byImage<Row>(
    table: "gaze" | "heatmaps",
    dataset_id: string,
    pick: (row: Row) => boolean,
  ): Promise<Map<string, Row[]>> {
    const all = new Map<string, Row[]>();
    for await (const images of pages(dataset_id)) {
      const ids = images.map(({ id }) => id);
      const found = await ask<Map<string, Row[]>>(table, "ofImages", ids);
      for (const [id, rows] of found) {
        const picked = rows.filter(pick);
        if (picked.length > 0) all.set(id, picked);
      }
    }
    return all;
  }

  return {
    ...tables,
    images: {
      ...tables.images,
      async all(dataset_id) {
        const all: ImageRow[] = [];
        for await (const images of pages(dataset_id)) all.push(...images);
        return all;
      },
    },
    gaze: {
      ofDataset: (id, readers) =>
        byImage<GazeRow>("gaze", id, ({ reader }) => !readers || readers.includes(reader)),
    },
    heatmaps: { ofDataset: (id) => byImage<HeatmapRow>("heatmaps", id, () => true) },
    files: files ?? new AskedFiles(directory, desk),
    cache: `${directory}/cache`,
    checkpoints: (job_id) => `${checkpoints}/${job_id}`,
  };
}
