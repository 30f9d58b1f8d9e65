/** Large tables of readers' decisions are read and stored in a thread, so that the caller's goes on answering. */
import type { ClusterSettings } from "@/lib/cluster_settings.ts";
import { parseBody, type Refusal } from "@/lib/json_text.ts";
import { limits } from "@/lib/threads/limits.ts";
import { ThreadPool } from "@/lib/threads/pool.ts";
import type { Store } from "@/lib/store/mod.ts";
import { putReadings, type PutReadingsOptions, type ReadingsReport } from "./reading_edit.ts";
import { readingsBody, readingsOf, readReadings } from "./readings.ts";

/** A body as it was sent. */
export interface SentReadings extends PutReadingsOptions {
  dataset: string;
  bytes: Uint8Array<ArrayBuffer>;
  form: "csv" | "json";
}

export interface ReadingsRequest extends SentReadings {
  /** The store's. */
  directory: string;
  cluster?: ClusterSettings;
}

export type ReadingsOutcome = { report: ReadingsReport } | { refusal: Refusal };

const pool = new ThreadPool(import.meta.resolve("./readings_worker.ts"), limits.readings);

/** Smaller ones take less time than a thread takes to start. */
const SMALL = 2 ** 17;
/** The file, its text, and a row for every few dozen bytes of it. */
const GROWTH = 16;

/**
 * Reads a body and puts its readings in. Throws NotFound, InvalidInput, Overloaded; the bytes of a large one are gone
 * afterwards.
 */
export async function putSentReadings(store: Store, sent: SentReadings): Promise<ReadingsOutcome> {
  const { bytes } = sent;
  if (bytes.length <= SMALL) return await putReadingsOf(store, sent);
  const request: ReadingsRequest = {
    ...sent,
    directory: store.directory,
    cluster: store.cluster?.settings,
  };
  return await pool.run<ReadingsOutcome>(request, {
    memory: GROWTH * bytes.length,
    size: bytes.length / 1e6,
    transfer: [bytes.buffer],
  });
}

/** The same in this thread. */
export async function putReadingsOf(
  store: Store,
  { dataset, bytes, form, ...options }: SentReadings,
): Promise<ReadingsOutcome> {
  if (form === "csv") {
    const table = readReadings(bytes, "readings.csv");
    return { report: await putReadings(store, dataset, table, options) };
  }
  const parsed = parseBody(bytes, readingsBody);
  if ("refusal" in parsed) return parsed;
  return { report: await putReadings(store, dataset, readingsOf(parsed.value), options) };
}
