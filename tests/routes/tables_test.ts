/** Predictions, scores, measures of gaze and series as files of other programs; predictions and evaluations deleted. */
import assert from "node:assert/strict";
import { parquetReadObjects } from "hyparquet";
import { Conflict } from "@/lib/errors.ts";
import { newId, now, openStore } from "@/lib/store/mod.ts";
import { evaluations } from "@/routes/evaluations.ts";
import type { Call } from "@/routes/route.ts";
import { type TestServer, until, withServer } from "../support/server.ts";
import { upload } from "../support/small_set.ts";
import { uploadModel } from "../support/uploaded_model.ts";

type Row = Record<string, string | number | null>;

interface Page {
  data: (Row & { probabilities: Record<string, number> })[];
}

/** Cells of a CSV without quoted ones. */
function cells(text: string): Row[] {
  const [head, ...lines] = text.trimEnd().split("\n").map((line) => line.split(","));
  return lines.map((line) =>
    Object.fromEntries(line.map((cell, i) => [head[i], cell === "" ? null : cell]))
  );
}

/** The table in both forms, as rows of texts and numbers; fails where they differ. */
async function table(server: TestServer, path: string): Promise<Row[]> {
  const join = path.includes("?") ? "&" : "?";
  const parquet = await server.fetch(`${path}${join}format=parquet`);
  assert.equal(parquet.headers.get("content-type"), "application/vnd.apache.parquet");
  assert.match(parquet.headers.get("content-disposition")!, /^attachment; .*\.parquet$/);
  const rows = await parquetReadObjects({ file: await parquet.arrayBuffer() }) as Row[];
  const csv = await server.fetch(path, { headers: { accept: "text/csv" } });
  const asText = rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [name, value === null ? null : String(value)]),
    )
  );
  assert.deepEqual(cells(await csv.text()), asText);
  return rows;
}

/** A row as its table has it. */
const flat = ({ probabilities, ...row }: Page["data"][number]): Record<string, unknown> => ({
  ...row,
  ...Object.fromEntries(
    Object.entries(probabilities).map(([name, value]) => [`probability_${name}`, value]),
  ),
});

const status = async (response: Response) => {
  await response.body?.cancel();
  return response.status;
};

