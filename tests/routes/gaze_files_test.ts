/** Gaze files over HTTP: every format, in a ZIP or alone, tried out first; real files give a report or name the line. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { gzipSync } from "node:zlib";
import type { Fixation } from "@/lib/gaze/gaze.ts";
import { picture, zipTo } from "../support/archives.ts";
import { type TestServer, withServer } from "../support/server.ts";
import { sharedTest } from "../support/shared.ts";
import { expectedOf, fixtureBytes, fixtures } from "../gaze/formats/fixture.ts";

interface Report {
  gaze: number;
  images: number;
  readers: number;
  fixations: number;
  samples: number;
  replaced: number;
  dropped: number;
  format: string;
  columns: Record<string, string>;
  assumptions: string[];
  warnings: { message: string }[];
  preview?: {
    image: string;
    reader: string;
    mapping: { ax: number; bx: number; ay: number; by: number };
    fixations: number;
    first: Fixation[];
  }[];
}

interface Gaze {
  data: {
    reader: string;
    fixations: { x: number; y: number; start: number; duration: number }[];
  }[];
}

async function put(server: TestServer, name: string, files: Record<string, string | Uint8Array>) {
  const path = await zipTo(`${server.data}/upload_${name}.zip`, files);
  const response = await server.fetch(`/v1/datasets/${name}`, {
    method: "PUT",
    body: Deno.readFileSync(path),
  });
  return { status: response.status, report: await response.json() };
}

async function post(
  server: TestServer,
  name: string,
  file: string,
  query: Record<string, string> = {},
  bytes: Uint8Array = new Uint8Array(readFileSync(file)),
) {
  const options = new URLSearchParams({ file: basename(file), ...query });
  const response = await server.fetch(`/v1/datasets/${name}/gaze?${options}`, {
    method: "POST",
    body: new Uint8Array(bytes),
  });
  return { status: response.status, answer: await response.json() };
}

const digest = async (server: TestServer, name: string) =>
  (await server.json<{ digest: string }>("GET", `/v1/datasets/${name}`)).digest;

const text = (value: unknown) => typeof value === "string" ? value : JSON.stringify(value);

/** Formats that need other files beside the gaze, which only an archive brings. */
const withCompanions = ["bids", "gazepoint", "reflacx"];

/** All that belongs to a fixture: other fixtures of its format may need other options. */
function folderOf(path: string): Record<string, Uint8Array> {
  const format = path.slice(0, path.indexOf("/"));
  const root = new URL(`../fixtures/gaze/${format}`, import.meta.url);
  const others = new Set(fixtures().filter((other) => other !== path));
  const names = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => `${parentPath}/${name}`.split("/fixtures/gaze/")[1])
    .filter((name) => !name.endsWith(".expected.json") && !others.has(name));
  return Object.fromEntries(names.map((name) => [`gaze/${name}`, fixtureBytes(name)]));
}

async function putImages(server: TestServer, name: string, images: Record<string, Uint8Array>) {
  for (const [image, body] of Object.entries(images)) {
    const path = `/v1/datasets/${name}/images/${encodeURIComponent(image)}`;
    const response = await server.fetch(path, { method: "PUT", body: new Uint8Array(body) });
    assert.ok(response.ok, await response.text());
  }
}

