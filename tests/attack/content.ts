/** What stands on a server before it is attacked: a data set with gaze and heatmaps, models, results of jobs. */
import { writeSafetensors } from "@/lib/models/safetensors.ts";
import { random } from "@/lib/demo/random.ts";
import { picture, zipOf } from "../support/archives.ts";
import { resnetWeights } from "../support/weights.ts";
import { type Victim, within } from "./victim.ts";

export const SIDE = 32;
export const CLASSES = ["benign", "malignant"];

/** Names of the images of a set. */
export const names = (count: number) =>
  Array.from({ length: count }, (_, i) => `c${String(i).padStart(3, "0")}`);

/**
 * A small set: labels, patients, fixations of two readers, samples of one, heatmaps of some. Up to twelve images of seeds
 * below 9 share no file with another seed's.
 */
export async function archive(count = 12, seed = 1): Promise<Uint8Array<ArrayBuffer>> {
  const dice = random(seed, "attack");
  const place = () => (dice.uniform() * (SIDE - 1)).toFixed(2);
  let labels = "image,label,patient\n";
  let fixations = "image,reader,x,y,duration_ms\n";
  let samples = "image,reader,t_s,x,y\n";
  const files: Record<string, string | Uint8Array> = {};
  for (const [i, name] of names(count).entries()) {
    files[`images/${name}.png`] = picture(SIDE, SIDE, seed * 13 + i);
    if (i < 3) files[`heatmaps/${name}.png`] = picture(SIDE, SIDE, 125 + seed * 3 + i);
    labels += `${name},${CLASSES[i % 2]},p${i}\n`;
    for (const reader of ["r1", "r2"]) {
      for (let k = 0; k < 6; k++) {
        fixations += `${name},${reader},${place()},${place()},${200 + k}\n`;
      }
    }
    if (i >= 3) continue;
    for (let k = 0; k < 200; k++) {
      const at = 5 + seed % 5 + 4 * Math.floor(k / 50);
      samples += `${name},r3,${k / 100},${at + i},${at}\n`;
    }
  }
  return await zipOf({
    ...files,
    "labels.csv": labels,
    "gaze/fixations.csv": fixations,
    "gaze/samples.csv": samples,
    "dataset.json": JSON.stringify({ positive_label: CLASSES[1] }),
  });
}

/** A small classifier's weights. */
export const weights = (seed = 1) =>
  new Uint8Array(writeSafetensors(resnetWeights({ classes: CLASSES.length, seed })));

export async function putSet(victim: Victim, name: string, count = 12, seed = 1): Promise<void> {
  await expect(victim, `/v1/datasets/${name}`, { method: "PUT", body: await archive(count, seed) });
}

/** The model's id. */
export async function putModel(victim: Victim, name: string, seed = 1): Promise<string> {
  const query = `image_size=${SIDE}&classes=${CLASSES.join(",")}`;
  const text = await expect(victim, `/v1/models/${name}?${query}`, {
    method: "PUT",
    body: weights(seed),
  });
  return JSON.parse(text).id;
}

async function expect(victim: Victim, path: string, init: RequestInit): Promise<string> {
  const answer = await victim.fetch(path, init);
  const text = await answer.text();
  if (answer.ok) return text;
  throw new Error(`Cannot prepare the attack: ${path}: ${answer.status} ${text}`);
}

export interface Job {
  id: string;
  state: string;
  error: string | null;
  progress: { done: number; total: number; unit: string };
  result: Record<string, string> | null;
}

const ENDED = ["succeeded", "failed", "cancelled"];

/** The job as it ended; as it is after `ms` otherwise. Outlives ends of the server. */
export async function ended(victim: Victim, id: string, ms = 240_000): Promise<Job> {
  let job = { id, state: "unknown", error: null } as Job;
  await within(ms, async () => {
    const answer = await victim.fetch(`/v1/jobs/${id}`).catch(() => undefined);
    if (answer?.ok) job = await answer.json().catch(() => job);
    else await answer?.body?.cancel();
    return ENDED.includes(job.state);
  });
  return job;
}

/** Queues a job and waits for its end. */
export async function run(victim: Victim, spec: Record<string, unknown>): Promise<Job> {
  const { id } = await victim.json<Job>("POST", "/v1/jobs", spec);
  return await ended(victim, id);
}

export interface Stage {
  /** Ids. */
  model: string;
  similarity: string;
  evaluation: string;
  job: string;
}

/** A data set "base", a model "m", a similarity and an evaluation of them, predictions. */
export async function furnish(victim: Victim): Promise<Stage> {
  await putSet(victim, "base");
  const model = await putModel(victim, "m");
  const similar = await run(victim, { kind: "similarity", dataset: "base", measure: "moments" });
  const evaluated = await run(victim, { kind: "evaluate", dataset: "base", model, split: "all" });
  for (const { state, error } of [similar, evaluated]) {
    if (state !== "succeeded") throw new Error(`Cannot prepare the attack: ${state}: ${error}`);
  }
  await victim.json("POST", `/v1/models/${model}/predictions`, {
    dataset: "base",
    images: names(4),
  });
  return {
    model,
    similarity: similar.result!.similarity,
    evaluation: evaluated.result!.evaluation,
    job: evaluated.id,
  };
}
