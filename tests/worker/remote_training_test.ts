/** `deno task worker` with MCGIP_API: a training on another machine gives the weights that the server's own worker gives. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { openStore } from "@/lib/store/mod.ts";
import { type TestServer, until, withServer } from "../support/server.ts";
import { upload } from "../support/small_set.ts";
import { uploadModel } from "../support/uploaded_model.ts";
import { withDirectory } from "../support/temporary.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

interface JobView {
  id: string;
  state: string;
  error: string | null;
  result: { model?: string; similarity?: string } | null;
}

interface Worker {
  local: boolean;
  ready: boolean;
  job: string | null;
}

const workersOf = async (server: TestServer) =>
  (await server.json<{ data: Worker[] }>("GET", "/v1/workers")).data;

async function workKey(server: TestServer): Promise<string> {
  const request = { name: "gpu box", scopes: ["work"] };
  return (await server.json<{ key: string }>("POST", "/v1/keys", request)).key;
}

/** `deno task worker` for a server; `ended` ends it where it has not. */
function startWorker(server: TestServer, key: string, cache: string) {
  const { tasks } = JSON.parse(Deno.readTextFileSync(`${root}/deno.json`));
  const worker = new Deno.Command(Deno.execPath(), {
    args: tasks.worker.command.split(" ").slice(1),
    cwd: root,
    env: { MCGIP_API: server.url, MCGIP_API_KEY: key, MCGIP_CACHE: cache },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let text = "";
  const reading = (async () => {
    for await (const part of worker.stderr.pipeThrough(new TextDecoderStream())) text += part;
  })();
  return {
    worker,
    log: () => text,
    async ended() {
      try {
        worker.kill("SIGKILL");
      } catch { /* it has ended */ }
      await worker.status;
      await reading;
    },
  };
}

Deno.test("the same training gives the same weights here and elsewhere", () =>
  withDirectory((directory) =>
    withServer(async (server) => {
      await server.ready();
      await upload(server, "set", 16);
      const key = await workKey(server);
      const store = await openStore(server.data, { shared: true });
      const { worker, log, ended } = startWorker(server, key, `${directory}/cache`);
      const all = () => server.log() + log();
      const workers = () => workersOf(server);
      const job = (id: string) => server.json<JobView>("GET", `/v1/jobs/${id}`);
      const submit = async (body: unknown) =>
        (await server.json<JobView>("POST", "/v1/jobs", body)).id;
      try {
        await until(
          async () => (await workers()).some(({ local, ready }) => !local && ready),
          60_000,
          all,
        );
        const spec = {
          ...{ kind: "pretrain", dataset: "set", method: "byol", arm: "gaze", width: 8 },
          ...{ config: { hidden: 16, output: 8 }, epochs: 12, batch_size: 8, image_size: 16 },
        };
        const done = async (id: string) => {
          await until(
            async () => !["queued", "running"].includes((await job(id)).state),
            120_000,
            all,
          );
          const ended = await job(id);
          assert.equal(ended.state, "succeeded", `${ended.error}\n${all()}`);
          return ended;
        };
        const similarity = (await done(
          await submit({ kind: "similarity", dataset: "set", measure: "multimatch" }),
        )).result!.similarity;
        const ids = [await submit({ ...spec, similarity }), await submit({ ...spec, similarity })];
        const ran = new Map<string, boolean>();
        await until(
          async () => {
            for (const { job, local } of await workers()) if (job !== null) ran.set(job, local);
            return ids.every((id) => ran.has(id));
          },
          60_000,
          async () => JSON.stringify([await Promise.all(ids.map(job)), [...ran]]) + all(),
        );
        assert.deepEqual(ids.map((id) => ran.get(id)).toSorted(), [false, true]);
        const digests: string[] = [];
        for (const id of ids) {
          const { result } = await done(id);
          digests.push((await store.models.get(result!.model!)).file);
        }
        assert.match(digests[0], /^[0-9a-f]{64}$/);
        assert.equal(digests[0], digests[1]);
        assert.ok([...Deno.readDirSync(`${directory}/cache/files`)].length > 0);

        worker.kill("SIGTERM");
        assert.equal((await worker.status).code, 0, log());
        await until(async () => (await workers()).length === 1, 5_000, all);
      } finally {
        await ended();
        await store.close();
      }
    })
  ));

Deno.test("a server without a GPU predicts by a worker elsewhere", () =>
  withDirectory((directory) =>
    withServer(async (server) => {
      await upload(server, "set", 12);
      const model = await uploadModel(server, "knee", { classes: ["no", "yes"], image_size: 32 });
      const { data: [{ name }] } = await server.json<{ data: { name: string }[] }>(
        "GET",
        "/v1/datasets/set/images?limit=1",
      );
      const predict = () =>
        server.fetch(`/v1/models/${model}/predictions`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ dataset: "set", images: [name] }),
        });
      await until(
        async () => {
          const [{ ready }] = await workersOf(server);
          return !ready && server.log().includes("Cannot");
        },
        30_000,
        server.log,
      );
      const before = await predict();
      await before.body?.cancel();
      assert.equal(before.status, 503);
      const cache = `${directory}/cache`;
      const { log, ended } = startWorker(server, await workKey(server), cache);
      try {
        await server.ready();
        const response = await predict();
        const text = await response.text();
        assert.ok(response.ok, `${response.status} ${text}\n${log()}`);
        const { data } = JSON.parse(text) as { data: { image: string }[] };
        assert.deepEqual(data.map(({ image }) => image), [name]);
        // The model alone: pictures are decoded by the server.
        assert.equal([...Deno.readDirSync(`${cache}/files`)].length, 1);
      } finally {
        await ended();
      }
    }, { env: { VK_DRIVER_FILES: "/dev/null", VK_ICD_FILENAMES: "/dev/null" } })
  ));
