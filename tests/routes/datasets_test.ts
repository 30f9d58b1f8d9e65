/** Data sets and images over HTTP: what goes in comes out, what is wrong is named and leaves nothing. */
import assert from "node:assert/strict";
import { decodeImage } from "@/lib/images/decode.ts";
import type { DatasetReport } from "@/lib/datasets/report.ts";
import { unzip, zipOf } from "../support/archives.ts";
import { type TestServer, withServer } from "../support/server.ts";
import { smallArchive, upload } from "../support/small_set.ts";

interface Problem {
  status: number;
  detail: string;
  errors?: { pointer?: string; file?: string; line?: number; message: string }[];
}

async function problem(response: Response, status: number): Promise<Problem> {
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  const body = await response.json();
  assert.equal(response.status, status, JSON.stringify(body));
  assert.equal(body.status, status);
  assert.doesNotMatch(JSON.stringify(body), /\.ts:\d+/, "a stack trace");
  return body;
}

async function nothingKept(server: TestServer): Promise<void> {
  const { data } = await server.json<{ data: unknown[] }>("GET", "/v1/datasets");
  assert.deepEqual(data, []);
  const kept = [...Deno.readDirSync(`${server.data}/files`)]
    .flatMap(({ name }) => [...Deno.readDirSync(`${server.data}/files/${name}`)]);
  assert.deepEqual(kept, []);
  assert.deepEqual([...Deno.readDirSync(`${server.data}/tmp`)], []);
}

