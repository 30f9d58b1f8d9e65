/**
 * A flipped byte, a cut, a missing and another one's file, for every kind of file that a server keeps: told wherever
 * it is read or at the start, or made again; never another answer without a word.
 */
import { backup, DatabaseSync } from "node:sqlite";
import { writeSealed } from "@/lib/store/sealed_text.ts";
import { archive, furnish, type Job, names, putSet, run, type Stage } from "../content.ts";
import { digest, weightsOf } from "../ledger.ts";
import { type Attempt, type Scenario, withFolder } from "../scenario.ts";
import { Victim, within } from "../victim.ts";

const ways = ["flipped", "cut", "gone", "another's"] as const;
type Way = typeof ways[number];

export const damage: Scenario = {
  unit: "damages to stored files",
  promise:
    "are told for every kind of file, at the start or where it is read, and change no answer silently",
  run: (attempt) =>
    withFolder(async (folder) => {
      const good = `${folder}/good`;
      const made = await prepare(folder, good, attempt);
      for (let round = attempt.count(1, 10); round > 0; round--) {
        for (const way of ways) await beside(attempt, { folder, good, made, way });
        for (const kind of Object.keys(alone)) {
          for (const way of ways) await byItself(attempt, { folder, good, made, way, kind });
        }
      }
      attempt.note(
        `${contents.length + computed.length} kinds of files beside one another, ` +
          `${Object.keys(alone).length} each by itself; ${ways.join(", ")}`,
      );
    }),
};

/** Kinds of stored content, with what reads them; each damaged in a data set of its own. */
const contents = ["image", "heatmap", "samples of gaze", "similarity", "weights"] as const;
/** Kinds that are gone on with, or made again. */
const computed = ["array", "picture", "checkpoint", "upload's bytes", "upload's facts"] as const;
type Kind = typeof contents[number] | typeof computed[number];

/** Kinds on which a start depends; what has to be said at it. */
const alone: Record<string, { file: string; told(way: Way): boolean }> = {
  secret: { file: "secret.key", told: () => true },
  database: { file: "mcgip.db", told: () => true },
  // Without one it is as after a power cut: nothing is known, nothing is wrong.
  "database's sum": { file: "mcgip.db.sha256", told: (way) => way !== "gone" },
};

/** What holds nothing that is read again. */
const EMPTY = /^(mcgip\.db-(wal|shm)|reserve|server\.lock|aside\/|tmp\/)/;
const KNOWN =
  /^(files\/|cache\/.*\.(u16|png)$|checkpoints\/.*\.safetensors$|uploads\/|secret\.key$|mcgip\.db)/;

/** A stored file, with another one of its kind and the requests that read it. */
interface Target {
  file: string;
  other: string;
  questions: string[];
}

interface Made {
  stage: Stage;
  /** Of each kind those of which one is damaged. */
  targets: Record<Kind, Target[]>;
  training: string;
  /** What each question was answered, by digest. */
  answers: Map<string, string>;
  weights: string;
  cached: string;
  zip: Uint8Array<ArrayBuffer>;
  /** The data set's digest that the upload becomes. */
  uploaded: string;
  /** An older database, and the secret of another directory. */
  older: string;
  foreign: string;
}

const training = {
  ...{ kind: "pretrain", dataset: "t", method: "byol", arm: "none", backbone: "resnet18" },
  ...{ width: 4, image_size: 32, epochs: 30, batch_size: 6, seed: 1, tuning: "off" },
};
const short = { ...training, epochs: 1, seed: 2 };

async function prepare(folder: string, good: string, attempt: Attempt): Promise<Made> {
  const victim = await Victim.start({ data: good });
  try {
    const stage = await furnish(victim);
    const older = `${folder}/older.db`;
    const now = new DatabaseSync(`${good}/mcgip.db`, { readOnly: true });
    await backup(now, older);
    now.close();
    const foreign = `${folder}/secret.key`;
    writeSealed(foreign, "5e".repeat(32));
    for (const [i, name] of ["pictures", "maps", "recordings", "looked", "t"].entries()) {
      await putSet(victim, name, name === "t" ? 12 : 4, 2 + i);
    }
    const whole = await run(victim, training);
    const once = await run(victim, short);
    const zip = await archive(4, 7);
    const imported = await victim.fetch("/v1/datasets/whole", { method: "PUT", body: zip });
    await imported.body?.cancel();
    const uploads: string[] = [];
    for (const body of [zip, zip, await archive(6, 8)]) uploads.push(await begin(victim, body));
    const answers = new Map<string, string>();
    for (const question of questions(stage)) {
      answers.set(question, digestOf(await ask(victim, question)));
    }
    const made = {
      stage,
      answers,
      zip,
      older,
      foreign,
      weights: await weightsOf(victim, whole),
      cached: await weightsOf(victim, once),
      uploaded: await digestOfSet(victim, "whole"),
    };
    const { id } = await victim.json<Job>("POST", "/v1/jobs", training);
    await within(60_000 * attempt.slowness, async () => {
      const { progress } = await victim.json<Job>("GET", `/v1/jobs/${id}`);
      return progress.unit === "steps" && progress.done >= 4;
    });
    // Who leaves in order leaves a checkpoint, and a database that is whole in its file.
    await victim.end();
    return { ...made, training: id, targets: targetsIn(good, stage, id, uploads) };
  } finally {
    await victim.end();
  }
}

