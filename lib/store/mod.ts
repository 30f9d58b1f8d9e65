/** The store: one SQLite database and content-addressed files in the data directory. */
import { existsSync } from "node:fs";
import type { ClusterSettings } from "@/lib/cluster_settings.ts";
import { Conflict, isDiskFull } from "@/lib/errors.ts";
import type { Queue } from "./claims.ts";
import { keepLog, keepOlderDatabase } from "./kept_database.ts";
import { CheckpointRows } from "./checkpoint_rows.ts";
import { nextTurn } from "@/lib/turns.ts";
import { type Cluster, openCluster } from "./cluster.ts";
import type { Database } from "./database.ts";
import { type AtRest, breakSeal, seal } from "./database_seal.ts";
import { Datasets } from "./datasets.ts";
import { Evaluations } from "./evaluations.ts";
import { Events } from "./events.ts";
import { Files } from "./files.ts";
import { GazeTable } from "./gaze.ts";
import { Heatmaps } from "./heatmaps.ts";
import { Idempotency } from "./idempotency.ts";
import { Images } from "./images.ts";
import { Jobs } from "./jobs.ts";
import { Keys } from "./keys.ts";
import { logDamage } from "./log_damage.ts";
import { type Lock, takeLock } from "./lock.ts";
import { Metrics } from "./metrics.ts";
import { ModelImagesTable } from "./model_images.ts";
import { Models } from "./models.ts";
import { openDatabase } from "./open_database.ts";
import { Owners } from "./owners.ts";
import { Predictions } from "./predictions.ts";
import { Readings } from "./readings.ts";
import { Reports } from "./reports.ts";
import { Reserve } from "./reserve.ts";
import { readBoundSecret } from "./secret.ts";
import {
  assertDatabaseIsThere,
  assertNoDatabase,
  isYoung,
  type SetAside,
  setAside,
} from "./set_aside.ts";
import { SharedFiles } from "./shared_files.ts";
import { Similarities } from "./similarities.ts";
import { Studies } from "./studies.ts";
import { Tuning } from "./tuning.ts";
import { unusable } from "./unusable.ts";
import { Uploads } from "./uploads.ts";
import { Workers } from "./workers.ts";

export interface StoreOptions {
  /** Joins the server that holds the directory (its worker) instead of claiming the directory. */
  shared?: boolean;
  /** What it shares with other servers; the directory then has no database, and files as a cache. */
  cluster?: ClusterSettings;
}

export class Store {
  readonly db: Database;
  readonly files: Files;
  readonly datasets: Datasets;
  readonly images: Images;
  readonly gaze: GazeTable;
  readonly heatmaps: Heatmaps;
  readonly readings: Readings;
  readonly reports: Reports;
  readonly similarities: Similarities;
  readonly models: Models;
  readonly modelImages: ModelImagesTable;
  readonly evaluations: Evaluations;
  readonly studies: Studies;
  readonly predictions: Predictions;
  readonly jobs: Jobs;
  readonly events: Events;
  readonly metrics: Metrics;
  readonly keys: Keys;
  readonly owners: Owners;
  readonly idempotency: Idempotency;
  readonly tuning: Tuning;
  /** For a store with a bucket only. */
  readonly checkpointRows: CheckpointRows;
  readonly uploads: Uploads;
  readonly workers: Workers;
  /** What the start found that nothing refers to; undefined for a shared store. */
  setAside?: SetAside;
  /** Whether the database was as the server before had left it; undefined for a shared store. */
  atRest?: AtRest;
  /** What was wrong with the log of a server that was cut off; what was acknowledged last may be lost. */
  logDamage?: string;
  /** The copy of a database that had an older schema, from before it was brought up. */
  olderDatabase?: string;
  readonly reserve: Reserve;
  /** 32 random bytes of this data directory, for keyed hashes. */
  readonly secret: Uint8Array;
  /** What it shares with other servers. */
  cluster?: Cluster & { settings: ClusterSettings };
  readonly #lock?: Lock;

