/**
 * A flipped byte, a cut and a missing file for every kind of file that a server keeps: told wherever it is read or
 * at the start, or healed; never another answer without a word.
 */
import { furnish, type Job, names, run, type Stage } from "../content.ts";
import { digest, weightsOf } from "../ledger.ts";
import { type Attempt, type Scenario, withFolder } from "../scenario.ts";
import { pause, Victim, within } from "../victim.ts";
import { archive } from "../content.ts";

export const damage: Scenario = {
  unit: "damages to stored files",
  promise:
    "are told for every kind of file, at the start or where it is read, and change no answer silently",
  run: (attempt) =>
    withFolder(async (folder) => {
      const good = `${folder}/good`;
      const made = await prepare(good, attempt);
      const all = filesOf(good);
      const cases = Object.keys(kinds).flatMap((kind) => {
        const files = all.filter((file) => kinds[kind].test(file));
        if (files.length === 0) throw new Error(`Cannot damage ${kind}: there is no such file`);
        const times = attempt.options.long ? attempt.count(1, 5) : 1;
        return ways.flatMap((way) => Array.from({ length: times }, () => ({ kind, way, files })));
      });
      // Where the time is short, others for every seed.
      for (const { kind, way, files } of attempt.dice.shuffled(cases)) {
        if (!attempt.time) break;
        const file = attempt.dice.pick(files);
        await harmed(attempt, { folder, good, made, kind, way, file });
      }
    }),
};

/** Every kind of file in a data directory, by its path; what is not named here fails the scenario. */
const kinds: Record<string, RegExp> = {
  "stored content": /^files\//,
  "pixel cache": /^cache\//,
  checkpoint: /^checkpoints\/.*\/step-/,
  "upload, its bytes": /^uploads\/.*\.part$/,
  "upload, its facts": /^uploads\/.*\.json$/,
  secret: /^secret\.key$/,
  database: /^mcgip\.db$/,
};
/** What holds nothing that is read again. */
const EMPTY = /^(mcgip\.db-(wal|shm)|reserve|server\.lock|mcgip\.db\.sha256|aside\/|tmp\/)/;

const ways = ["flipped", "cut", "gone"] as const;

interface Made {
  stage: Stage;
  training: string;
  upload: string;
  zip: Uint8Array<ArrayBuffer>;
  /** What each question was answered, by digest. */
  answers: Map<string, string>;
  weights: string;
  cached: string;
}

const training = {
  ...{ kind: "pretrain", dataset: "base", method: "byol", arm: "none", backbone: "resnet18" },
  ...{ width: 4, image_size: 32, epochs: 30, batch_size: 6, seed: 1, tuning: "off" },
};
const short = { ...training, epochs: 1, seed: 2 };

async function prepare(data: string, attempt: Attempt): Promise<Made> {
  const victim = await Victim.start({ data });
  try {
    const stage = await furnish(victim);
    const whole = await run(victim, training);
    const once = await run(victim, short);
    const zip = await archive(4, 7);
    const upload = await begin(victim, zip);
    const answers = new Map<string, string>();
    for (const question of questions(stage)) {
      answers.set(question, digestOf(await ask(victim, question)));
    }
    const weights = await weightsOf(victim, whole);
    const cached = await weightsOf(victim, once);
    const { id } = await victim.json<Job>("POST", "/v1/jobs", training);
    await within(60_000 * attempt.slowness, async () => {
      const { progress } = await victim.json<Job>("GET", `/v1/jobs/${id}`);
      return progress.unit === "steps" && progress.done >= 4;
    });
    // Who leaves in order leaves a checkpoint.
    // In order: a database at rest is whole in its file.
    await victim.end();
    return { stage, training: id, upload, zip, answers, weights, cached };
  } finally {
    await victim.end();
  }
}

/** A resumable upload, half of which has come. */
async function begin(victim: Victim, zip: Uint8Array<ArrayBuffer>): Promise<string> {
  const tus = { "tus-resumable": "1.0.0" };
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
      ...{ "tus-resumable": "1.0.0", "upload-offset": String(offset) },
      "content-type": "application/offset+octet-stream",
    },
    body,
  });
  await answer.body?.cancel();
  return answer.status;
}

/** Requests that read everything that is kept: GET, or POST with a body after a space. */
const questions = ({ model, similarity, evaluation, job }: Stage): string[] => [
  "/v1/datasets/base",
  "/v1/datasets/base/images?limit=100",
  ...names(12).map((name) => `/v1/datasets/base/images/${name}/image.png`),
  ...names(3).map((name) => `/v1/datasets/base/images/${name}/heatmap.png`),
  "/v1/datasets/base/images/c001/overlay.png",
  "/v1/datasets/base/images/c001/gaze",
  "/v1/datasets/base/images/c001/gaze?reader=r1",
  "/v1/datasets/base/gaze?format=csv",
  "/v1/datasets/base/archive",
  `/v1/similarities/${similarity}/matrix?format=npy`,
  `/v1/models/${model}/weights`,
  `/v1/evaluations/${evaluation}`,
  `/v1/evaluations/${evaluation}/scores?format=csv`,
  `/v1/jobs/${job}`,
  `/v1/models/${model}`,
  "/v1/keys",
];