const tus = { "tus-resumable": "1.0.0" };

/** A resumable upload, half of which has come. */
async function begin(victim: Victim, zip: Uint8Array<ArrayBuffer>): Promise<string> {
  const made = await victim.fetch("/v1/uploads", {
    method: "POST",
    headers: { ...tus, "upload-length": String(zip.length) },
  });
  await made.body?.cancel();
  const path = new URL(made.headers.get("location")!, victim.url).pathname;
  await send(victim, path, zip.subarray(0, zip.length >> 1), 0);
  return path;
}

async function send(
  victim: Victim,
  path: string,
  body: Uint8Array<ArrayBuffer>,
  offset: number,
): Promise<number> {
  const answer = await victim.fetch(path, {
    method: "PATCH",
    headers: {
      ...{ ...tus, "upload-offset": String(offset) },
      "content-type": "application/offset+octet-stream",
    },
    body,
  });
  await answer.body?.cancel();
  return answer.status;
}

const digestOfSet = async (victim: Victim, name: string): Promise<string> =>
  (await victim.json<{ digest: string }>("GET", `/v1/datasets/${name}`)).digest;

/** The files of each kind, by the rows that name them. */
function targetsIn(
  data: string,
  { similarity, model }: Stage,
  job: string,
  uploads: string[],
): Made["targets"] {
  const db = new DatabaseSync(`${data}/mcgip.db`, { readOnly: true });
  const rows = (sql: string) => db.prepare(sql).all() as Record<string, string>[];
  const place = (sha256: string) => `files/${sha256.slice(0, 2)}/${sha256}`;
  const next = <T>(all: T[], i: number) => all[(i + 1) % all.length];
  const ofSet = (name: string, sql: string, reads: (image: string) => string[]) => {
    const found = rows(sql.replace(
      "SET",
      `dataset_id IN
      (SELECT id FROM datasets WHERE name = '${name}')`,
    ));
    return found.map(({ file, image }, i): Target => ({
      ...{ file: place(file), other: place(next(found, i).file) },
      questions: [`/v1/datasets/${name}/archive`, ...reads(image)],
    }));
  };
  const images = ofSet(
    "pictures",
    "SELECT file, name AS image FROM images WHERE SET",
    (image) => [`/v1/datasets/pictures/images/${image}/image.png`],
  );
  const heatmaps = ofSet(
    "maps",
    "SELECT heatmaps.file, name AS image FROM heatmaps JOIN images ON images.id = image_id WHERE SET",
    (image) => [`/v1/datasets/maps/images/${image}/heatmap.png`],
  );
  const samples = ofSet(
    "recordings",
    `SELECT samples_file AS file, name AS image FROM gaze JOIN images ON images.id = image_id
      WHERE samples_file IS NOT NULL AND SET`,
    () => [],
  );
  const [{ file: matrix }] = rows(`SELECT file FROM similarities WHERE id = '${similarity}'`);
  const [{ file: weights }] = rows(`SELECT file FROM models WHERE id = '${model}'`);
  const referred = new Set(rows("SELECT sha256 FROM file_references").map((row) => row.sha256));
  db.close();

  const files = filesIn(data);
  const unknown = files.find((file) => {
    if (EMPTY.test(file)) return false;
    return !KNOWN.test(file) || file.startsWith("files/") && !referred.has(file.slice(9));
  });
  if (unknown) throw new Error(`Cannot say what ${unknown} is: name its kind in the scenario`);
  const read = (file: string, ...questions: string[]): Target => ({
    ...{ file, other: images[0].file, questions },
  });
  const cached = (ending: string) => {
    const found = files.filter((file) => file.startsWith("cache/") && file.endsWith(ending));
    return found.map((file, i): Target => ({ file, other: next(found, i), questions: [] }));
  };
  // By their steps: the newest is read, those before it only where that is damaged.
  const checkpoints = files.filter((file) => file.startsWith(`checkpoints/${job}/step-`));
  const newest = checkpoints.at(-1)!;
  const [bytes, facts, other] = uploads.map((path) => `uploads/${path.split("/").at(-1)}`);
  return {
    image: images,
    heatmap: heatmaps,
    "samples of gaze": samples,
    similarity: [read(
      place(matrix),
      `/v1/similarities/${similarity}/matrix?format=npy`,
      `/v1/similarities/${similarity}/audit`,
    )],
    weights: [read(place(weights), `/v1/models/${model}/weights`)],
    // Nobody knows which training used which: all are damaged.
    array: cached(".u16"),
    picture: cached(".png"),
    checkpoint: [{ file: newest, other: checkpoints.at(-2) ?? images[0].file, questions: [] }],
    "upload's bytes": [{ file: `${bytes}.part`, other: `${other}.part`, questions: [] }],
    "upload's facts": [{ file: `${facts}.json`, other: `${other}.json`, questions: [] }],
  };
}

