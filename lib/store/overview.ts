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
  dataset: { id: string; name: string },
): Promise<OverviewCounts> {
  const count = async (table: string, column: string, value: string) =>
    Number(
      (await db.get<{ n: number }>(`SELECT count(*) AS n FROM ${table} WHERE ${column} = ?`, value))
        ?.n ?? 0,
    );
  const states = await db.all<{ state: JobState; n: number }>(
    "SELECT state, count(*) AS n FROM jobs WHERE spec ->> 'dataset' = ? GROUP BY 1",
    dataset.name,
  );
  const kinds = await db.all<{ kind: string; n: number }>(
    "SELECT kind, count(*) AS n FROM models WHERE dataset_id = ? GROUP BY 1",
    dataset.id,
  );
  const sent = await db.get<{ n: number }>(
    "SELECT count(*) AS n FROM predictions JOIN models ON models.id = predictions.model_id " +
      "WHERE predictions.dataset IS NULL AND models.dataset_id = ?",
    dataset.id,
  );
  const made = (kind: string) => Number(kinds.find((one) => one.kind === kind)?.n ?? 0);
  return {
    jobs: Object.fromEntries(
      jobStates.map((
        state,
      ) => [state, Number(states.find((one) => one.state === state)?.n ?? 0)]),
    ) as Record<JobState, number>,
    similarities: {
      count: await count("similarities", "dataset_id", dataset.id),
      newest: await db.get<{ id: string; measure: string }>(
        "SELECT id, measure FROM similarities WHERE dataset_id = ? ORDER BY id DESC LIMIT 1",
        dataset.id,
      ) ?? null,
    },
    models: { pretrained: made("pretrained"), classifiers: made("classifier") },
    evaluations: await count("evaluations", "dataset_id", dataset.id),
    studies: {
      count: await count("studies", "dataset_id", dataset.id),
      newest: await db.get<{ id: string; name: string | null }>(
        "SELECT id, name FROM studies WHERE dataset_id = ? ORDER BY id DESC LIMIT 1",
        dataset.id,
      ) ?? null,
    },
    predictions: await count("predictions", "dataset", dataset.name) + Number(sent?.n ?? 0),
  };
}
