/** The database's file: older ones are brought up, newer ones refused. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import attempts from "@/lib/store/attempts.sql" with { type: "text" };
import type { SqlRow } from "@/lib/store/database.ts";
import { openDatabase } from "@/lib/store/open_database.ts";
import { Evaluations } from "@/lib/store/evaluations.ts";
import { Jobs } from "@/lib/store/jobs.ts";
import { versions } from "@/lib/store/migrations.ts";
import { ModelImagesTable } from "@/lib/store/model_images.ts";
import { type PredictionQuery, Predictions } from "@/lib/store/predictions.ts";
import readings from "@/lib/store/readings.sql" with { type: "text" };
import firstSchema from "@/lib/store/schema.sql" with { type: "text" };
import { Reports } from "@/lib/store/reports.ts";
import { Similarities } from "@/lib/store/similarities.ts";
import secondSchema from "@/lib/store/studies.sql" with { type: "text" };
import { Tuning } from "@/lib/store/tuning.ts";
import thirdSchema from "@/lib/store/tuning.sql" with { type: "text" };
import { Workers } from "@/lib/store/workers.ts";
import { withDirectory } from "../support/temporary.ts";

Deno.test("a database of the version before is brought up, with its rows", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/x.db`;
    const old = new DatabaseSync(path);
    old.exec(`${firstSchema}; PRAGMA user_version = 1`);
    old.exec(
      "INSERT INTO jobs (id, kind, state, spec, progress, created_at) VALUES ('a', 'b', 'queued', '{}', '{}', '')",
    );
    old.exec(
      "INSERT INTO datasets (id, name, digest, structured, meta, created_at) VALUES ('a', 'b', '', 0, '{}', '')",
    );
    old.close();
    const database = await openDatabase(path);
    const row = (await database.get("SELECT id, study, sequence FROM jobs"))!;
    assert.deepEqual([row.id, row.study, row.sequence], ["a", null, 1]);
    // Sets of before go on with the names that they have.
    const set = (await database.get("SELECT names, version FROM datasets"))!;
    assert.deepEqual([set.names, set.version], ["keep", 0]);
    assert.equal(
      Object.values((await database.get<SqlRow>("PRAGMA user_version"))!)[0],
      versions.length,
    );
    await database.close();
  }));

Deno.test("variants of convolutions that were measured or held under older names are known by the new ones", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/x.db`;
    const old = new DatabaseSync(path);
    old.exec(`${firstSchema}; ${secondSchema}; ${thirdSchema}; PRAGMA user_version = 3`);
    const job = old.prepare(
      "INSERT INTO jobs (id, kind, state, spec, progress, created_at) VALUES (?, 'pretrain', 'queued', '{}', '{}', '')",
    );
    const held = old.prepare("INSERT INTO job_choices (job_id, choices) VALUES (?, ?)");
    const measured = old.prepare(`INSERT INTO tuning (device, "pass", variant) VALUES ('d', ?, ?)`);
    const shape = "2x8x8x16 3x3x32 /1+1";
    const before = {
      [`forward ${shape}`]: "lanes 2 images",
      [`data ${shape}`]: "winograd lanes",
      [`weight ${shape} f16`]: "plain",
      [`weight ${shape}`]: "vectors 64 by 128",
    };
    for (const [pass, variant] of Object.entries(before)) measured.run(pass, variant);
    for (const [id, selected] of [["a", before], ["b", {}]] as const) {
      job.run(id);
      held.run(id, JSON.stringify(selected));
    }
    old.close();
    const database = await openDatabase(path);
    const after = {
      [`forward ${shape}`]: "subgroup 2 images",
      [`backward_data ${shape}`]: "winograd subgroup",
      [`backward_weight ${shape} f16`]: "direct",
      [`backward_weight ${shape}`]: "vectors 64 by 128",
    };
    const tuning = new Tuning(database);
    assert.deepEqual(await tuning.ofDevice("d"), after);
    assert.deepEqual([await tuning.ofJob("a"), await tuning.ofJob("b"), await tuning.ofJob("c")], [
      { "": after },
      { "": {} },
      {},
    ]);
    await database.run("DELETE FROM jobs WHERE id = 'a'");
    assert.deepEqual(await tuning.ofJob("a"), {}, "what was held goes with its job");
    await database.close();
  }));

Deno.test("what was kept of a similarity is read from older rows", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/x.db`;
    const old = new DatabaseSync(path);
    old.exec(`${firstSchema}; ${secondSchema}; ${thirdSchema}; PRAGMA user_version = 3`);
    const insert = old.prepare(
      `INSERT INTO similarities (id, dataset_id, dataset_digest, job_id, measure, params, images,
       components, file, invalid, histogram, created_at)
       VALUES (?, '', '', '', 'cc', '{}', '[]', '[]', '', '[]', ?, '')`,
    );
    const lists = { top_k: 3, pairs: 6, above: 0.123456789 };
    insert.run("a", JSON.stringify({ pairs: 9, kept: { layout: "neighbours", ...lists } }));
    insert.run("b", JSON.stringify({ pairs: 9, kept: { layout: "matrix" } }));
    insert.run("c", JSON.stringify({ pairs: 9 }));
    insert.run(
      "d",
      JSON.stringify({ pairs: 9, kept: { layout: "neighbours", ...lists, above: null } }),
    );
    old.close();
    const database = await openDatabase(path);
    const rows = new Similarities(database);
    assert.deepEqual(
      await Promise.all(["a", "b", "c", "d"].map(async (id) => (await rows.get(id)).layout)),
      [
        { kind: "neighbours", ...lists },
        { kind: "matrix" },
        { kind: "matrix" },
        { kind: "neighbours", ...lists, above: null },
      ],
    );
    for (const id of ["a", "b", "c", "d"]) {
      assert.deepEqual((await rows.get(id)).histogram, { pairs: 9 });
    }
    await database.close();
  }));

Deno.test("older evaluations know the content they were made on; of older predictions nothing is vouched for", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/x.db`;
    const old = new DatabaseSync(path);
    old.exec(`${firstSchema}; ${secondSchema}; ${thirdSchema}; PRAGMA user_version = 3`);
    old.exec(`
      INSERT INTO jobs (id, kind, state, spec, progress, created_at)
        VALUES ('job', 'evaluate', 'succeeded', '{"dataset_digest": "d"}', '{}', '');
      INSERT INTO evaluations (id, job_id, metrics, scores, created_at)
        VALUES ('a', 'job', '{}', '[]', ''), ('b', 'gone', '{}', '[]', '');
      INSERT INTO predictions (id, model_id, dataset, image, label, probability, probabilities, created_at)
        VALUES ('named', 'm', 'set', 'x', 'l', 1, '{}', ''), ('sent', 'm', NULL, NULL, 'l', 1, '{}', '');
    `);
    old.close();
    const database = await openDatabase(path);
    const evaluations = new Evaluations(database);
    assert.deepEqual(
      await Promise.all(["a", "b"].map(async (id) => (await evaluations.get(id)).dataset_digest)),
      ["d", null],
    );
    const told = async (query: PredictionQuery) =>
      (await new Predictions(database).query(query)).data.map(({ id, stale }) => [id, stale]);
    assert.deepEqual(await told({}), [["named", true], ["sent", false]]);
    assert.deepEqual(await told({ stale: false }), [["sent", false]]);
    assert.deepEqual(await told({ stale: true, dataset: "set" }), [["named", true]]);
    await database.close();
  }));

Deno.test("what a model has looked at stays with those that started from it, once for all", () =>
  withDirectory(async (directory) => {
    const database = await openDatabase(`${directory}/x.db`);
    const insert = async (id: string) =>
      await database.run(
        `INSERT INTO models (id, kind, spec, lineage, file, created_at)
         VALUES (?, 'pretrained', '{}', '{}', '', '')`,
        id,
      );
    for (const id of ["first", "twin", "second", "third", "uploaded", "last"]) await insert(id);
    const images = new ModelImagesTable(database);
    const [one, two] = [{ images: ["1"], patients: ["p"] }, { images: ["2"], patients: [] }];
    await images.insert("first", one, null);
    await images.insert("twin", one, null);
    await images.insert("second", two, "first");
    await images.insert("third", two, "second");
    await images.insert("last", one, "uploaded");
    const sets = async () =>
      (await database.get<SqlRow>("SELECT count(*) AS n FROM image_sets"))!.n;
    assert.equal(await sets(), 2);
    for (const id of ["first", "twin", "second", "last"]) {
      await database.run("DELETE FROM models WHERE id = ?", id);
    }
    assert.deepEqual(await images.of("third"), { own: [two], before: [one, two], complete: true });
    assert.deepEqual(await images.of("uploaded"), { own: [], before: [], complete: false });
    await images.insert("uploaded", one, "nobody");
    assert.deepEqual(await images.of("uploaded"), { own: [one], before: [], complete: false });
    for (const id of ["third", "uploaded"]) {
      await database.run("DELETE FROM models WHERE id = ?", id);
    }
    assert.equal(await sets(), 0, "nothing is left of what nobody refers to");
    await database.close();
  }));

Deno.test("reports of before stay, and may be of readings", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/x.db`;
    const old = new DatabaseSync(path);
    const before = versions.slice(0, versions.indexOf(readings));
    old.exec(`${before.join(";")}; PRAGMA user_version = ${before.length}`);
    old.exec(
      `INSERT INTO datasets (id, name, digest, structured, meta, created_at) VALUES ('a', 'b', '', 0, '{}', '');
       INSERT INTO reports (id, dataset_id, kind, report, created_at) VALUES ('r1', 'a', 'gaze', '{"x":1}', '')`,
    );
    old.close();
    const database = await openDatabase(path);
    const reports = new Reports(database);
    await reports.insert({
      ...{ id: "r2", dataset_id: "a", kind: "readings", report: {}, created_at: "" },
    });
    const rows = await reports.ofDataset("a");
    assert.deepEqual(rows.map(({ kind, report }) => [kind, report]), [
      ["gaze", { x: 1 }],
      ["readings", {}],
    ]);
    await database.run("DELETE FROM datasets WHERE id = 'a'");
    assert.deepEqual(await reports.ofDataset("a"), []);
    await database.close();
  }));

Deno.test("workers and jobs of the version before stay; attempts come to them, and go with their job", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/x.db`;
    const old = new DatabaseSync(path);
    const before = versions.slice(0, versions.indexOf(attempts));
    assert.equal(before.length, 14);
    old.exec(`${before.join(";")}; PRAGMA user_version = ${before.length}`);
    old.exec(
      `INSERT INTO workers VALUES ('gpu', 0);
       INSERT INTO jobs (id, kind, state, spec, progress, fence, sequence, created_at, worker, lease_until)
       VALUES ('a', 'similarity', 'running', '{}', '{}', 3, 1, '', 'gpu', 0)`,
    );
    old.close();
    const database = await openDatabase(path);
    const [jobs, workers] = [new Jobs(database), new Workers(database)];
    assert.deepEqual(await jobs.attempts.ofJob("a"), []);
    await workers.hold("gpu");
    const [row] = await workers.list();
    assert.deepEqual([row.name, row.label, row.version, row.job], ["gpu", null, null, "a"]);
    const claimed = (await jobs.claim("other", { label: "box" }))!;
    await jobs.release("other");
    await jobs.claim("other", { label: "box" });
    const told = (await jobs.attempts.ofJob("a")).map(({ number, label, outcome, reason }) => [
      ...[number, label, outcome, reason],
    ]);
    assert.equal(claimed.fence, 4);
    assert.deepEqual(told, [[4, "box", "lost", "its worker died"], [5, "box", null, null]]);
    await database.run("DELETE FROM jobs");
    assert.deepEqual(await jobs.attempts.ofJob("a"), []);
    await database.close();
  }));

Deno.test("a database of a newer server is refused", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/x.db`;
    const database = await openDatabase(path);
    await database.run("PRAGMA user_version = 99");
    await database.close();
    await assert.rejects(async () => await openDatabase(path), /Cannot open .*version 99/);
  }));
