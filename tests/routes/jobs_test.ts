/** Jobs over HTTP, with a real worker: queued, followed, stopped; similarities that come out of them. */
import assert from "node:assert/strict";
import { type TestServer, until, withServer } from "../support/server.ts";
import { upload } from "../support/small_set.ts";

interface Job {
  id: string;
  kind: string;
  state: string;
  spec: Record<string, unknown>;
  queue_position: number | null;
  result: Record<string, string> | null;
  error: string | null;
}

const post = (server: TestServer, body: unknown, headers: Record<string, string> = {}) =>
  server.fetch("/v1/jobs", {
    method: "POST",
    body: typeof body === "string" ? body : JSON.stringify(body),
    headers: { "content-type": "application/json", ...headers },
  });

async function finished(server: TestServer, id: string): Promise<Job> {
  let job!: Job;
  await until(
    async () => {
      job = await server.json<Job>("GET", `/v1/jobs/${id}`);
      return ["succeeded", "failed", "cancelled"].includes(job.state);
    },
    60_000,
    () => JSON.stringify(job),
  );
  return job;
}

/** The fields of server-sent events. */
function parse(text: string): { id: number; event: string; data: Record<string, unknown> }[] {
  return text.split("\n\n").filter((block) => block.includes("data: ")).map((block) => {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(block)![1];
    return { id: Number(field("id")), event: field("event"), data: JSON.parse(field("data")) };
  });
}

