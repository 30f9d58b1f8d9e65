/** Names of DICOM files and of patients: nowhere to be found afterwards, and everything found by them. */
import assert from "node:assert/strict";
import { picture, zipOf } from "../support/archives.ts";
import { dicomFile, pixelElements, u16 } from "../support/dicom_file.ts";
import { type TestServer, withServer } from "../support/server.ts";

const CANARY = "QZCANARY";
const SIDE = 16;

const dicom = (seed: number) => {
  const values = Array.from({ length: SIDE * SIDE }, (_, i) => (i * 7 + seed * 31) % 4096);
  const form = pixelElements({ width: SIDE, height: SIDE });
  return dicomFile({ ...form, "7fe00010 OW": u16(...values) });
};

interface Image {
  name: string;
  label: string | null;
  patient: string | null;
  readers: { reader: string }[];
}

/** Places of the canary in the data directory, by file. */
function canariesIn(directory: string): string[] {
  return [...Deno.readDirSync(directory)].flatMap(({ name, isDirectory }) => {
    const path = `${directory}/${name}`;
    if (isDirectory) return [...canariesIn(path), ...(name.includes(CANARY) ? [path] : [])];
    const text = new TextDecoder("latin1").decode(Deno.readFileSync(path));
    return text.includes(CANARY) || name.includes(CANARY) ? [path] : [];
  });
}

const csv = (rows: string[]) => ["image,reader,x,y,duration_ms", ...rows].join("\n") + "\n";

async function upload(
  server: TestServer,
  set: string,
  query = "",
  patients = ["Doe", "Doe", "Roe"],
) {
  const [a, b, c] = patients.map((name) => `${CANARY} ${name}`);
  const body = await zipOf({
    [`images/${CANARY}_folder/${CANARY}_one.dcm`]: dicom(1),
    [`images/${CANARY}_two.dcm`]: dicom(2),
    "images/plain.png": picture(SIDE, SIDE, 3),
    "labels.csv": "image,label,patient\n" +
      `${CANARY}_folder/${CANARY}_one.dcm,benign,${a}\n${CANARY}_two,malignant,${b}\n` +
      `plain,benign,${c}\n${CANARY}_unknown,benign,${CANARY} Nobody\n`,
    "gaze/g.csv": csv([
      `${CANARY}_one.png,r1,5,5,200`,
      `C:\\stimuli\\${CANARY}_two.dcm,r1,5,5,200`,
      `${CANARY}_nowhere,r1,5,5,200`,
      "plain,r1,5,5,200",
    ]),
  });
  const answer = await server.fetch(`/v1/datasets/${set}${query}`, { method: "PUT", body });
  const text = await answer.text();
  assert.equal(answer.status, 201, text);
  return text;
}

