/** A study over HTTP with real workers: planned, started, paused, killed, finished; and its table. */
import assert from "node:assert/strict";
import { parse } from "csv-parse/sync";
import type { StudyReport } from "@/lib/studies/report.ts";
import type { Verdict } from "@/lib/studies/verdict.ts";
import { startServer, type TestServer, until, withServer } from "../support/server.ts";
import { upload } from "../support/small_set.ts";

interface Job {
  id: string;
  state: string;
  study: string | null;
  progress: { done: number; total: number; unit: string };
  result: Record<string, unknown> | null;
  error: string | null;
}

interface Plan {
  cells: number;
  seconds: number | null;
  bytes: number | null;
  parts: { kind: string; jobs: number; known: number; basis: string | null; bytes: number }[];
}

interface Figure {
  mean: number;
  n: number;
  std: number;
  interval: [number, number];
}

interface Study {
  verdict: Verdict;
  state: string;
  progress: { done: number };
  cells: { row: string; figures: Record<string, Figure>; differences: Record<string, unknown> }[];
  runs: {
    row: string;
    run: number;
    evaluation: string;
    finetune_job: string | null;
    error: string | null;
  }[];
}

const study = {
  kind: "study",
  dataset: "breast",
  methods: ["byol"],
  arms: ["none", "gaze"],
  seeds: [0, 1],
  cut: { quantile: 0.2 },
  pretrain: {
    ...{ epochs: 1, width: 8, image_size: 16, channels: 1, batch_size: 4 },
    config: { hidden: 16, output: 8 },
  },
  finetune: { epochs: 1, batch_size: 4, split: { validation: 0.2, test: 0.4 } },
};

const jobOf = (server: TestServer, id: string) => server.json<Job>("GET", `/v1/jobs/${id}`);

async function ended(server: TestServer, id: string): Promise<Job> {
  let job!: Job;
  await until(
    async () => {
      job = await jobOf(server, id);
      return ["succeeded", "failed", "cancelled"].includes(job.state);
    },
    120_000,
    () => JSON.stringify(job),
  );
  return job;
}

/** Uploads the set and compares its gaze. */
async function prepare(server: TestServer): Promise<Record<string, unknown>> {
  await upload(server, "breast", 16);
  const { id } = await server.json<Job>("POST", "/v1/jobs", {
    ...{ kind: "similarity", dataset: "breast", measure: "multimatch" },
  });
  return (await ended(server, id)).result!;
}

/** Row, run and probabilities of every image, of all trainings. */
async function scoresOf(server: TestServer, id: string): Promise<unknown[]> {
  const { study } = await jobOf(server, id);
  const { runs } = await server.json<Study>("GET", `/v1/studies/${study}`);
  return await Promise.all(runs.map(async ({ row, run, evaluation }) => {
    const { scores } = await server.json<{ scores: Record<string, unknown>[] }>(
      "GET",
      `/v1/evaluations/${evaluation}`,
    );
    // Patients are hashed by each server's own key.
    return { row, run, scores: scores.map((score) => ({ ...score, patient: null })) };
  }));
}