Deno.test("jobs over HTTP", async (t) => {
  await withServer(async (server) => {
    await server.ready();
    await upload(server, "breast");
    const spec = { kind: "similarity", dataset: "breast", measure: "multimatch" };

    await t.step("wrong requests are named by pointer", async () => {
      const wrong: [unknown, number, string?][] = [
        ["{", 400],
        ['{"a": 1e999, "b": ', 400],
        [JSON.parse("[".repeat(40) + "]".repeat(40)), 400],
        [{ ...spec, padding: "x".repeat(2 ** 20) }, 413],
        [{}, 422, "/kind"],
        [{ kind: "magic" }, 422, "/kind"],
        [{ ...spec, measure: "magic" }, 422, "/measure"],
        [{ ...spec, colour: 1 }, 422, "/colour"],
        [{ ...spec, params: { colour: 1 } }, 422, "/params/colour"],
        [{ ...spec, __proto__: null, constructor: 1 }, 422, "/constructor"],
        [{ ...spec, dataset: "nope" }, 404],
      ];
      for (const [body, status, pointer] of wrong) {
        const response = await post(server, body);
        const problem = await response.json();
        const told = `${JSON.stringify(body).slice(0, 100)}: ${JSON.stringify(problem)}`;
        assert.equal(response.status, status, told);
        if (pointer) assert.equal(problem.errors[0].pointer, pointer, told);
      }
      const type = await post(server, spec, { "content-type": "text/plain" });
      await type.body?.cancel();
      assert.equal(type.status, 415);
    });

    let job!: Job;
    await t.step("a job is accepted with its spec resolved", async () => {
      const response = await post(server, spec);
      assert.equal(response.status, 202);
      job = await response.json();
      assert.equal(response.headers.get("location"), `/v1/jobs/${job.id}`);
      const { digest } = await server.json("GET", "/v1/datasets/breast");
      assert.equal(job.spec.dataset_digest, digest);
      assert.match(job.spec.code_version as string, /^\d+\.\d+\.\d+/);
      assert.equal((job.spec.params as Record<string, unknown>).direction_deg, 45);
      const done = await finished(server, job.id);
      assert.equal(done.state, "succeeded", done.error ?? "");
      assert.match(done.result!.similarity, /^sim_/);
      job = done;
    });

    await t.step(
      "its resolved spec can be sent again; after a change of the data not",
      async () => {
        const again = await post(server, { kind: job.kind, ...job.spec });
        assert.equal(again.status, 202);
        await finished(server, (await again.json()).id);
        const other = await post(server, { kind: "similarity", ...job.spec, dataset_digest: "0" });
        await other.body?.cancel();
        assert.equal(other.status, 409);
      },
    );

    await t.step("events as pages and as a stream that can be taken up again", async () => {
      const path = `/v1/jobs/${job.id}/events`;
      const page = await server.json<{ data: { id: number; type: string }[]; has_more: boolean }>(
        "GET",
        `${path}?limit=2`,
      );
      assert.deepEqual(page.data.map(({ id, type }) => [id, type]), [[1, "state"], [2, "state"]]);
      assert.equal(page.has_more, true);
      const stream = await server.fetch(path, { headers: { accept: "text/event-stream" } });
      assert.equal(stream.headers.get("content-type"), "text/event-stream");
      const all = parse(await stream.text());
      assert.deepEqual(all.map(({ id }) => id), all.map((_, i) => i + 1));
      assert.deepEqual((all.at(-1)!.data.data as Record<string, unknown>).state, "succeeded");
      const rest = await server.fetch(path, {
        headers: { accept: "text/event-stream", "last-event-id": "2" },
      });
      assert.deepEqual(parse(await rest.text()), all.slice(2));
      const told = await (await server.fetch(`${path}?format=stream`)).text();
      assert.match(told, /^: .*\nretry: \d+\n\n/);
      const back = async (headers: Record<string, string>, query = "") => {
        const answer = await server.fetch(`${path}?format=stream${query}`, { headers });
        return [answer.status, await answer.text()] as const;
      };
      // All is heard: an EventSource stops at 204, and would ask for ever otherwise.
      const last = String(all.at(-1)!.id);
      assert.deepEqual(await back({ "last-event-id": last }), [204, ""]);
      assert.equal((await back({ "last-event-id": String(Number(last) - 1) }))[0], 200);
      assert.equal((await back({}, `&after=${last}`))[0], 200);
      assert.equal((await back({ "last-event-id": "x" }))[0], 400);
    });

    await t.step("a stream that is open hears of a job as it goes on", async () => {
      const { id } = await (await post(server, spec)).json();
      const stream = await server.fetch(`/v1/jobs/${id}/events`, {
        headers: { accept: "text/event-stream" },
      });
      const states = parse(await stream.text()).filter(({ event }) => event === "state")
        .map(({ data }) => (data.data as Record<string, unknown>).state);
      assert.deepEqual(states, ["queued", "running", "succeeded"]);
    });

    await t.step("metrics as JSON and CSV", async () => {
      const path = `/v1/jobs/${job.id}/metrics`;
      assert.ok(Array.isArray((await server.json("GET", path)).data));
      const csv = await server.fetch(path, { headers: { accept: "text/csv" } });
      assert.match(await csv.text(), /^step,epoch,name,value\n/);
    });

    await t.step("the same Idempotency-Key makes one job", async () => {
      const first = await (await post(server, spec, { "idempotency-key": "job-1" })).json();
      const second = await (await post(server, spec, { "idempotency-key": "job-1" })).json();
      assert.equal(second.id, first.id);
      const other = await post(server, { ...spec, measure: "dhash" }, {
        "idempotency-key": "job-1",
      });
      await other.body?.cancel();
      assert.equal(other.status, 422);
      await finished(server, first.id);
    });

    await t.step("the matrix as JSON, CSV and NPY says the same", async () => {
      const path = `/v1/similarities/${job.result!.similarity}`;
      const found = await server.json<{ images: string[]; components: string[] }>("GET", path);
      assert.equal(found.images.length, 12);
      const matrix = await server.json<{ images: string[]; values: (number | null)[][] }>(
        "GET",
        `${path}/matrix`,
      );
      assert.deepEqual(matrix.images, found.images);
      matrix.values.forEach((row, i) =>
        row.forEach((value, j) => {
          assert.equal(value, matrix.values[j][i]);
          if (i === j) assert.equal(value, 1);
        })
      );
      const csv = await (await server.fetch(`${path}/matrix?format=csv`)).text();
      const rows = csv.trimEnd().split("\n").slice(1).map((line) =>
        line.split(",").slice(1).map(Number)
      );
      assert.deepEqual(rows, matrix.values);
      const npy = await (await server.fetch(`${path}/matrix`, {
        headers: { accept: "application/octet-stream" },
      })).bytes();
      const values = new Float32Array(npy.buffer, npy.byteLength - 4 * 144, 144);
      values.forEach((value, i) =>
        assert.ok(Math.abs(value - matrix.values[Math.floor(i / 12)][i % 12]!) < 1e-7)
      );
      const part = await server.json<{ images: string[]; values: number[][] }>(
        "GET",
        `${path}/matrix?component=shape&images=${found.images[3]},${found.images[1]}`,
      );
      assert.deepEqual(part.images, [found.images[3], found.images[1]]);
      assert.equal(part.values.length, 2);
      const near = await server.json<{ data: { image: string; similarity: number }[] }>(
        "GET",
        `${path}/pairs?image=${found.images[0]}&top=3`,
      );
      const best = matrix.values[0].slice(1).sort((a, b) => b! - a!).slice(0, 3);
      near.data.forEach(({ similarity }, i) => assert.ok(Math.abs(similarity - best[i]!) < 1e-7));
      const audit = await server.json<{ labels: { auc: number }; cuts: unknown[] }>(
        "GET",
        `${path}/audit`,
      );
      assert.ok(audit.labels.auc >= 0 && audit.labels.auc <= 1 && audit.cuts.length > 0);
    });

    await t.step("a data set that a job reads cannot be deleted; an ended job can", async () => {
      const removed = await server.fetch(`/v1/jobs/${job.id}`, { method: "DELETE" });
      assert.equal(removed.status, 204);
      const gone = await server.fetch(`/v1/jobs/${job.id}`);
      await gone.body?.cancel();
      assert.equal(gone.status, 404);
      assert.equal((await server.fetch(`/v1/similarities/${job.result!.similarity}`)).status, 200);
    });
  });
});

