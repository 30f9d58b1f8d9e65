/** Jobs of a real server, waited for. */
import assert from "node:assert/strict";
import { type TestServer, until } from "./server.ts";

/** What tests look at of a job that has succeeded. */
export interface DoneJob {
  id: string;
  state: string;
  error: string | null;
  result: Record<string, string>;
}

/** Waits until a job has ended, and that it has succeeded; one that pauses is waited for. */
export async function doneJob(server: TestServer, id: string, ms = 120_000): Promise<DoneJob> {
  let job!: DoneJob;
  await until(
    async () => {
      job = await server.json<DoneJob>("GET", `/v1/jobs/${id}`);
      return ["succeeded", "failed", "cancelled"].includes(job.state);
    },
    ms,
    () => JSON.stringify(job) + server.log(),
  );
  assert.equal(job.state, "succeeded", job.error ?? "");
  return job;
}

export async function runJob(server: TestServer, spec: Record<string, unknown>): Promise<DoneJob> {
  const { id } = await server.json<DoneJob>("POST", "/v1/jobs", spec);
  return await doneJob(server, id);
}

/** The numbers of the model that a job has made: its file's header tells which job that was. */
export async function trainedNumbers(
  server: TestServer,
  id: string,
  ms?: number,
): Promise<Uint8Array> {
  const { result } = await doneJob(server, id, ms);
  const bytes = await (await server.fetch(`/v1/models/${result.model}/weights`)).bytes();
  return bytes.subarray(8 + Number(new DataView(bytes.buffer).getBigUint64(0, true)));
}
