/** Steps of a study on a server, each of which finds what an earlier call has made: uploads, jobs, studies. */
import type { Client, Job } from "./client.ts";
import { step } from "./terminal.ts";

/** How often news are told while a study runs. */
const NEWS_MS = 120_000;

/** A model by its name, and what is known of its own test where it was trained on this server. */
export interface StartModel {
  name: string;
  accuracy: number | null;
}

export interface ModelAnswer {
  id: string;
  name: string | null;
  lineage: { job?: string };
}

/** Undefined where there is none of this name. */
export async function modelNamed(client: Client, name: string): Promise<ModelAnswer | undefined> {
  try {
    return await client.call<ModelAnswer>("GET", `/v1/models/${encodeURIComponent(name)}`);
  } catch (error) {
    if (error instanceof Error && error.message.includes(": 404 ")) return undefined;
    throw error;
  }
}

/** What an initial network is: the accuracy is that of the training that made it. */
export async function startOf(client: Client, name: string): Promise<StartModel> {
  const job = (await modelNamed(client, name))?.lineage.job;
  if (job === undefined) return { name, accuracy: null };
  const { result } = await client.call<Job>("GET", `/v1/jobs/${job}`);
  const { metrics } = await client.call<{ metrics: { accuracy: number } }>(
    "GET",
    `/v1/evaluations/${result!.evaluation}`,
  );
  return { name, accuracy: metrics.accuracy };
}

/** Uploads a set where there is none of this name. */
export async function upload(
  client: Client,
  name: string,
  note: string,
  write: () => Promise<Uint8Array>,
): Promise<void> {
  const known = await client.call<{ data: { name: string }[] }>("GET", "/v1/datasets?limit=1000");
  if (known.data.some((dataset) => dataset.name === name)) return;
  const uploading = step(`upload of ${name}`);
  // Made-up names: the split is drawn by them.
  await client.call("PUT", `/v1/datasets/${name}?names=keep`, await write());
  uploading.done(note);
}

export interface StudyAnswer {
  id: string;
  name: string | null;
  job: string;
  state: Job["state"] | null;
}

/** Waits for the study of this name; starts it where there is none that is done or on its way. */
export async function study(
  client: Client,
  name: string,
  request: Record<string, unknown>,
  news: () => Promise<unknown>,
): Promise<void> {
  const line = step(`study ${name}`);
  let told = performance.now();
  const known = (await studiesOf(client)).find((study) =>
    study.name === name && study.state !== "failed" && study.state !== "cancelled"
  );
  const { id } = known
    ? { id: known.job }
    : await client.call<Job>("POST", "/v1/jobs", { ...request, name });
  if (known?.state === "paused") await client.call("POST", `/v1/jobs/${id}/resume`);
  const job = await client.finished(id, ({ progress: { done, total, unit } }) => {
    line.progress(total > 0 ? done / total : 0, `${done} of ${total} ${unit}`);
    if (performance.now() - told < NEWS_MS) return;
    told = performance.now();
    return news();
  });
  line.done(`${job.progress.total} cells`);
}

export async function studiesOf(client: Client): Promise<StudyAnswer[]> {
  const { data } = await client.call<{ data: StudyAnswer[] }>("GET", "/v1/studies?limit=1000");
  return data;
}

/** The trainings that a study has queued, each with its seconds. */
export async function trainingsOf(client: Client, { id, job }: StudyAnswer) {
  const { data } = await client.call<
    { data: { id: string; started_at: string | null; finished_at: string | null }[] }
  >("GET", `/v1/jobs?study=${id}&limit=1000`);
  return data.flatMap(({ id, started_at, finished_at }): [string, number][] =>
    id === job || started_at === null || finished_at === null
      ? []
      : [[id, (Date.parse(finished_at) - Date.parse(started_at)) / 1000]]
  );
}

/** Runs a job, with its progress on the terminal; what it gave. */
export async function run(client: Client, name: string, spec: Record<string, unknown>) {
  const line = step(name);
  const result = await client.job(spec, ({ progress: { done, total, unit } }: Job) => {
    line.progress(total > 0 ? done / total : 0, `${done} of ${total} ${unit}`);
  });
  line.done("");
  return result;
}