  private constructor(
    readonly directory: string,
    db: Database,
    secret: Uint8Array,
    lock?: Lock,
    queue?: Queue,
  ) {
    this.#lock = lock;
    this.secret = secret;
    this.reserve = new Reserve(directory);
    this.files = new Files(`${directory}/files`, `${directory}/tmp`);
    this.uploads = new Uploads(`${directory}/uploads`);
    this.db = db;
    this.datasets = new Datasets(db, this);
    this.images = new Images(db);
    this.gaze = new GazeTable(db);
    this.heatmaps = new Heatmaps(db);
    this.readings = new Readings(db);
    this.reports = new Reports(db);
    this.similarities = new Similarities(db);
    this.models = new Models(db);
    this.modelImages = new ModelImagesTable(db);
    this.evaluations = new Evaluations(db);
    this.studies = new Studies(db);
    this.predictions = new Predictions(db);
    this.jobs = new Jobs(db, queue);
    this.events = new Events(db);
    this.metrics = new Metrics(db);
    this.keys = new Keys(db);
    this.owners = new Owners(db);
    this.idempotency = new Idempotency(db);
    this.tuning = new Tuning(db);
    this.checkpointRows = new CheckpointRows(db);
    this.workers = new Workers(db);
  }

  static async open(directory: string, options: StoreOptions): Promise<Store> {
    Deno.mkdirSync(directory, { recursive: true, mode: 0o700 });
    const lock = options.shared ? undefined : takeLock(directory);
    try {
      if (options.cluster) return await Store.#openShared(directory, options.cluster, lock);
      const database = `${directory}/mcgip.db`;
      assertDatabaseIsThere(directory, database);
      const begun = existsSync(database) && Deno.statSync(database).size > 0;
      const damage = lock && logDamage(`${database}-wal`);
      if (damage !== undefined) keepLog(directory);
      const atRest = lock && breakSeal(database);
      const olderDatabase = begun ? await keepOlderDatabase(directory) : undefined;
      const db = await openDatabase(database, { check: lock !== undefined });
      let secret: Uint8Array;
      try {
        secret = await readBoundSecret(directory, db, { mayMake: !begun });
      } catch (error) {
        await db.close();
        throw error;
      }
      const store = new Store(directory, db, secret, lock);
      store.atRest = atRest;
      store.olderDatabase = olderDatabase;
      store.logDamage = damage;
      if (lock) await store.#begin();
      return store;
    } catch (error) {
      lock?.release();
      throw error;
    }
  }

  /** A store whose rows and files are those of other servers too. */
  static async #openShared(
    directory: string,
    settings: ClusterSettings,
    lock?: Lock,
  ): Promise<Store> {
    assertNoDatabase(directory);
    const cluster = await openCluster(settings, { joined: lock === undefined });
    const store = new Store(directory, cluster.db, cluster.secret, lock, cluster.queue);
    store.cluster = { ...cluster, settings };
    store.files.shared = new SharedFiles(
      store.files,
      cluster.remote,
      cluster.db,
      cluster.owner,
      settings.cacheBytes,
    );
    if (lock) {
      store.files.emptyTemporary(await store.#useOf());
      store.uploads.list();
      await store.idempotency.purge({ unfinished: 1 });
      store.reserve.take();
    }
    return store;
  }

  /**
   * At a start: whether a file that no row refers to may be one that a worker has under way, which has outlived the
   * server before. Without such workers none is.
   */
  async #useOf(): Promise<(path: string) => boolean> {
    return await this.workers.count() === 0 ? () => false : isYoung;
  }

  /** What the server that holds the directory does when it starts. */
  async #begin(): Promise<void> {
    const { db, files } = this;
    const isInUse = await this.#useOf();
    const rows = await db.all<{ sha256: string }>("SELECT sha256 FROM file_references");
    const jobs = await db.all<{ id: string }>("SELECT id FROM jobs");
    files.emptyTemporary(isInUse);
    // Those that have expired go.
    this.uploads.list();
    this.setAside = setAside(this.directory, files, {
      referred: new Set(rows.map(({ sha256 }) => sha256)),
      jobs: new Set(jobs.map(({ id }) => id)),
      isInUse,
    });
    // Whoever asked by those without an answer has asked a server that is gone.
    await this.idempotency.purge({ unfinished: 0 });
    this.reserve.take();
  }

  /** The directory of a job's checkpoints (not made here). */
  checkpoints(job_id: string): string {
    return `${this.directory}/checkpoints/${job_id}`;
  }

  /** Lets workers that open the directory themselves know of which version the server is that holds it. */
  announce(version: string): void {
    this.#lock?.announce(version);
  }

  /** Cached arrays that can be made again at any time. */
  get cache(): string {
    return `${this.directory}/cache`;
  }

  /**
   * Inserts rows that refer to files just put: in one transaction that first makes sure that the
   * files are there, and unpins them. When `insert` throws, nothing is kept.
   */
  async commitFiles<T>(sha256s: string[], insert: () => Promise<T>): Promise<T> {
    try {
      const result = await this.commitStored(sha256s, insert);
      await this.#unpin(sha256s);
      return result;
    } catch (error) {
      await this.discard(sha256s);
      throw error;
    }
  }

  /** The same with files that another process has put, and pinned where it must. */
  async commitStored<T>(sha256s: string[], insert: () => Promise<T>): Promise<T> {
    await this.files.shared?.publish(sha256s);
    return await this.db.transaction(async () => {
      for (const sha256 of new Set(sha256s)) {
        if (!this.files.shared && !this.files.keep(sha256)) {
          throw new Conflict(`Cannot keep file ${sha256}: it was removed meanwhile, try again`);
        }
      }
      return await insert();
    });
  }

  /** Unpins files whose rows will not come, and removes those nobody else needs. */
  async discard(sha256s: string[]): Promise<void> {
    await this.#unpin(sha256s);
    await this.collectGarbage(sha256s);
  }

  async #unpin(sha256s: string[]): Promise<void> {
    for (const part of partsOf(sha256s)) {
      this.files.unpin(part);
      await nextTurn();
    }
  }

  /** Removes those of the files that no row refers to and nobody has pinned; many in turns with others' work. */
  async collectGarbage(sha256s: Iterable<string>): Promise<void> {
    for (const part of partsOf([...new Set(sha256s)])) {
      // In a write transaction, so that no other process inserts a reference meanwhile.
      await this.db.transaction(async () => {
        for (const sha256 of part) {
          const referred = await this.db.get(
            "SELECT 1 FROM file_references WHERE sha256 = ? LIMIT 1",
            sha256,
          );
          if (!referred && !this.files.isPinned(sha256)) this.files.remove(sha256);
        }
      });
      await nextTurn();
    }
  }

  async close(): Promise<void> {
    await this.cluster?.close();
    await this.db.close();
    if (this.#lock && !this.cluster) seal(`${this.directory}/mcgip.db`);
    this.#lock?.release();
  }
}