Deno.test("every format is read from an archive or a body", async (t) => {
  await withServer(async (server) => {
    await put(server, "one", { "images/none.png": picture(4, 4) });
    for (const path of fixtures()) {
      await t.step(path, async () => {
        const { images, options, gaze } = expectedOf(path);
        const pictures = Object.fromEntries(
          Object.entries(images).map(([name, [width, height]]) => [name, picture(width, height)]),
        );
        let name = "one";
        if (withCompanions.includes(path.slice(0, path.indexOf("/")))) {
          name = path.replaceAll(/\W/g, "_");
          const { status, report } = await put(server, name, {
            ...Object.fromEntries(
              Object.entries(pictures).map(([image, bytes]) => [`images/${image}.png`, bytes]),
            ),
            ...folderOf(path),
            "dataset.json": JSON.stringify(options),
          });
          assert.equal(status, 201, JSON.stringify(report));
          assert.equal(report.gaze, gaze.length, JSON.stringify(report));
        } else {
          await putImages(server, name, pictures);
          const query = Object.fromEntries(
            Object.entries(options).map(([key, value]) => [key, text(value)]),
          );
          const bytes = fixtureBytes(path);
          const { status, answer } = await post(server, name, path, query, bytes);
          assert.equal(status, 200, JSON.stringify(answer));
          assert.equal(answer.format, path.slice(0, path.indexOf("/")));
          assert.equal(answer.gaze, gaze.length, JSON.stringify(answer));
        }
        for (const one of gaze as { image: string; fixations: number[][] }[]) {
          const found = await server.json<Gaze>(
            "GET",
            `/v1/datasets/${name}/images/${encodeURIComponent(one.image)}/gaze`,
          );
          const all = found.data.map(({ fixations }) =>
            JSON.stringify(fixations.map((fixation) => numbersOf(fixation)))
          );
          assert.ok(all.includes(JSON.stringify(one.fixations)), all.join("\n"));
        }
      });
    }
  });
});

/** x, y, start, duration to six places, as expectations have them. */
function numbersOf({ x, y, start, duration }: Fixation): number[] {
  return [x, y, start, duration].map((value) => Math.round(value * 1e6) / 1e6 + 0);
}

