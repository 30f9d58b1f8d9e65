/** What has been made from a data set, counted: one look at each table. */
import type { Database } from "./database.ts";
import { type JobState, jobStates } from "./jobs.ts";

export interface OverviewCounts {
  /** Jobs of the data set by state; all states are there. */
  jobs: Record<JobState, number>;
  similarities: { count: number; newest: { id: string; measure: string } | null };
  models: { pretrained: number; classifiers: number };
  evaluations: number;
  studies: { count: number; newest: { id: string; name: string | null } | null };
  predictions: number;
}

/** @param dataset.name jobs and predictions know a data set by its name */
export async function overviewCounts(
  db: Database,
  { id, name }: { id: string; name: string },
): Promise<OverviewCounts> {
  const count = async (sql: string, value: string) =>
    (await db.get<{ n: number }>(sql, value))?.n ?? 0;
  const states = await db.all<{ state: JobState; n: number }>(
    "SELECT state, count(*) AS n FROM jobs WHERE spec ->> 'dataset' = ? GROUP BY state",
    name,
  );
  const kinds = await db.all<{ kind: string; n: number }>(
    "SELECT kind, count(*) AS n FROM models WHERE dataset_id = ? GROUP BY kind",
    id,
  );
  const made = (kind: string) => kinds.find((one) => one.kind === kind)?.n ?? 0;
  const similarity = await db.get<{ id: string; measure: string }>(
    "SELECT id, measure FROM similarities WHERE dataset_id = ? ORDER BY id DESC LIMIT 1",
    id,
  );
  const study = await db.get<{ id: string; name: string | null }>(
    "SELECT id, name FROM studies WHERE dataset_id = ? ORDER BY id DESC LIMIT 1",
    id,
  );
  return {
    jobs: Object.fromEntries(
      jobStates.map((state) => [state, states.find((one) => one.state === state)?.n ?? 0]),
    ) as Record<JobState, number>,
    similarities: {
      count: await count("SELECT count(*) AS n FROM similarities WHERE dataset_id = ?", id),
      newest: similarity ?? null,
    },
    models: { pretrained: made("pretrained"), classifiers: made("classifier") },
    evaluations: await count("SELECT count(*) AS n FROM evaluations WHERE dataset_id = ?", id),
    studies: {
      count: await count("SELECT count(*) AS n FROM studies WHERE dataset_id = ?", id),
      newest: study ?? null,
    },
    predictions: await count("SELECT count(*) AS n FROM predictions WHERE dataset = ?", name),
  };
}