Deno.test("names of DICOM files and of patients are hashes, by which everything is still found", async () => {
  await withServer(async (server) => {
    const answers: string[] = [];
    const ask = async <T>(path: string, init: RequestInit = {}): Promise<T> => {
      const response = await server.fetch(path, init);
      const text = await response.text();
      assert.ok(response.ok, `${path}: ${text}`);
      // The archive's own are bytes.
      answers.push(text, ...response.headers.values());
      return JSON.parse(text);
    };
    const post = (path: string, body: string) =>
      ask<Record<string, unknown>>(path, {
        method: "POST",
        body,
        headers: { "content-type": "text/csv", "idempotency-key": crypto.randomUUID() },
      });
    answers.push(await upload(server, "a"));
    assert.match(answers[0], /kept as keyed hashes/);
    const report = JSON.parse(answers[0]);
    assert.deepEqual([report.images, report.labels, report.gaze], [3, 3, 3]);

    const list = () => ask<{ data: Image[] }>("/v1/datasets/a/images");
    const { data } = await list();
    const names = data.map(({ name }) => name);
    const hashed = /^(dcm_[0-9a-f]{16}\/)?dcm_[0-9a-f]{16}$/;
    assert.deepEqual(names.map((name) => hashed.test(name)).sort(), [false, true, true]);
    const image = (name: string) => ask<Image>(`/v1/datasets/a/images/${encodeURIComponent(name)}`);
    const [one, two, plain] = await Promise.all(
      [`${CANARY}_folder/${CANARY}_one.dcm`, `${CANARY}_two`, "plain"].map(image),
    );
    assert.deepEqual([one.label, two.label, plain.label], ["benign", "malignant", "benign"]);
    for (const { readers } of [one, two, plain]) {
      assert.deepEqual(readers, [{ reader: "r1", fixations: 1 }]);
    }
    assert.match(one.patient!, /^patient_[0-9a-f]{16}$/);
    assert.equal(one.patient, two.patient);
    assert.notEqual(one.patient, plain.patient);

    // What comes later finds them too, and the same person is the same.
    const gaze = await post(
      "/v1/datasets/a/gaze?file=g.csv",
      csv([`${CANARY}_two.png,r2,5,5,200`, `${CANARY}_one,r2,5,5,200`, `${CANARY}_not,r2,5,5,200`]),
    );
    assert.equal(gaze.gaze, 2);
    const labels = await post(
      "/v1/datasets/a/labels",
      `image,patient\n${CANARY}_two.dcm,${CANARY} Roe\nplain,${CANARY} Roe\n`,
    );
    assert.equal(labels.labels, 2);
    assert.equal((await image(`${CANARY}_two`)).patient, plain.patient);
    const put = await ask<Image>(`/v1/datasets/a/images/${CANARY}_two.dcm`, {
      method: "PUT",
      body: dicom(9) as BodyInit,
    });
    assert.equal(put.name, two.name);
    assert.equal(put.patient, plain.patient);
    const fresh = await ask<Image>(`/v1/datasets/a/images/${CANARY}_three.dcm`, {
      method: "PUT",
      body: dicom(4) as BodyInit,
    });
    assert.match(fresh.name, hashed);
    const wrong = await server.fetch(`/v1/datasets/a/images/${CANARY}_four?names=keep`, {
      method: "PUT",
      body: dicom(4) as BodyInit,
    });
    assert.equal(wrong.status, 422);
    assert.match(await wrong.text(), /hashes names; import it anew/);

    // The same again is the same, and so is what was exported.
    await upload(server, "a");
    assert.deepEqual(await list().then(({ data }) => data.map(({ name }) => name)), names);
    const archive = await (await server.fetch("/v1/datasets/a/archive")).bytes();
    assert.ok(!new TextDecoder("latin1").decode(archive).includes(CANARY));
    await server.fetch("/v1/datasets/copy", { method: "PUT", body: archive });
    const [set, copy] = await Promise.all(
      ["a", "copy"].map((name) => ask<{ digest: string; names: string }>(`/v1/datasets/${name}`)),
    );
    assert.deepEqual([set.names, copy.digest], ["hash", set.digest]);
    for (const path of ["", "/gaze", "/report"]) await ask(`/v1/datasets/a${path}`);
    for (const text of answers) assert.ok(!text.includes(CANARY), text);
    assert.deepEqual(canariesIn(server.data), []);
    assert.ok(!server.log().includes(CANARY));

    // Where it is asked for, names stay, and stay so.
    await upload(server, "kept", "?names=keep");
    const kept = await server.json<{ data: Image[] }>("GET", "/v1/datasets/kept/images");
    assert.deepEqual(kept.data.map(({ name, patient }) => [name, patient]), [
      [`${CANARY}_folder/${CANARY}_one`, `${CANARY} Doe`],
      [`${CANARY}_two`, `${CANARY} Doe`],
      ["plain", `${CANARY} Roe`],
    ]);
    assert.match(await upload(server, "kept"), /kept as they are, as this data set does already/);
    assert.ok(canariesIn(server.data).length > 0);
  });
});