Deno.test("a study over HTTP", async (t) => {
  const data = Deno.makeTempDirSync({ prefix: "mcgip_test_" });
  let server = await startServer({ data });
  try {
    await server.ready();
    const { similarity } = await prepare(server);
    const request = { ...study, similarity };
    let id = "";

    await t.step("wrong requests are named by pointer, before anything is queued", async () => {
      const wrong: [Record<string, unknown>, number, string?][] = [
        [{ ...request, methods: [] }, 422, "/methods"],
        [{ ...request, similarity: null }, 422, "/similarity"],
        [{ ...request, similarity: "sim_nope" }, 404],
        [{ ...request, pretrain: { epoch: 1 } }, 422, "/pretrain/epoch"],
        [{ ...request, by_method: { byol: { config: { hidden: -1 } } } }, 422],
        [{ ...request, finetune: { mode: "magic" } }, 422, "/finetune/mode"],
        [{ ...request, imagenet: { resnet18: "nope" } }, 404],
        // Three rows each: 12,000 cells.
        [{ ...request, seeds: Array.from({ length: 4000 }, (_, i) => i) }, 422, "/seeds"],
      ];
      for (const [body, status, pointer] of wrong) {
        const response = await server.fetch("/v1/jobs", {
          method: "POST",
          body: JSON.stringify(body),
          headers: { "content-type": "application/json" },
        });
        const problem = await response.json();
        assert.equal(response.status, status, JSON.stringify(problem));
        if (pointer) assert.equal(problem.errors[0].pointer, pointer, JSON.stringify(problem));
      }
      assert.equal((await server.json<{ data: [] }>("GET", "/v1/studies")).data.length, 0);
    });

    await t.step("the published grid can be planned; nothing is queued by that", async () => {
      const plan = await server.json<Plan>("POST", "/v1/jobs", {
        ...{ kind: "study", dataset: "breast", similarity, dry_run: true },
        methods: ["moco", "byol", "simsiam"],
        backbones: ["resnet18", "resnet50", "resnet101"],
        pretrain: { image_size: 32, batch_size: 8, epochs: 300 },
      });
      assert.equal(plan.cells, (1 + 6) * 3 * 5);
      const jobs = (kind: string) =>
        plan.parts.filter((part) => part.kind === kind).reduce((sum, { jobs }) => sum + jobs, 0);
      assert.deepEqual([jobs("pretrain"), jobs("finetune")], [90, 105]);
      // Nothing has been timed yet: a few steps of a small training tell how fast the device is.
      assert.ok(plan.parts.every(({ basis }) => basis === "calibrated"));
      assert.ok(plan.seconds! > 60, `${plan.seconds}`);
      assert.ok(plan.bytes! > 100 * 2 ** 20, "ResNet-101 and its moments");
      const large = plan.parts.map(({ bytes }) => bytes);
      assert.ok(new Set(large).size > 6, `${large}`);
      const { data } = await server.json<{ data: unknown[] }>("GET", "/v1/jobs?kind=study");
      assert.equal(data.length, 0);
    });

    await t.step("started, paused, resumed: its jobs with it", async () => {
      const job = await server.json<Job>("POST", "/v1/jobs", request);
      id = job.id;
      assert.match(job.study!, /^stu_/);
      assert.deepEqual(job.progress, { done: 0, total: 6, unit: "cells" });
      await until(async () => (await jobOf(server, id)).progress.done >= 1, 60_000);
      const paused = await server.json<Job>("POST", `/v1/jobs/${id}/pause`);
      assert.equal(paused.state, "paused");
      const children = async () => {
        const { data } = await server.json<{ data: (Job & { kind: string })[] }>(
          "GET",
          `/v1/jobs?study=${job.study}`,
        );
        return data.filter(({ kind }) => kind !== "study").map(({ state }) => state);
      };
      await until(
        async () => (await children()).every((state) => !["queued", "running"].includes(state)),
        30_000,
      );
      const response = await server.fetch("/v1/datasets/breast", { method: "DELETE" });
      await response.body?.cancel();
      assert.equal(response.status, 409, "a paused study still reads its data set");
      assert.equal((await server.json<Job>("POST", `/v1/jobs/${id}/resume`)).state, "queued");
    });

    await t.step("it goes on when the worker and then the whole server are killed", async () => {
      const { done } = (await jobOf(server, id)).progress;
      Deno.kill(server.children().worker!, "SIGKILL");
      await until(async () => (await jobOf(server, id)).progress.done > done, 60_000);
      await server.stop("SIGKILL");
      server = await startServer({ data });
      await server.ready();
      const job = await ended(server, id);
      assert.equal(job.state, "succeeded", job.error ?? "");
      const { runs } = await server.json<Study>("GET", `/v1/studies/${job.study}`);
      assert.deepEqual(runs.flatMap(({ error }) => error ?? []), []);
      assert.deepEqual(job.result, { study: job.study, done: 6, failed: 0, cancelled: 0 });
    });

    await t.step("its cells hold figures of evaluations that exist", async () => {
      const { study: ref } = (await jobOf(server, id)).result!;
      const found = await server.json<Study>("GET", `/v1/studies/${ref}`);
      assert.deepEqual([found.state, found.progress.done], ["succeeded", 6]);
      assert.deepEqual(found.cells.map(({ row }) => row), ["scratch", "byol none", "byol gaze"]);
      assert.equal(found.runs.length, 6);
      for (const { row, figures, differences } of found.cells) {
        const { mean, n, std, interval } = figures.accuracy;
        assert.ok(n === 2 && std >= 0 && interval[0] <= mean && mean <= interval[1], row);
        const accuracies = await Promise.all(
          found.runs.filter((run) => run.row === row).map(async ({ finetune_job }) => {
            const { evaluation } = (await jobOf(server, finetune_job!)).result!;
            const { metrics } = await server.json<{ metrics: { accuracy: number } }>(
              "GET",
              `/v1/evaluations/${evaluation}`,
            );
            return metrics.accuracy;
          }),
        );
        assert.ok(Math.abs(mean - (accuracies[0] + accuracies[1]) / 2) < 1e-12);
        assert.equal(differences.accuracy !== null, row === "byol gaze");
      }
      assert.deepEqual(
        [found.verdict.outcome, found.verdict.control, found.verdict.comparisons[0].n],
        ["too_few", "none", 2],
      );
      const report = await server.json<StudyReport>("GET", `/v1/studies/${ref}/report?most=3`);
      assert.deepEqual(report.rows.map(({ row }) => row), ["scratch", "byol none", "byol gaze"]);
      for (const { roc, confusion, mistakes } of report.rows) {
        assert.equal(roc!.n, 2);
        assert.equal(confusion.flat().reduce((sum, count) => sum + count, 0), 12);
        assert.ok(mistakes.length <= 3);
      }
      const [first, second] = found.runs.filter(({ row }) => row === "byol gaze")
        .map(({ finetune_job }) => finetune_job);
      const { data } = await server.json<{ data: { name: string; runs: number }[] }>(
        "GET",
        `/v1/jobs/${first}/curves?with=${second}`,
      );
      assert.deepEqual(data.find(({ name }) => name === "loss")!.runs, 2);
      const unknown = await server.fetch(`/v1/studies/${ref}/report?class=none`);
      assert.equal(unknown.status, 422);
      assert.match((await unknown.json()).detail, /the classes are "benign", "malignant"/);
      const text = async (format: string) => {
        const response = await server.fetch(`/v1/studies/${ref}/table?format=${format}`);
        assert.equal(response.status, 200);
        return await response.text();
      };
      assert.match(await text("markdown"), /\| McGIP \+ BYOL \| [01]\.\d{3} ± 0\.\d{3} \\\* \|/);
      assert.match(await text("latex"), /\\begin\{tabular\}\{lcc\}/);
      assert.match(await text("latex&style=paper"), /\\toprule/);
      const styled = await server.fetch(`/v1/studies/${ref}/table?format=json&style=paper`);
      assert.equal(styled.status, 422);
      assert.match((await styled.json()).detail, /Cannot write JSON in the style of a paper/);
      assert.equal(parse(await text("csv"), { columns: true }).length, 9);
      assert.equal(JSON.parse(await text("json")).cells.length, 3);
      const picture = await text("svg");
      assert.match(picture, /^<svg /);
      assert.equal(picture.match(/<circle [^>]*r="2\.6"/g)!.length, 6, "a point for every run");
      const paper = await server.fetch(`/v1/studies/${ref}/table?format=svg&style=paper`);
      assert.match((await paper.json()).detail, /Cannot write a picture in the style of a paper/);
      const bad = await server.fetch(`/v1/studies/${ref}/table?format=xls`);
      await bad.body?.cancel();
      assert.equal(bad.status, 400);
    });

    await t.step("elsewhere, and without a break, it gives the same to the last bit", async () => {
      const interrupted = await scoresOf(server, id);
      await withServer(async (other) => {
        await other.ready();
        const { similarity } = await prepare(other);
        const job = await other.json<Job>("POST", "/v1/jobs", { ...study, similarity });
        assert.equal((await ended(other, job.id)).state, "succeeded");
        assert.deepEqual(await scoresOf(other, job.id), interrupted);
      });
    });

    await t.step("an arm more computes that arm only, by the plan and in fact", async () => {
      const more = { ...request, arms: ["none", "gaze", "shuffled"] };
      const plan = await server.json<Plan>("POST", "/v1/jobs", { ...more, dry_run: true });
      assert.deepEqual(plan.parts.map(({ kind, jobs, known }) => [kind, jobs, known]), [
        ["finetune", 8, 6],
        ["pretrain", 6, 4],
      ]);
      assert.ok(plan.parts.every(({ basis }) => basis === "measured"));
      assert.ok(plan.seconds! > 0 && plan.seconds! < 120, `${plan.seconds}`);
      const job = await server.json<Job>("POST", "/v1/jobs", more);
      const done = await ended(server, job.id);
      assert.equal(done.state, "succeeded", done.error ?? "");
      const { data } = await server.json<{ data: unknown[] }>("GET", `/v1/jobs?study=${job.study}`);
      assert.equal(data.length, 1 + 4);
      const gone = await server.fetch(`/v1/studies/${job.study}`, { method: "DELETE" });
      assert.equal(gone.status, 204);
    });
  } finally {
    await server.stop();
    Deno.removeSync(data, { recursive: true });
  }
});