function filesIn(data: string): string[] {
  const found: string[] = [];
  const walk = (at: string) => {
    for (const entry of Deno.readDirSync(`${data}/${at}`)) {
      const path = at === "" ? entry.name : `${at}/${entry.name}`;
      if (entry.isDirectory) walk(path);
      else found.push(path);
    }
  };
  walk("");
  return found.sort();
}

/** Requests that read what is kept; "looked" has pictures that were made to be looked at. */
const questions = ({ model, similarity, evaluation, job }: Stage): string[] => [
  "/v1/datasets/base",
  "/v1/datasets/base/images?limit=100",
  ...names(3).map((name) => `/v1/datasets/base/images/${name}/image.png`),
  ...names(3).map((name) => `/v1/datasets/base/images/${name}/heatmap.png`),
  "/v1/datasets/base/images/c001/gaze",
  "/v1/datasets/base/gaze?format=csv",
  "/v1/datasets/base/archive",
  ...names(4).map((name) => `/v1/datasets/looked/images/${name}/overlay.png`),
  ...["pictures", "maps", "recordings"].map((name) => `/v1/datasets/${name}/archive`),
  `/v1/similarities/${similarity}/matrix?format=npy`,
  `/v1/models/${model}/weights`,
  `/v1/evaluations/${evaluation}`,
  `/v1/evaluations/${evaluation}/scores?format=csv`,
  `/v1/jobs/${job}`,
  `/v1/models/${model}`,
  "/v1/keys",
];

/** Status 0 where the answer broke off. */
async function ask(victim: Victim, question: string) {
  try {
    const answer = await victim.fetch(question);
    const { status } = answer;
    if (question !== "/v1/keys") return { status, bytes: await answer.bytes() };
    // When a key was last used is another time by now.
    const text = (await answer.text()).replaceAll(/"last_used_at":\s*"[^"]*"/g, "");
    return { status, bytes: new TextEncoder().encode(text) };
  } catch (error) {
    return { status: 0, bytes: new TextEncoder().encode(String(error)) };
  }
}

const digestOf = ({ status, bytes }: { status: number; bytes: Uint8Array }) =>
  `${status} ${digest(bytes)}`;

/** The beginning of an answer, as far as it is text. */
const textOf = (bytes: Uint8Array) =>
  new TextDecoder().decode(bytes.subarray(0, 300)).replaceAll(/[^\x20-\x7e]+/g, "?");

interface Case {
  folder: string;
  good: string;
  made: Made;
  way: Way;
}

/** Runs `body` with a copy of the good directory. */
async function withCopy({ folder, good }: Case, body: (data: string) => Promise<void>) {
  const data = `${folder}/damaged`;
  new Deno.Command("cp", { args: ["-a", good, data] }).outputSync();
  try {
    await body(data);
  } finally {
    Deno.removeSync(data, { recursive: true });
  }
}

/** @param other what another one's file holds */
function spoil(path: string, way: Way, other: string, { dice }: Attempt): void {
  if (way === "gone") return Deno.removeSync(path);
  const bytes = Deno.readFileSync(path);
  if (way === "cut") return Deno.truncateSync(path, bytes.length >> 1);
  if (way === "another's") return Deno.copyFileSync(other, path);
  bytes[dice.whole(0, bytes.length - 1)] ^= 1 << dice.whole(0, 7);
  Deno.writeFileSync(path, bytes);
}