Deno.test("tables, and what can be deleted", async (t) => {
  await withServer(async (server) => {
    await server.ready();
    await upload(server, "breast", 12);
    const two = await uploadModel(server, "two", { classes: ["benign", "malignant"] });
    const three = await uploadModel(server, "three", { classes: ["a", "b", "malignant"] });
    const named = { dataset: "breast", images: ["P001_CC", "P001_MLO"] };
    for (const model of [two, three]) {
      await server.json("POST", `/v1/models/${model}/predictions`, named);
    }
    const path = "/v1/predictions";

    await t.step("predictions: a column for every class that is found", async () => {
      const { data } = await server.json<Page>("GET", path);
      const rows = await table(server, path);
      assert.equal(rows.length, 4);
      rows.forEach((row, i) => {
        const empty = ["a", "b", "benign", "malignant"].map((
          name,
        ) => [`probability_${name}`, null]);
        assert.deepEqual(row, { ...Object.fromEntries(empty), ...flat(data[i]) });
      });
      const some = await table(server, `${path}?model=two&image=P001_CC`);
      assert.deepEqual(some, [flat(data[0])]);
      assert.deepEqual(await table(server, `${path}?dataset=none`), []);
      assert.equal(await status(await server.fetch(`${path}?format=csv&limit=1`)), 400);
    });

    await t.step("predictions are deleted one by one, or by a query", async () => {
      const { data: [first, second] } = await server.json<Page>("GET", path);
      const one = `${path}/${first.id}`;
      assert.deepEqual(await server.json("GET", one), first);
      const remove = (at: string) => server.fetch(at, { method: "DELETE" });
      assert.deepEqual(
        [await status(await remove(one)), await status(await remove(one))],
        [204, 404],
      );
      assert.equal(await status(await server.fetch(one)), 404);
      const all = await remove(path);
      assert.equal(all.status, 400);
      assert.match((await all.json()).detail, /^Cannot delete all predictions: name/);
      assert.equal(await status(await remove(`${path}?model=nothing`)), 404);
      assert.deepEqual(await server.json("DELETE", `${path}?model=three&label=none`), {
        deleted: 0,
      });
      assert.deepEqual(await server.json("DELETE", `${path}?model=three`), { deleted: 2 });
      const left = await server.json<Page>("GET", path);
      assert.deepEqual(left.data, [second]);
    });

    await t.step("measures of gaze", async () => {
      for (const name of ["scanpaths", "agreement"]) {
        const of = `/v1/datasets/breast/gaze?table=${name}`;
        const { data } = await server.json<{ data: Row[] }>("GET", of);
        assert.ok(data.length > 10);
        assert.deepEqual(await table(server, of), data);
      }
      assert.equal(
        await status(await server.fetch("/v1/datasets/breast/gaze?format=parquet&after=x")),
        400,
      );
    });

    const run = async (spec: Record<string, unknown>) => {
      const { id } = await server.json<{ id: string }>("POST", "/v1/jobs", spec);
      let job!: { state: string; result: Record<string, string>; error: string | null };
      await until(async () => {
        job = await server.json("GET", `/v1/jobs/${id}`);
        return !["queued", "running"].includes(job.state);
      }, 120_000);
      assert.equal(job.state, "succeeded", job.error ?? "");
      return { id, ...job.result } as Record<string, string>;
    };
    const tuned = await run({
      ...{ kind: "finetune", dataset: "breast", width: 4, image_size: 16, epochs: 2 },
      ...{ batch_size: 4, folds: 2, seed: 1 },
    });

    await t.step("scores of an evaluation", async () => {
      const of = `/v1/evaluations/${tuned.evaluation}`;
      const { data } = await server.json<Page>("GET", `${of}/scores`);
      const whole = await server.json<{ scores: Page["data"] }>("GET", of);
      assert.deepEqual(data, whole.scores);
      const rows = data.map((row) => ({ ...flat(row), repeat: null }));
      assert.deepEqual(await table(server, `${of}/scores`), rows);
    });

    await t.step("series as JSON Lines and as an event file", async () => {
      const of = `/v1/jobs/${tuned.id}/metrics`;
      const { data } = await server.json<{ data: Row[] }>("GET", of);
      const lines = await server.fetch(`${of}?format=jsonl`);
      assert.equal(lines.headers.get("content-type"), "application/jsonl");
      const read = (await lines.text()).trimEnd().split("\n").map((line) => JSON.parse(line));
      assert.deepEqual(read, data);
      const file = await server.fetch(`${of}?format=tensorboard&name=loss`);
      assert.match(
        file.headers.get("content-disposition")!,
        /"events\.out\.tfevents\.\d{10}\.job_/,
      );
      const bytes = await file.bytes();
      const text = new TextDecoder("latin1").decode(bytes);
      assert.match(text, /brain\.Event:2/);
      assert.equal(
        text.split("loss").length - 1,
        data.filter(({ name }) => name === "loss").length,
      );
    });

    await t.step("an evaluation is deleted, its model stays", async () => {
      const of = `/v1/evaluations/${tuned.evaluation}`;
      assert.equal(await status(await server.fetch(of, { method: "DELETE" })), 204);
      assert.equal(await status(await server.fetch(of)), 404);
      assert.equal(await status(await server.fetch(of, { method: "DELETE" })), 404);
      assert.equal(await status(await server.fetch(`/v1/models/${tuned.model}`)), 200);
    });
  });
});

Deno.test("an evaluation in a study's table cannot be deleted before the study", async () => {
  const data = Deno.makeTempDirSync();
  const store = await openStore(data);
  try {
    const id = newId("ev");
    await store.evaluations.insert({
      ...{ id, model_id: null, dataset_id: null, job_id: "job_1", created_at: now() },
      ...{ metrics: {} as never, scores: [] },
    });
    await store.studies.insert({
      ...{ id: "st_1", job_id: "job_2", name: null, dataset_id: "ds_1", spec: {} as never },
      ...{ summary: null, created_at: now() },
    });
    await store.studies.insertCells("st_1", [{ row: "none", backbone: "resnet18", run: 0 }]);
    const [cell] = await store.studies.cells("st_1");
    await store.studies.updateCell(cell, { state: "done", evaluation: id });
    const { handle } = evaluations.find(({ operationId }) => operationId === "deleteEvaluation")!;
    const call = { services: { store }, params: { id } } as unknown as Call;
    await assert.rejects(
      async () => await handle(call),
      (error) => error instanceof Conflict && /study "st_1" needs it/.test(error.message),
    );
    await store.studies.remove("st_1");
    await handle(call);
    assert.equal(await store.evaluations.find(id), undefined);
  } finally {
    await store.close();
    Deno.removeSync(data, { recursive: true });
  }
});