sharedTest("real files: tried out, kept, or refused with the line", [
  "data/gaze_formats",
  "data/tobii_prolab",
  "data/multimatch_gaze/remodnav",
], async (formats, tobii, remodnav) => {
  await withServer(async (server) => {
    await put(server, "d", {
      "images/pic.png": picture(1920, 1080),
      // The recording itself names test.bmp.
      "images/test.png": picture(16, 9),
    });
    const before = await digest(server, "d");
    const trial = async (file: string, query: Record<string, string> = {}) => {
      const found = await post(server, "d", file, { image: "pic", dry_run: "true", ...query });
      assert.equal(found.status, 200, `${file}: ${JSON.stringify(found.answer)}`);
      const report: Report = found.answer;
      assert.equal(report.gaze, 1, file);
      assert.equal(report.preview!.length, 1, file);
      assert.ok(report.assumptions.length > 0, file);
      return report;
    };
    const eyelink = `${formats}/eyelink_asc`;
    for (const name of readdirSync(eyelink)) {
      const report = await trial(`${eyelink}/${name}`);
      assert.equal(report.format, "eyelink_asc");
      assert.ok(report.samples > 10 && report.assumptions.some((a) => /^screen of/.test(a)));
    }
    const fast = await trial(`${eyelink}/eyelink_monocular_2khz_example.asc`);
    // An image of 1920 x 1080 px scaled to a screen of 1280 x 1024.
    assert.deepEqual(fast.preview![0].mapping, { ax: 1.5, bx: 0, ay: 1.5, by: -228 });
    assert.match(JSON.stringify(fast.warnings), /62 % of the recording is without gaze/);
    const report = await trial(`${formats}/eyelink_dataviewer/18sat_fixfinal.csv`);
    assert.equal(report.fixations, 112);
    assert.deepEqual(report.preview![0].first.length, 10);
    assert.match(report.preview![0].reader, /^reader_[0-9a-f]{12}$/);
    assert.equal((await trial(`${formats}/smi_begaze/didec_example.txt`)).samples, 15);
    for (const name of readdirSync(remodnav).filter((name) => name.endsWith(".tsv"))) {
      assert.equal((await trial(`${remodnav}/${name}`)).format, "remodnav");
    }
    for (const name of readdirSync(tobii).filter((name) => name.endsWith(".tsv"))) {
      const file = `${tobii}/${name}`;
      const own = await trial(file);
      assert.equal(own.format, "tobii_prolab");
      assert.equal(own.columns["Sensor"], "Sensor");
      const mine = await trial(file, { filter: "ivt" });
      assert.match(mine.assumptions.join(), /fixations by I-VT: 30 deg\/s/);
      const clamped = await trial(file, { off_image: "clamp" });
      assert.equal(clamped.dropped, 0);
    }

    const table = (name: string) => `${formats}/misc_csv/${name}`;
    const wrong = await post(server, "d", table("emtec_example.csv"), { image: "pic" });
    assert.equal(wrong.status, 422);
    assert.deepEqual([wrong.answer.errors[0].line, wrong.answer.errors[0].column], [1, 6]);
    assert.match(wrong.answer.detail, /columns=t_ms:time/);
    const columns: Record<string, string> = {
      "emtec_example.csv": "t_ms:time",
      "hbn_example.csv": "x:x_pix,y:y_pix,t_ms:time",
      "judo1000_example.csv": "x:x_left,y:y_left,t_ms:time",
      "sbsat_example.csv": "x:x_left,y:y_left,t_ms:time",
      "potsdam_binge_pvt_example.csv": '{"x":"x_pix_eyelink","y":"y_pix_eyelink",' +
        '"t_ms":"eyelink_timestamp"}',
    };
    for (const name of readdirSync(`${formats}/misc_csv`)) {
      if (columns[name]) {
        const report = await trial(table(name), { columns: columns[name] });
        assert.equal(report.columns.t_ms, /t_ms"?:"?(\w+)/.exec(columns[name])![1]);
      } else {
        const { status, answer } = await post(server, "d", table(name), { image: "pic" });
        assert.equal(status, 422);
        assert.equal(answer.errors[0].line, 1);
      }
    }
    const bids = `${formats}/bids`;
    const alone = "sub-EP10_ses-01_task-dots_run-01_recording-eye1_physio.tsv.gz";
    const lonely = await post(server, "d", `${bids}/${alone}`, { image: "pic" });
    assert.match(lonely.answer.detail, /no sidecar .* a ZIP brings both/);
    assert.equal(await digest(server, "d"), before);
    const { gaze } = await server.json<{ gaze: { recordings: number } }>("GET", "/v1/datasets/d");
    assert.equal(gaze.recordings, 0);

    const folder = Object.fromEntries(
      readdirSync(bids).map((name) => [
        `gaze/bids/${name}`,
        new Uint8Array(readFileSync(`${bids}/${name}`)),
      ]),
    );
    const { status, report: made } = await put(server, "bids", {
      "images/sub-EP10_ses-01_task-dots_run-01.png": picture(800, 600),
      ...folder,
    });
    assert.deepEqual([status, made.gaze, made.skipped], [201, 1, 0], JSON.stringify(made));
  });
});

sharedTest("real scanpaths of films, one file for each viewer", [
  "data/multimatch_gaze/fixvectors",
], async (folder) => {
  await withServer(async (server) => {
    const set: Record<string, Uint8Array> = {};
    for (let i = 0; i < 28; i++) set[`images/segment_${i}.png`] = picture(64, 36, i);
    for (const name of readdirSync(folder)) {
      set[`gaze/${name}`] = new Uint8Array(readFileSync(`${folder}/${name}`));
    }
    // The pictures are smaller than the film was.
    const screen = { width_px: 1280, height_px: 720, image: "stretch" };
    const { status, report } = await put(server, "films", {
      ...set,
      "dataset.json": JSON.stringify({ screen }),
    });
    assert.equal(status, 201);
    assert.deepEqual([report.images, report.gaze, report.readers], [28, 56, 2]);
  });
});

