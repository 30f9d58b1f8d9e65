/** Everything that a server has made is as its rows say; a change of any of it behind its back is told, with what to do. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { checkDatabase } from "@/lib/operations/checks/data.ts";
import { filesBelow } from "@/lib/operations/data_files.ts";
import { verify } from "@/lib/operations/verify.ts";
import { runTask } from "../support/program.ts";
import { type TestServer, until, withServer } from "../support/server.ts";
import { picture, zipTo } from "../support/archives.ts";
import { dicomFile, pixelElements } from "../support/dicom_file.ts";
import { withDirectory } from "../support/temporary.ts";
import { uploadModel } from "../support/uploaded_model.ts";

const SIDE = 32;

async function archive(directory: string): Promise<Uint8Array<ArrayBuffer>> {
  const names = Array.from({ length: 12 }, (_, i) => `i${i}`);
  const path = await zipTo(`${directory}/upload.zip`, {
    ...Object.fromEntries(names.map((name, i) => [`images/${name}.png`, picture(SIDE, SIDE, i)])),
    "images/turned.jpg": Deno.readFileSync(
      new URL("../fixtures/images/orientation_6.jpg", import.meta.url),
    ),
    "images/scan.dcm": dicomFile({
      ...pixelElements({ width: 5, height: 4, allocated: 8 }),
      "7FE00010 OB": new Uint8Array(20).map((_, i) => 3 * i),
    }),
    "images/text.pgm": new TextEncoder().encode("P2\n# a comment\n2 3\n255\n1 2 3 4 5 6\n"),
    "labels.csv": "image,label\n" + names.map((name, i) =>
      `${name},${i % 2 ? "x" : "y"}\n`
    ).join("") +
      "text,x\n",
    "gaze/fixations.csv": "image,reader,x,y,start_s,duration_s\n" +
      names.map((name, i) =>
        `${name},r1,${4 + i},${6 + i},0,0.5\n${name},r1,${9 + i},${3 + i},1,0.5\n`
      )
        .join(""),
  });
  return Deno.readFileSync(path);
}

async function done(server: TestServer, spec: Record<string, unknown>): Promise<string> {
  const { id } = await server.json<{ id: string }>("POST", "/v1/jobs", spec);
  let row!: { state: string; error: string | null };
  await until(
    async () => {
      row = await server.json("GET", `/v1/jobs/${id}`);
      return !["queued", "running"].includes(row.state);
    },
    180_000,
    () => JSON.stringify(row) + server.log().slice(-2000),
  );
  assert.equal(row.state, "succeeded", row.error ?? "");
  return id;
}

/** A data directory with something of every kind, and the checkpoints of a training that is paused. */
async function fill(folder: string): Promise<string> {
  const data = `${folder}/filled`;
  await withServer(async (server) => {
    await server.ready();
    const body = await archive(folder);
    const put = await server.fetch("/v1/datasets/set", { method: "PUT", body });
    assert.equal(put.status, 201, await put.text());
    await done(server, { kind: "similarity", dataset: "set", measure: "multimatch" });
    await done(server, {
      ...{ kind: "similarity", dataset: "set", measure: "multimatch" },
      ...{ keep: "neighbours", top_k: 3 },
    });
    const small = {
      dataset: "set",
      width: 4,
      image_size: 16,
      epochs: 1,
      batch_size: 4,
      tuning: "off",
    };
    await done(server, { ...small, kind: "pretrain", method: "simsiam", arm: "none" });
    await done(server, { ...small, kind: "finetune", init: "scratch", folds: 2 });
    await uploadModel(server, "model", { classes: ["x", "y"], image_size: SIDE });
    const { id } = await server.json<{ id: string }>("POST", "/v1/jobs", {
      ...{ ...small, kind: "pretrain", method: "byol", arm: "none", epochs: 2000 },
    });
    const steps = async () =>
      (await filesBelow(`${server.data}/checkpoints/${id}`)).filter((name) =>
        /step-0*[1-9]/.test(name)
      );
    await until(async () => (await steps()).length > 0, 120_000, server.log);
    await server.json("POST", `/v1/jobs/${id}/pause`);
    await until(
      async () =>
        (await server.json<{ state: string }>("GET", `/v1/jobs/${id}`)).state === "paused",
      60_000,
      server.log,
    );
    // The digest is known again.
    await server.json("GET", "/v1/datasets/set");
    await server.stop();
    const copied = await new Deno.Command("cp", { args: ["-a", server.data, data] }).output();
    assert.ok(copied.success);
  });
  return data;
}

