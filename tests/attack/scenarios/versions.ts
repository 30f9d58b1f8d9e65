/** Data directories as older servers left them, a training cut off among them: they open, and go on as they were. */
import { existsSync } from "node:fs";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { versions as schemas } from "@/lib/store/migrations.ts";
import { ended, furnish, type Job, run, type Stage } from "../content.ts";
import { digest, weightsOf } from "../ledger.ts";
import { type Attempt, type Scenario, withFolder } from "../scenario.ts";
import { Victim, within } from "../victim.ts";

export const versions: Scenario = {
  unit: "old data directories",
  promise:
    "of every earlier schema open, answer what they answered, and end their trainings as begun",
  run: (attempt) =>
    withFolder(async (folder) => {
      const made = await prepare(`${folder}/now`);
      const all = schemas.map((_, i) => i + 1);
      for (const version of attempt.options.long ? all.toReversed() : attempt.dice.shuffled(all)) {
        if (!attempt.time) break;
        const data = `${folder}/version${version}`;
        new Deno.Command("cp", { args: ["-a", `${folder}/now`, data] }).outputSync();
        downgrade(data, version);
        await opened(attempt, data, version, made);
        Deno.removeSync(data, { recursive: true });
      }
    }),
};

interface Made {
  training: string;
  weights: string;
  answers: Map<string, string>;
}

const training = {
  ...{ kind: "pretrain", dataset: "base", method: "byol", arm: "none", backbone: "resnet18" },
  ...{ width: 4, image_size: 32, epochs: 8, batch_size: 6, seed: 1, tuning: "off" },
};

/** What no schema may change: pictures, numbers, gaze. */
const questions = ({ model, similarity, job }: Stage) => [
  "/v1/datasets/base/images/c001/image.png",
  "/v1/datasets/base/images/c001/heatmap.png",
  "/v1/datasets/base/gaze?format=csv",
  `/v1/similarities/${similarity}/matrix?format=npy`,
  `/v1/models/${model}/weights`,
  `/v1/jobs/${job}/metrics`,
];
/** What has to be answered, whatever is known of it. */
const views = ({ evaluation, similarity, model, job }: Stage) => [
  ...["/v1/datasets", "/v1/datasets/base", "/v1/datasets/base/images", "/v1/datasets/base/report"],
  ...["/v1/datasets/base/archive", "/v1/jobs", "/v1/models", "/v1/evaluations", "/v1/predictions"],
  ...["/v1/studies", "/v1/keys", "/v1/similarities", "/metrics", "/v1/predictions?stale=include"],
  ...[`/v1/evaluations/${evaluation}`, `/v1/evaluations/${evaluation}/scores?format=csv`],
  ...[`/v1/similarities/${similarity}/audit`, `/v1/models/${model}`, `/v1/jobs/${job}`],
  "/v1/datasets/base/images/c001/gaze",
];
let stage: Stage;

async function prepare(data: string): Promise<Made> {
  const victim = await Victim.start({ data });
  try {
    stage = await furnish(victim);
    const whole = await run(victim, training);
    const answers = new Map<string, string>();
    for (const question of questions(stage)) {
      answers.set(question, await answerOf(victim, question));
    }
    const weights = await weightsOf(victim, whole);
    const { id } = await victim.json<Job>("POST", "/v1/jobs", training);
    await within(60_000, async () => {
      const { progress } = await victim.json<Job>("GET", `/v1/jobs/${id}`);
      return progress.unit === "steps" && progress.done >= 6;
    });
    return { training: id, weights, answers };
  } finally {
    await victim.end();
  }
}

async function answerOf(victim: Victim, question: string): Promise<string> {
  const answer = await victim.fetch(question);
  const bytes = await answer.bytes();
  // What a model is known to have seen stands in the header, and is less in older rows.
  const from = question.endsWith("/weights")
    ? 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true))
    : 0;
  return `${answer.status} ${digest(bytes.subarray(from))}`;
}

const quoted = (name: string) => `"${name}"`;

/** Puts the rows into a database of an earlier schema, as far as it has a place for them. */
function downgrade(data: string, version: number): void {
  const path = `${data}/mcgip.db`;
  const now = new DatabaseSync(path, { readOnly: true });
  const old = new DatabaseSync(`${path}.old`);
  old.exec(schemas.slice(0, version).join(";\n"));
  old.exec(`PRAGMA user_version = ${version}; PRAGMA foreign_keys = OFF; BEGIN`);
  const tables = old.prepare(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
  ).all() as { name: string }[];
  for (const { name } of tables) {
    const columnsOf = (db: DatabaseSync) =>
      (db.prepare(`PRAGMA table_info(${quoted(name)})`).all() as { name: string }[])
        .map((column) => column.name);
    const there = new Set(columnsOf(now));
    const columns = columnsOf(old).filter((column) => there.has(column));
    if (columns.length === 0) continue;
    const list = columns.map(quoted).join(", ");
    const insert = old.prepare(
      `INSERT INTO ${quoted(name)} (${list}) VALUES (${columns.map(() => "?").join(", ")})`,
    );
    for (const row of now.prepare(`SELECT ${list} FROM ${quoted(name)}`).all()) {
      insert.run(...columns.map((column) => row[column] as SQLInputValue));
    }
  }
  old.exec("COMMIT");
  now.close();
  old.close();
  Deno.renameSync(`${path}.old`, path);
}

/** Where an older database is kept before it is brought up. */
const keptOf = (data: string, version: number) => `${data}/aside/databases/schema-${version}.db`;

/** Version of its schema; undefined where there is no such database. */
function versionOf(path: string): number | undefined {
  if (!existsSync(path)) return undefined;
  const db = new DatabaseSync(path, { readOnly: true });
  const { user_version } = db.prepare("PRAGMA user_version").get()!;
  db.close();
  return user_version as number;
}

async function opened(attempt: Attempt, data: string, version: number, made: Made) {
  attempt.tried();
  const what = `schema ${version}`;
  const victim = await Victim.attempt({ data });
  try {
    if (victim.over || await victim.ready(60_000 * attempt.slowness) === undefined) {
      return attempt.harm(`${what}: no start: ${victim.log.slice(-500)}`);
    }
    if (version < schemas.length && versionOf(keptOf(data, version)) !== version) {
      attempt.harm(`${what}: the database is not kept as it was`);
    }
    for (const [question, good] of made.answers) {
      const got = await answerOf(victim, question);
      if (got !== good) attempt.harm(`${what}: ${question} has another answer: ${got}`);
    }
    for (const view of views(stage)) {
      const answer = await victim.fetch(view);
      const text = await answer.text();
      if (answer.status !== 200) {
        attempt.harm(`${what}: ${view} -> ${answer.status} ${text.slice(0, 200)}`);
      }
    }
    const job = await ended(victim, made.training, 90_000 * attempt.slowness);
    const got = await weightsOf(victim, job);
    // One that cannot be gone on with waits, with the reason.
    const kept = job.state === "paused" && job.error !== null;
    if (got !== made.weights && !kept) attempt.harm(`${what}: the training ends otherwise: ${got}`);
  } finally {
    await victim.end();
  }
}