/** Files that are looked at and removed without a turn for others: some milliseconds. */
const FREED_AT_ONCE = 10;

function* partsOf(sha256s: string[]): Generator<string[]> {
  for (let from = 0; from < sha256s.length; from += FREED_AT_ONCE) {
    yield sha256s.slice(from, from + FREED_AT_ONCE);
  }
}

/**
 * Opens the data directory, on a full disk in the room that is kept for it.
 * @throws {Conflict} when another server uses it, it may not be written, or its database is gone
 */
export async function openStore(directory: string, options: StoreOptions = {}): Promise<Store> {
  try {
    return await openInReserve(directory, options);
  } catch (error) {
    throw unusable(directory, error) ?? error;
  }
}

async function openInReserve(directory: string, options: StoreOptions): Promise<Store> {
  try {
    return await Store.open(directory, options);
  } catch (error) {
    if (!isDiskFull(error)) throw error;
    new Reserve(directory).release();
    try {
      return await Store.open(directory, options);
    } catch (again) {
      if (!isDiskFull(again)) throw again;
      throw new Error(
        `Cannot open ${directory}: its disk is full; free some megabytes of it first`,
      );
    }
  }
}

export type { Page, PageOptions } from "./table.ts";
export { type DatasetRow, type HashedDatasetRow, type NameMode, nameModes } from "./datasets.ts";
export { type Findings, type ImageRow, type SplitName, splitNames } from "./images.ts";
export type { GazeCount, GazeRow } from "./gaze.ts";
export type { HeatmapRow } from "./heatmaps.ts";
export type { JobChanges, JobFilter, JobProgress, JobRow, JobState } from "./jobs.ts";
export { finishedStates, jobStates } from "./jobs.ts";
export { type EventRow, type EventType, eventTypes } from "./events.ts";
export type { MetricRow } from "./metrics.ts";
export type { Layout, SimilarityRow } from "./similarities.ts";
export { type ModelRow, type ModelSpec, modelSpecSchema } from "./models.ts";
export type { ModelImages, SeenSet } from "./model_images.ts";
export { type EvaluationRow, type SeenImages, seenSchema } from "./evaluations.ts";
export { type CellRow, type CellState, cellStates, openCells, type StudyRow } from "./studies.ts";
export type { PredictionFilter, PredictionQuery, PredictionRow } from "./predictions.ts";
export { type KeyLimits, type KeyRow, type Scope, scopes } from "./keys.ts";
export type { IdempotencyState, KeptAnswer } from "./idempotency.ts";
export type { NamedReading, ReadingRow } from "./readings.ts";
export type { ReportRow } from "./reports.ts";
export type { SelectedVariants } from "./tuning.ts";
export { newId } from "./id.ts";
export { now } from "./table.ts";