Deno.test("wrong options, files and names are told", async () => {
  await withServer(async (server) => {
    await put(server, "d", { "images/a.png": picture(20, 10) });
    const csv = (text: string) => new TextEncoder().encode(text);
    const good = csv("image,x,y,duration_ms\na,5,5,200\n");
    const tries: [Record<string, string>, Uint8Array, number, RegExp][] = [
      [{ format: "magic" }, good, 400, /format/],
      [{ colour: "red" }, good, 400, /colour/],
      [{ columns: "x" }, good, 400, /columns.*JSON/],
      [{ filter: '{"kind":"ivt","speed":3}' }, good, 400, /filter/],
      [{ screen: "wide" }, good, 400, /screen/],
      [{ format: "smi_begaze" }, good, 422, /Cannot read f.csv/],
      [{}, csv(""), 422, /empty body/],
      [{}, csv("image,x,y,duration_ms\na,5,wide,200\n"), 422, /line 2, column 3/],
    ];
    for (const [query, bytes, expected, message] of tries) {
      const { status, answer } = await post(server, "d", "f.csv", query, bytes);
      assert.equal(status, expected, JSON.stringify([query, answer]));
      assert.match(JSON.stringify(answer), message);
    }
    const unknown = await post(server, "d", "f.csv", {}, csv("image,x,y,duration_ms\nb,5,5,2\n"));
    assert.equal(unknown.answer.gaze, 0);
    assert.match(
      unknown.answer.warnings[0].message,
      /its images are called "a"; the file says "b"/,
    );
    assert.match(unknown.answer.warnings[1].message, /image "b" is not in the data set/);
    // Large files are read in a thread of their own, with the same refusals.
    const many = Array.from({ length: 40_000 }, (_, i) => `a,5,5,${i === 39_000 ? "x" : i}\n`);
    const large = csv(`image,x,y,t_ms\n${many.join("")}`);
    const refused = await post(server, "d", "f.csv", {}, large);
    assert.deepEqual([refused.status, refused.answer.errors[0].line], [422, 39_002]);
    const whole = csv(`image,x,y,t_ms\n${many.join("").replace("x", "39000")}`);
    const kept = await post(server, "d", "f.csv", {}, whole);
    assert.deepEqual([kept.status, kept.answer.samples], [200, 40_000], JSON.stringify(kept));
  });
});

Deno.test("a file of unknown length, zipped or not, is the same gaze; of the file itself nothing stays", async () => {
  await withServer(async (server) => {
    await put(server, "d", { "images/a.png": picture(20, 10) });
    const rows = Array.from({ length: 30_000 }, (_, i) => `a,r,${i % 20},${i % 10},${i}\n`);
    const plain = new TextEncoder().encode(`image,reader,x,y,t_ms\n${rows.join("")}`);
    const stored = () => {
      const files: string[] = [];
      for (const { name } of Deno.readDirSync(`${server.data}/files`)) {
        for (const { name: file } of Deno.readDirSync(`${server.data}/files/${name}`)) {
          files.push(file);
        }
      }
      return files.sort();
    };
    const send = async (body: BodyInit) => {
      const url = "/v1/datasets/d/gaze?file=g.csv";
      const answer = await server.fetch(url, { method: "POST", body });
      return { status: answer.status, report: await answer.json() };
    };
    const first = await send(plain);
    assert.deepEqual([first.status, first.report.samples], [200, 30_000]);
    const kept = stored();
    const streamed = await send(ReadableStream.from([plain.slice(0, 9), plain.slice(9)]));
    const zipped = await send(new Uint8Array(gzipSync(plain)));
    for (const { status, report } of [streamed, zipped]) {
      assert.equal(status, 200);
      const { replaced, assumptions: _a, ...others } = report;
      const { replaced: _, assumptions: __, ...those } = first.report;
      assert.deepEqual(others, those);
      assert.equal(replaced, 1);
    }
    assert.deepEqual(stored(), kept);
    assert.deepEqual(
      [...Deno.readDirSync(`${server.data}/tmp`)].filter(({ isFile }) => isFile),
      [],
    );
    assert.equal((await send(ReadableStream.from([]))).status, 422);
  });
});
