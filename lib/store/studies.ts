/** Studies: a table of trainings. Its cells, one per row, backbone and run, are jobs of their own. */
import type { Database, SqlValue } from "./database.ts";
import { insertRows, Table } from "./table.ts";

export interface StudyRow {
  id: string;
  job_id: string;
  name: string | null;
  dataset_id: string;
  /** The resolved spec of the job. */
  spec: Record<string, unknown>;
  /** Figures of the cells done so far, as `lib/evaluation` makes them; null before the first. */
  summary: Record<string, unknown> | null;
  created_at: string;
}

export const cellStates = [
  "waiting",
  "pretraining",
  "finetuning",
  "done",
  "failed",
  "cancelled",
] as const;
export type CellState = (typeof cellStates)[number];

export interface CellRow {
  study_id: string;
  /** Place in the order of computation, from 0. */
  position: number;
  /** Key of the table's row: `scratch`, `initial`, `byol gaze`. */
  row: string;
  backbone: string;
  /** Seed, or number of the fold. */
  run: number;
  state: CellState;
  pretrain_job: string | null;
  /** The model that was pre-trained. */
  pretrained: string | null;
  finetune_job: string | null;
  model: string | null;
  evaluation: string | null;
  error: string | null;
}

export const openCells: CellState[] = ["waiting", "pretraining", "finetuning"];

export class Studies extends Table<StudyRow> {
  constructor(db: Database) {
    super(db, { table: "studies", noun: "study", json: ["spec", "summary"], newestFirst: true });
  }

  async ofJob(job_id: string): Promise<StudyRow | undefined> {
    return await this.findBy([["job_id = ?", job_id]]);
  }

  /** All cells of a study, none of them begun. */
  async insertCells(
    study_id: string,
    cells: Pick<CellRow, "row" | "backbone" | "run">[],
  ): Promise<void> {
    const rows = cells.map(({ row, backbone, run }, position) => ({
      ...{ study_id, position, row, backbone, run },
      state: "waiting",
    }));
    await this.db.transaction(async () => await insertRows(this.db, "study_cells", rows));
  }

  /** How many cells a study has, and how many of them are still open. */
  async progress(study_id: string): Promise<{ total: number; open: number }> {
    return (await this.db.get<{ total: number; open: number }>(
      `SELECT count(*) AS total, count(*) FILTER (
         WHERE state IN (${openCells.map((state) => `'${state}'`).join(", ")})
       ) AS open FROM study_cells WHERE study_id = ?`,
      study_id,
    ))!;
  }

  async updateCell(cell: CellRow, changes: Partial<CellRow>): Promise<CellRow> {
    const columns = Object.keys(changes);
    await this.db.run(
      `UPDATE study_cells SET ${columns.map((name) => `"${name}" = ?`).join(", ")}
       WHERE study_id = ? AND position = ?`,
      ...Object.values(changes) as SqlValue[],
      cell.study_id,
      cell.position,
    );
    return { ...cell, ...changes };
  }

  /** All cells in their order, or those in some states. */
  async cells(study_id: string, states?: CellState[]): Promise<CellRow[]> {
    return await this.db.all<CellRow>(
      `SELECT * FROM study_cells WHERE study_id = ?
       ${states ? `AND state IN (${states.map((state) => `'${state}'`).join(", ")})` : ""}
       ORDER BY position`,
      study_id,
    );
  }

  /** Id of a study of whose cells one has this evaluation. */
  async withEvaluation(evaluation: string): Promise<string | undefined> {
    return (await this.db.get<{ study_id: string }>(
      "SELECT study_id FROM study_cells WHERE evaluation = ? LIMIT 1",
      evaluation,
    ))?.study_id;
  }

  /** Jobs that this study queued, that have not ended, and that no other study on its way waits for. */
  async ownJobs(study_id: string): Promise<string[]> {
    return (await this.db.all<{ id: string }>(
      `SELECT id FROM jobs WHERE study = ? AND kind <> 'study'
       AND state IN ('queued', 'running', 'paused')
       AND NOT EXISTS (
         SELECT 1 FROM study_cells JOIN studies ON studies.id = study_id
         JOIN jobs AS parent ON parent.id = studies.job_id
         WHERE study_id <> ? AND parent.state IN ('queued', 'running')
         AND study_cells.state IN ('pretraining', 'finetuning')
         AND (pretrain_job = jobs.id OR finetune_job = jobs.id)
       )`,
      study_id,
      study_id,
    )).map(({ id }) => id);
  }
}
