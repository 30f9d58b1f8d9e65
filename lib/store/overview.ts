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
export function overviewCounts(
  db: Database,
  dataset: { id: string; name: string },
): OverviewCounts {
  const count = (sql: string, value: string) => db.get<{ n: number }>(sql, value)!.n;
  const states = db.all<{ state: JobState; n: number }>(
    "SELECT state, count(*) AS n FROM jobs WHERE json_extract(spec, '$.dataset') = ? GROUP BY 1",
    dataset.name,
  );
  const kinds = db.all<{ kind: string; n: number }>(
    "SELECT kind, count(*) AS n FROM models WHERE dataset_id = ? GROUP BY 1",
    dataset.id,
  );
  const made = (kind: string) => kinds.find((one) => one.kind === kind)?.n ?? 0;
  return {
    jobs: Object.fromEntries(
      jobStates.map((state) => [state, states.find((one) => one.state === state)?.n ?? 0]),
    ) as Record<JobState, number>,
    similarities: {
      count: count("SELECT count(*) AS n FROM similarities WHERE dataset_id = ?", dataset.id),
      newest: db.get<{ id: string; measure: string }>(
        "SELECT id, measure FROM similarities WHERE dataset_id = ? ORDER BY id DESC LIMIT 1",
        dataset.id,
      ) ?? null,
    },
    models: { pretrained: made("pretrained"), classifiers: made("classifier") },
    evaluations: count("SELECT count(*) AS n FROM evaluations WHERE dataset_id = ?", dataset.id),
    studies: {
      count: count("SELECT count(*) AS n FROM studies WHERE dataset_id = ?", dataset.id),
      newest: db.get<{ id: string; name: string | null }>(
        "SELECT id, name FROM studies WHERE dataset_id = ? ORDER BY id DESC LIMIT 1",
        dataset.id,
      ) ?? null,
    },
    predictions: count("SELECT count(*) AS n FROM predictions WHERE dataset = ?", dataset.name),
  };
}