/** Kinds that have nothing to do with each other, damaged at once: each is told by itself. */
async function beside(attempt: Attempt, one: Case): Promise<void> {
  const { good, made, way } = one;
  const { dice } = attempt;
  const chosen = {} as Record<Kind, Target[]>;
  for (const kind of [...contents, ...computed]) {
    const all = made.targets[kind];
    if (all.length === 0) throw new Error(`Cannot damage ${kind}: there is no such file`);
    chosen[kind] = kind === "array" || kind === "picture" ? all : [dice.pick(all)];
    attempt.tried();
  }
  await withCopy(one, async (data) => {
    for (const { file, other } of Object.values(chosen).flat()) {
      spoil(`${data}/${file}`, way, `${good}/${other}`, attempt);
    }
    const victim = await Victim.attempt({ data });
    try {
      if (victim.over || await victim.ready(60_000 * attempt.slowness) === undefined) {
        return attempt.harm(`${way}: no start: ${victim.log.slice(-600)}`);
      }
      const harm = (kind: Kind, what: string) => attempt.harm(`${kind}, ${way}: ${what}`);
      const told = new Set<string>();
      for (const kind of contents) {
        for (const question of chosen[kind].flatMap(({ questions }) => questions)) {
          told.add(question);
          const { status, bytes } = await ask(victim, question);
          if (status === 500 && textOf(bytes).includes('"Damaged')) continue;
          harm(kind, `${question} -> ${status} ${textOf(bytes)}`);
        }
      }
      for (const [question, answer] of made.answers) {
        if (told.has(question)) continue;
        const now = await ask(victim, question);
        if (digestOf(now) === answer) continue;
        // A picture that is made again, and all that nobody has damaged.
        harm("picture", `${question} has another answer: ${now.status} ${textOf(now.bytes)}`);
      }
      await goingOn(attempt, victim, one, (kind, what) => harm(kind, what));
    } finally {
      await victim.end();
    }
  });
}

/** Goes on with what was under way, and computes from what is cached. */
async function goingOn(
  attempt: Attempt,
  victim: Victim,
  { made, way }: Case,
  harm: (kind: Kind, what: string) => void,
): Promise<void> {
  const { zip } = made;
  const uploads = made.targets;
  const rest = (kind: "upload's bytes" | "upload's facts") => {
    const [{ file }] = uploads[kind];
    const id = /upl_\w+/.exec(file)![0];
    const half = zip.length >> 1;
    return { id, sent: send(victim, `/v1/uploads/${id}`, zip.subarray(half), half) };
  };
  const facts = await rest("upload's facts").sent;
  if (facts < 400) harm("upload's facts", `it went on: ${facts}`);
  const { id, sent } = rest("upload's bytes");
  // Elsewhere by its length, or gone: the client learns where it is.
  if (await sent === 204) {
    const imported = await victim.fetch(`/v1/datasets/resumed?upload=${id}`, { method: "PUT" });
    await imported.body?.cancel();
    // Some bytes of a ZIP hold nothing.
    if (imported.ok && await digestOfSet(victim, "resumed") !== made.uploaded) {
      harm("upload's bytes", "another data set came of it, silently");
    }
  }
  let job = { state: "" } as Job;
  await within(90_000 * attempt.slowness, async () => {
    job = await victim.json<Job>("GET", `/v1/jobs/${made.training}`);
    return ["succeeded", "failed"].includes(job.state);
  });
  const went = await weightsOf(victim, job);
  if (went !== made.weights) harm("checkpoint", `the training ends otherwise: ${went}`);
  const events = await (await victim.fetch(`/v1/jobs/${job.id}/events`)).text();
  if (way !== "gone" && !/Cannot use checkpoint|set aside/.test(events)) {
    harm("checkpoint", `nobody was told: ${events.slice(-400)}`);
  }
  const again = await weightsOf(victim, await run(victim, short));
  if (again !== made.cached) harm("array", `a training has another result: ${again}`);
}

/** What a start depends on. */
async function byItself(attempt: Attempt, one: Case & { kind: string }): Promise<void> {
  const { made, way, kind } = one;
  attempt.tried();
  const { file, told } = alone[kind];
  const others: Record<string, string> = {
    "secret.key": made.foreign,
    "mcgip.db": made.older,
    "mcgip.db.sha256": made.foreign,
  };
  await withCopy(one, async (data) => {
    spoil(`${data}/${file}`, way, others[file], attempt);
    const victim = await Victim.attempt({ data });
    try {
      // Refused with a line that says what to do.
      if (victim.over) {
        if (!/Cannot .*(put|restore|move|remove|backup)/i.test(victim.log)) {
          attempt.harm(
            `${kind}, ${way}: no start, and no word of what to do: ${victim.log.slice(-300)}`,
          );
        }
        return;
      }
      const said = /not as this server left it/.test(victim.log);
      if (told(way) && !said) attempt.harm(`${kind}, ${way}: nobody was told`);
      if (kind === "database" || told(way)) return;
      for (const [question, answer] of made.answers) {
        const now = await ask(victim, question);
        if (digestOf(now) !== answer) attempt.harm(`${kind}, ${way}: ${question} is another`);
      }
    } finally {
      await victim.end();
    }
  });
}