Deno.test("data sets and images over HTTP", async (t) => {
  await withServer(async (server) => {
    const archive = await smallArchive();
    const put = (name: string, body: BodyInit) =>
      server.fetch(`/v1/datasets/${name}`, { method: "PUT", body });

    await t.step("a form is no archive: what to send is said", async () => {
      const form = new FormData();
      form.set("file", new Blob([archive]), "set.zip");
      const { detail } = await problem(await put("breast", form), 415);
      assert.match(detail, /^Cannot read a form here: .*curl -T.*POST to \/v1\/datasets/);
      await nothingKept(server);
    });

    await t.step("a dry run reports and keeps nothing", async () => {
      const response = await put("breast?dry_run=true", archive);
      assert.equal(response.status, 200);
      const report = await response.json();
      assert.deepEqual(
        [report.name, report.images, report.gaze, report.readers, report.labels],
        ["breast", 12, 24, 2, 12],
      );
      await nothingKept(server);
    });

    await t.step("bad archives are refused with file and line, and leave nothing", async () => {
      const broken = await problem(await put("x", archive.slice(0, 3000)), 422);
      assert.match(broken.detail, /^Cannot /);
      await problem(await put("x", "not a zip"), 422);
      await problem(await put("x", ""), 422);
      const { errors } = await problem(
        await put(
          "x",
          await zipOf({ "images/a.png": "no picture", "labels.csv": "image,label\n" }),
        ),
        422,
      );
      assert.equal(errors?.[0].file, "images/a.png");
      const good = Object.fromEntries(await unzip(archive));
      const labels = new TextDecoder().decode(good["labels.csv"]);
      const bytes = await zipOf({ ...good, "labels.csv": labels + "ghost,benign\n" });
      const wrong = await problem(await put("x", bytes), 422);
      assert.equal(wrong.errors?.[0].file, "labels.csv");
      assert.equal(wrong.errors?.[0].line, labels.trimEnd().split("\n").length + 1);
      await nothingKept(server);
    });

    await t.step("an upload is streamed, reported, summed up, listed", async () => {
      const response = await put(
        "breast",
        ReadableStream.from([archive.slice(0, 9), archive.slice(9)]),
      );
      assert.equal(response.status, 201);
      assert.equal(response.headers.get("location"), "/v1/datasets/breast");
      const report = await response.json();
      const set = await server.json("GET", "/v1/datasets/breast");
      assert.equal(set.digest, report.digest);
      assert.deepEqual(set.labels, { benign: 6, malignant: 6 });
      const { data, has_more, next } = await server.json("GET", "/v1/datasets");
      assert.deepEqual([data, has_more, next], [[set], false, null]);
    });

    await t.step("a form does the same, once per Idempotency-Key", async () => {
      const form = (bytes: Uint8Array<ArrayBuffer>) => {
        const made = new FormData();
        made.append("file", new Blob([bytes]), "second.zip");
        return { method: "POST", body: made, headers: { "idempotency-key": "form-1" } };
      };
      const first = await server.fetch("/v1/datasets", form(archive));
      assert.equal(first.status, 201);
      const report = await first.json();
      assert.equal(report.name, "second");
      await server.json("DELETE", "/v1/datasets/second");
      const again = await server.fetch("/v1/datasets", form(archive));
      assert.equal(again.headers.get("idempotency-replayed"), "true");
      assert.deepEqual(await again.json(), report);
      const { data } = await server.json<{ data: unknown[] }>("GET", "/v1/datasets");
      assert.equal(data.length, 1, "the second request did nothing");
      const other = await server.fetch("/v1/datasets", form(await smallArchive(4)));
      await problem(other, 422);
    });

    await t.step("pages of images follow one another", async () => {
      const names: string[] = [];
      let after = "";
      do {
        const page = await server.json<{
          data: { name: string; readers: unknown[] }[];
          has_more: boolean;
          next: string | null;
        }>("GET", `/v1/datasets/breast/images?limit=5${after}`);
        names.push(...page.data.map(({ name }) => name));
        assert.ok(page.data.every(({ readers }) => readers.length === 2));
        after = page.has_more ? `&after=${encodeURIComponent(page.next!)}` : "";
      } while (after);
      assert.equal(names.length, 12);
      assert.deepEqual(names, [...new Set(names)].sort());
    });

    const image = "/v1/datasets/breast/images/P001_CC";
    await t.step("pictures are PNG of the right size", async () => {
      const { width, height } = await server.json<Record<string, number>>("GET", image);
      for (const kind of ["image", "heatmap", "overlay", "scanpath"]) {
        const response = await server.fetch(`${image}/${kind}.png`);
        assert.equal(response.headers.get("content-type"), "image/png");
        const picture = await decodeImage(new Uint8Array(await response.arrayBuffer()));
        assert.deepEqual([picture.width, picture.height], [width, height], kind);
      }
      const one = await server.fetch(`${image}/heatmap.png?reader=R1`);
      const all = await server.fetch(`${image}/heatmap.png`);
      assert.notDeepEqual(await one.bytes(), await all.bytes());
      await problem(await server.fetch(`${image}/heatmap.png?reader=nobody`), 404);
    });

    await t.step("gaze is given by reader", async () => {
      const { data } = await server.json<{ data: { reader: string; fixations: unknown[] }[] }>(
        "GET",
        `${image}/gaze?reader=R2`,
      );
      assert.deepEqual(data.map(({ reader }) => reader), ["R2"]);
      assert.deepEqual(Object.keys(data[0].fixations[0] as object).sort(), [
        "duration",
        "start",
        "x",
        "y",
      ]);
    });

    await t.step("images with folders in their names, gaze and labels are put in", async () => {
      const picture = await (await server.fetch(`${image}/image.png`)).bytes();
      const path = "/v1/datasets/breast/images/left/new one";
      const made = await server.fetch(path, { method: "PUT", body: picture });
      assert.equal(made.status, 201);
      assert.equal((await made.json()).name, "left/new one");
      const encoded = await server.fetch("/v1/datasets/breast/images/left%2Fnew%20one");
      assert.equal((await encoded.json()).name, "left/new one");
      const gaze =
        "image,reader,x,y,duration_ms\nleft/new one,R9,3,4,250\nleft/new one,R9,9,9,100\n";
      const report = await server.fetch("/v1/datasets/breast/gaze", { method: "POST", body: gaze });
      assert.deepEqual([report.status, (await report.json()).gaze], [200, 1]);
      const labels = "image,label\nleft/new one,odd\n";
      const set = await server.fetch("/v1/datasets/breast/labels", {
        method: "POST",
        body: labels,
      });
      const { labels: named, warnings } = await set.json();
      assert.equal(named, 1);
      assert.match(warnings[0].message, /^1 of 13 images have no patient/);
      const row = await server.json<{ label: string; readers: unknown }>("GET", path);
      assert.equal(row.label, "odd");
      assert.deepEqual(row.readers, [{ reader: "R9", fixations: 2 }]);
      const wrong = await server.fetch("/v1/datasets/breast/labels", {
        method: "POST",
        body: "image,label\nleft/new one,a\nnobody,b\n",
      });
      const { errors } = await problem(wrong, 422);
      assert.deepEqual([errors?.[0].file, errors?.[0].line], ["labels.csv", 3]);
    });

    await t.step("the report is kept, and grows with what is added", async () => {
      const report = await server.json<DatasetReport>("GET", "/v1/datasets/breast/report?limit=2");
      assert.deepEqual(report.entries.map(({ kind }) => kind), ["import", "gaze", "labels"]);
      const { digest } = await server.json("GET", "/v1/datasets/breast");
      assert.equal(report.digest, digest);
      const missing = report.warning_kinds.find(({ kind }) =>
        kind.startsWith("N of N images have")
      );
      assert.equal(missing?.count, 1);
      const { total, data, has_more, next } = report.recordings;
      assert.ok(total > 20 && has_more && next !== null);
      const [first] = data;
      assert.ok(first.assumptions.length > 0);
      assert.equal(first.facts!.format, "plain");
      assert.deepEqual(first.facts!.mapping, { ax: 1, bx: 0, ay: 1, by: 0 });
      assert.equal(first.facts!.share_off_image, 0);
      const rest = await server.json<DatasetReport>(
        "GET",
        `/v1/datasets/breast/report?after=${encodeURIComponent(next!)}`,
      );
      assert.equal(data.length + rest.recordings.data.length, total);
      await problem(await server.fetch("/v1/datasets/nope/report"), 404);
    });

    await t.step("a data set begins with one image, and is added to", async () => {
      const image = await (await server.fetch("/v1/datasets/breast/images/P001_CC/image.png"))
        .bytes();
      const path = "/v1/datasets/single/images/a.png";
      assert.equal((await server.fetch(path, { method: "PUT", body: image })).status, 201);
      const more = await zipOf({ "images/b.png": image, "labels.csv": "image,label\na,x\nb,y\n" });
      const add = (query: string) =>
        server.fetch(`/v1/datasets/single?mode=add${query}`, { method: "PUT", body: more });
      const added = await add("");
      const report = await added.json();
      assert.deepEqual([added.status, report.images, report.labels], [201, 1, 2]);
      const now = await server.json<{ images: number; labels: unknown; digest: string }>(
        "GET",
        "/v1/datasets/single",
      );
      assert.deepEqual([now.images, now.labels, now.digest], [2, { x: 1, y: 1 }, report.digest]);
      const { errors } = await problem(await add(""), 422);
      assert.match(errors![0].message, /Cannot add "b": the data set has it/);
      assert.equal((await add("&same=replace")).status, 201);
      await problem(await put("single?same=replace", more), 400);
      await problem(await put("single?upload=upl_x", more), 400);
      await server.json("DELETE", "/v1/datasets/single");
    });

    await t.step("the archive gives the same data set again", async () => {
      const { digest } = await server.json("GET", "/v1/datasets/breast");
      const body = await (await server.fetch("/v1/datasets/breast/archive")).bytes();
      const copy = await put("copy", body);
      assert.equal(copy.status, 201);
      assert.equal((await copy.json()).digest, digest);
    });

    await t.step("names that cannot be used, things that are not there", async () => {
      await problem(await put("a%2Fb", archive), 422);
      await problem(await put("%ff", archive), 404);
      await problem(await server.fetch("/v1/datasets/nope"), 404);
      await problem(await server.fetch("/v1/datasets/breast/images/nope"), 404);
      await problem(await server.fetch("/v1/datasets?limit=0"), 400);
      await problem(await server.fetch("/v1/datasets?colour=red"), 400);
      const { status, headers, body } = await server.fetch("/v1/datasets/breast", {
        method: "PATCH",
      });
      await body?.cancel();
      assert.deepEqual([status, headers.get("allow")], [405, "PUT, GET, DELETE"]);
    });

    await t.step("deleting leaves nothing", async () => {
      await server.json("DELETE", "/v1/datasets/breast");
      await server.json("DELETE", "/v1/datasets/copy");
      await problem(await server.fetch("/v1/datasets/breast", { method: "DELETE" }), 404);
      await nothingKept(server);
    });

    await t.step("names of images are in no log", async () => {
      await upload(server, "breast", 4);
      await (await server.fetch("/v1/datasets/breast/images/P001_CC/overlay.png")).bytes();
      assert.doesNotMatch(server.log(), /P001|breast/);
    });
  });
});