Deno.test("all that a server makes is sound; each change behind its back is told, with what to do", (t) =>
  withDirectory(async (folder) => {
    const data = await fill(folder);
    const path = `${data}/mcgip.db`;
    const [database, sum] = [path, `${path}.sha256`].map((file) => Deno.readFileSync(file));
    const whole = async () => {
      const { faults, checkpoints } = await verify(data);
      assert.deepEqual(faults, []);
      assert.ok(checkpoints > 0);
    };
    await whole();
    assert.match(checkDatabase(data).verdict, /ok/);
    const restored = () => {
      Deno.writeFileSync(path, database);
      Deno.writeFileSync(`${path}.sha256`, sum);
    };
    const changes: [name: string, sql: string, told: RegExp][] = [
      [
        "JSON that is none",
        "UPDATE evaluations SET metrics = '{broken'",
        /of evaluations: its metrics is no JSON object; restore/,
      ],
      [
        "JSON of another kind",
        "UPDATE jobs SET spec = '[]'",
        /of jobs: its spec is no JSON object/,
      ],
      [
        "models of one file",
        "UPDATE models SET file = (SELECT file FROM models WHERE kind = 'uploaded')",
        /^model "mod_.*": its row .*, its file .*; train or upload it again/,
      ],
      [
        "a spec that is none",
        `UPDATE models SET spec = '{"backbone":"resnet18"}'`,
        /^model .*its spec is none/,
      ],
      [
        "images of one file",
        "UPDATE images SET file = (SELECT file FROM images WHERE name = 'i1') WHERE name = 'i0'",
        /^data set "set": its rows are not those/,
      ],
      [
        "a label",
        "UPDATE images SET label = 'x' WHERE name = 'i0'",
        /^data set "set": its rows are not those.*or put it in again/,
      ],
      [
        "a fixation",
        "UPDATE gaze SET fixations = '[]' WHERE id = (SELECT min(id) FROM gaze)",
        /^data set "set": its rows/,
      ],
      [
        "a width",
        "UPDATE images SET width = 7 WHERE name = 'i3'",
        /^image "i3" of data set "set": its row says png, \d+ bytes, 7x32, its file is png, \d+ bytes, 32x32; put it in again/,
      ],
      [
        "a size",
        "UPDATE images SET bytes = 7 WHERE name = 'text'",
        /^image "text" .* 7 bytes, 2x3, its file is pnm, \d+ bytes, 2x3/,
      ],
      [
        "a similarity's file",
        "UPDATE similarities SET file = (SELECT file FROM images WHERE name = 'i1')",
        /^similarity "sim_.*run its job again/,
      ],
    ];
    for (const [name, sql, told] of changes) {
      await t.step(name, async () => {
        const db = new DatabaseSync(path);
        db.exec(sql);
        db.close();
        const { faults } = await verify(data);
        assert.ok(faults.some((line) => told.test(line)), faults.join("\n"));
        assert.ok(faults.some((line) => /not as this server left it/.test(line)));
        assert.equal(checkDatabase(data).verdict, "warning");
        restored();
      });
    }
    await t.step("a checkpoint", async () => {
      const [name] = (await filesBelow(`${data}/checkpoints`))
        .filter((name) => name.endsWith(".safetensors"));
      const file = `${data}/checkpoints/${name}`;
      const good = Deno.readFileSync(file);
      Deno.writeFileSync(file, good.with(good.length - 1, good.at(-1)! ^ 1));
      const made = await runTask("verify", ["--data", data]);
      assert.equal(made.code, 1);
      assert.match(
        made.out,
        /^checkpoints\/job_.* holds other bytes .*the training goes on from one before/m,
      );
      assert.match(made.last, /^1 fault: .* \d+ checkpoints/);
      Deno.writeFileSync(file, good);
    });
    await whole();
  }));