Deno.test("the queue: places, filters, cancelling, and its end at 32", async () => {
  // The worker is stopped, so that jobs wait.
  await withServer(async (server) => {
    await server.ready();
    await upload(server, "breast", 4);
    Deno.kill(server.children().worker!, "SIGSTOP");
    const { worker } = server.children();
    try {
      const spec = { kind: "similarity", dataset: "breast", measure: "dhash" };
      const ids: string[] = [];
      let response = await post(server, spec);
      for (; response.status === 202; response = await post(server, spec)) {
        ids.push((await response.json()).id);
      }
      assert.equal(response.status, 429);
      assert.match(response.headers.get("retry-after")!, /^\d+$/);
      await response.body?.cancel();
      assert.ok(ids.length === 32 || ids.length === 33, `${ids.length}`);
      const waiting = await server.json<{ data: Job[] }>("GET", "/v1/jobs?state=queued&limit=1000");
      const places = waiting.data.map(({ queue_position }) => queue_position).reverse();
      assert.deepEqual(places, places.map((_, i) => i));
      const locked = await server.fetch("/v1/datasets/breast", { method: "DELETE" });
      await locked.body?.cancel();
      assert.equal(locked.status, 409);
      const last = ids.at(-1)!;
      const cancelled = await server.json<Job>("POST", `/v1/jobs/${last}/cancel`);
      assert.deepEqual([cancelled.state, cancelled.queue_position], ["cancelled", null]);
      const twice = await server.fetch(`/v1/jobs/${last}/cancel`, { method: "POST" });
      await twice.body?.cancel();
      assert.equal(twice.status, 409);
      const paused = await server.json<Job>("POST", `/v1/jobs/${ids.at(-2)}/pause`);
      assert.equal(paused.state, "paused");
      const found = await server.json<{ data: Job[] }>(
        "GET",
        "/v1/jobs?kind=similarity&state=paused&dataset=breast",
      );
      assert.deepEqual(found.data.map(({ id }) => id), [ids.at(-2)]);
      const again = await server.json<Job>("POST", `/v1/jobs/${ids.at(-2)}/resume`);
      assert.equal(again.state, "queued");
    } finally {
      Deno.kill(worker!, "SIGCONT");
    }
  });
});