async function ask(victim: Victim, question: string) {
  const answer = await victim.fetch(question);
  const { status } = answer;
  if (question !== "/v1/keys") return { status, bytes: await answer.bytes() };
  // When a key was last used is another time by now.
  const text = (await answer.text()).replaceAll(/"last_used_at":\s*"[^"]*"/g, "");
  return { status, bytes: new TextEncoder().encode(text) };
}

const digestOf = ({ status, bytes }: { status: number; bytes: Uint8Array }) =>
  `${status} ${digest(bytes)}`;

function filesOf(data: string): string[] {
  const found: string[] = [];
  const walk = (at: string) => {
    for (const entry of Deno.readDirSync(`${data}/${at}`)) {
      const path = at === "" ? entry.name : `${at}/${entry.name}`;
      if (entry.isDirectory) walk(path);
      else found.push(path);
    }
  };
  walk("");
  const unknown = found.find((file) =>
    !EMPTY.test(file) && !Object.values(kinds).some((kind) => kind.test(file))
  );
  if (unknown) throw new Error(`Cannot say what ${unknown} is: name its kind in the scenario`);
  return found.sort();
}

interface Case {
  folder: string;
  good: string;
  made: Made;
  kind: string;
  way: typeof ways[number];
  file: string;
}

async function harmed(attempt: Attempt, { folder, good, made, kind, way, file }: Case) {
  attempt.tried();
  const data = `${folder}/damaged`;
  new Deno.Command("cp", { args: ["-a", good, data] }).outputSync();
  // Of an array in the cache nobody knows which training used it: all are damaged.
  const files = kind === "pixel cache"
    ? filesOf(data).filter((one) => kinds[kind].test(one))
    : [file];
  for (const one of files) spoil(`${data}/${one}`, way, attempt);
  const what = `${kind}, ${way} (${file.slice(0, 30)})`;
  const victim = await Victim.attempt({ data });
  try {
    // Refused with a line that says what to do.
    if (victim.over) {
      if (!/Cannot .*(put|restore|move|remove|backup)/i.test(victim.log)) {
        attempt.harm(`${what}: no start, and no word of what to do: ${victim.log.slice(-300)}`);
      }
      return;
    }
    if (await victim.ready(60_000) === undefined) {
      return attempt.harm(`${what}: not ready: ${victim.log.slice(-600)}`);
    }
    const found = await reading(attempt, victim, made, what);
    const computed = await computing(attempt, victim, made, kind, what);
    if (!found && !computed) attempt.harm(`${what}: nobody was told`);
  } finally {
    await victim.end();
    await pause(0);
    Deno.removeSync(data, { recursive: true });
  }
}

function spoil(path: string, way: Case["way"], { dice }: Attempt): void {
  if (way === "gone") return Deno.removeSync(path);
  const bytes = Deno.readFileSync(path);
  if (way === "cut") return Deno.truncateSync(path, bytes.length >> 1);
  bytes[dice.whole(0, bytes.length - 1)] ^= 1 << dice.whole(0, 7);
  Deno.writeFileSync(path, bytes);
}

/** Asks for everything; whether somebody was told. */
async function reading(
  attempt: Attempt,
  victim: Victim,
  made: Made,
  what: string,
): Promise<boolean> {
  let told = /damaged|set aside|not as this server left it/i.test(victim.log);
  for (const [question, good] of made.answers) {
    const { status, bytes } = await ask(victim, question).catch((error) => ({
      status: 0,
      bytes: new TextEncoder().encode(String(error)),
    }));
    if (`${status} ${digest(bytes)}` === good) continue;
    const text = new TextDecoder().decode(bytes.subarray(0, 300));
    if (status === 500 && text.includes('"Damaged')) told = true;
    else if (status === 0 || status === 500) {
      attempt.harm(`${what}: ${question} -> ${status} ${text}`);
    } else if (status === 200) attempt.harm(`${what}: ${question} has another answer, silently`);
    else told = true;
  }
  return told;
}

/** Goes on with what was under way, and computes from what is cached; whether somebody was told, or it was healed. */
async function computing(
  attempt: Attempt,
  victim: Victim,
  made: Made,
  kind: string,
  what: string,
): Promise<boolean> {
  if (kind === "pixel cache") {
    const got = await weightsOf(victim, await run(victim, short));
    if (got !== made.cached) attempt.harm(`${what}: a training has another result: ${got}`);
    return true;
  }
  if (kind === "checkpoint") {
    let job = { state: "" } as Job;
    await within(90_000, async () => {
      job = await victim.json<Job>("GET", `/v1/jobs/${made.training}`);
      return ["succeeded", "failed"].includes(job.state);
    });
    const got = await weightsOf(victim, job);
    if (got !== made.weights) attempt.harm(`${what}: the training ends otherwise: ${got}`);
    return true;
  }
  if (!kind.startsWith("upload")) return false;
  const { zip, upload } = made;
  const status = await send(victim, upload, zip.subarray(zip.length >> 1), zip.length >> 1);
  // Elsewhere by its length, or gone: the client learns where it is.
  if (status !== 204) return true;
  const id = upload.split("/").at(-1);
  const imported = await victim.fetch(`/v1/datasets/resumed?upload=${id}`, { method: "PUT" });
  const text = await imported.text();
  if (imported.status !== 201) return true;
  return JSON.parse(text).warnings?.length > 0;
}
