/** Readers' decisions over HTTP: in by CSV, JSON and ZIP, out again, refused, analysed, beside a model. */
import assert from "node:assert/strict";
import { unzip, zipOf } from "../support/archives.ts";
import { runJob } from "../support/jobs.ts";
import { type TestServer, withServer } from "../support/server.ts";
import { upload } from "../support/small_set.ts";

interface Reading {
  image: string;
  reader: string;
  condition: string | null;
  label: string | null;
  confidence: number | null;
  rating: number | null;
  gaze: boolean;
}
interface Figures {
  reader: string;
  condition: string | null;
  score: string;
  auc: { auc: number; interval: [number, number] | null } | null;
  sensitivity: number | null;
  specificity: number | null;
  gaze: number;
}
interface Analysis {
  images: number;
  positive: string;
  conditions: (string | null)[];
  readers: Figures[];
  agreement: { pairs: { kappa: number }[]; fleiss_kappa: number }[];
  mrmc: { conditions: { auc: number }[]; differences: { p: number; p_holm: number }[] } | null;
  model: {
    images: number;
    auc: { auc: number };
    readers: { reader: string; reader_auc: number; difference: number; p: number }[];
  } | null;
  warnings: string[];
}
interface Report {
  readings: number;
  replaced: number;
  readers: string[];
  conditions: string[];
  warnings: { message: string }[];
}

const set = "/v1/datasets/breast";
const path = `${set}/readings`;

async function send(server: TestServer, method: string, body: string, query = "", to = path) {
  const type = body.startsWith("{") ? "application/json" : "text/csv";
  const response = await server.fetch(to + query, {
    ...{ method, body, headers: { "content-type": type } },
  });
  return { status: response.status, body: await response.json() };
}

Deno.test("readers' decisions over HTTP", async (t) => {
  await withServer(async (server) => {
    await server.ready();
    await upload(server, "breast", 24);
    const { data: images } = await server.json<{ data: { name: string; label: string }[] }>(
      "GET",
      `${set}/images?limit=1000`,
    );
    const get = () => server.json<{ data: Reading[] }>("GET", `${path}?limit=1000`);
    const analysis = (query = "") => server.json<Analysis>("GET", `${path}/analysis${query}`);
    const { digest, gaze: { readers: [gazer] } } = await server.json<
      { digest: string; gaze: { readers: string[] } }
    >("GET", set);
    /** Each reader errs on every so many images, sooner without help. */
    const table = (errs: Record<string, number>, condition = "") =>
      Object.entries(errs).flatMap(([reader, every]) =>
        images.map(({ name, label }, i) => {
          const other = label === "malignant" ? "benign" : "malignant";
          return `${name}.png,${reader},${i % every === 1 ? other : label},0.${
            3 + i % 7
          },${condition}\n`;
        })
      ).join("");
    const header = "image,reader,label,confidence,condition\n";
    const person = "Dr. Ann Smith";

    await t.step("a CSV comes in; people's names are those of their gaze", async () => {
      await send(
        server,
        "POST",
        `image,reader,x,y,duration_ms\n${images[0].name},${person},3,4,250\n`,
        "",
        `${set}/gaze`,
      );
      const { status, body } = await send(
        server,
        "PUT",
        header + table({ [gazer]: 5, [person]: 7, R9: 3 }),
      );
      assert.equal(status, 200, JSON.stringify(body));
      const report = body as Report;
      assert.deepEqual([report.readings, report.replaced, report.conditions], [72, 0, []]);
      assert.equal(report.readers.includes(person), false);
      assert.deepEqual(report.warnings, []);
      const { data } = await get();
      assert.equal(data.length, 72);
      const hashed = report.readers.find((reader) => reader.startsWith("reader_"))!;
      assert.deepEqual(
        data.filter((row) => row.reader === hashed && row.gaze).map(({ image }) => image),
        [images[0].name],
      );
      const own = await server.json<{ data: Reading[]; has_more: boolean }>(
        "GET",
        `${path}?limit=5&reader=${encodeURIComponent(person)}`,
      );
      assert.deepEqual([own.data.length, own.has_more], [5, true]);
      assert.ok(own.data.every(({ reader }) => reader === hashed));
      const csv = await (await server.fetch(`${path}?format=csv`)).text();
      assert.equal(csv.split("\n")[0], "image,reader,condition,label,confidence,rating,gaze");
      assert.equal(csv.trim().split("\n").length, 73);
    });

    await t.step(
      "figures of each reader, agreement and the analysis of readers and cases",
      async () => {
        const found = await analysis();
        assert.deepEqual([found.images, found.positive, found.conditions], [24, "malignant", [
          null,
        ]]);
        const errs = { [gazer]: 5, R9: 3 };
        for (const [reader, every] of Object.entries(errs)) {
          const own = found.readers.find((one) => one.reader === reader)!;
          const right = (label: string) => {
            const rows = images.flatMap((one, i) => one.label === label ? [i % every !== 1] : []);
            return rows.filter(Boolean).length / rows.length;
          };
          assert.equal(own.score, "confidence");
          assert.deepEqual([own.sensitivity, own.specificity], [
            right("malignant"),
            right("benign"),
          ]);
          assert.ok(own.auc!.auc > 0.5 && own.auc!.interval![0] < own.auc!.auc);
        }
        assert.equal(found.readers.find(({ reader }) => reader === gazer)!.gaze, 24);
        assert.equal(found.agreement[0].pairs.length, 3);
        assert.ok(found.mrmc!.conditions[0].auc > 0.5);
        const some = await analysis(`?readers=R9,${encodeURIComponent(person)}`);
        assert.equal(some.readers.length, 2);
        const negative = await analysis("?positive=benign");
        assert.ok(Math.abs(negative.readers[0].auc!.auc - found.readers[0].auc!.auc) < 1e-12);
        assert.equal(negative.readers[0].sensitivity, found.readers[0].specificity);
      },
    );

    await t.step("what is no reading is refused, and nothing is kept of it", async () => {
      const refused = async (rows: string, message: RegExp, method = "POST", head = header) => {
        const { status, body } = await send(server, method, head + rows);
        assert.equal(status, 422, JSON.stringify(body));
        assert.match(JSON.stringify(body.errors), message);
      };
      const { name } = images[0];
      await refused(`nothing,R1,benign,,\n`, /there is no image/);
      await refused(`${name},R1,malign,,\n`, /classes are .*benign.*malignant/);
      await refused(`${name},R1,benign,85,\n`, /confidence 85: it must be 0 to 1/);
      await refused(`${name},R1,benign,,\n${name}.png,R1,benign,,\n`, /second reading/, "PUT");
      await refused(`${name},R9,benign,,\n`, /the data set has one \(same=replace/);
      await refused(`${name},1\n`, /none names the reader/, "PUT", "image,label\n");
      const wrong = JSON.stringify({ readings: [{ image: name, reader: "R1", confidence: 0.5 }] });
      const { status, body } = await send(server, "PUT", wrong);
      assert.equal(status, 422);
      assert.deepEqual(body.errors[0].pointer, "/readings/0");
      assert.equal((await get()).data.length, 72);
      for (
        const [query, detail] of [
          ["?readers=R10", /no readings of reader \\"R10\\"/],
          ["?conditions=CT", /no readings of condition \\"CT\\"/],
          ["?positive=malign", /\\"malign\\" is no class/],
        ] as const
      ) {
        const response = await server.fetch(`${path}/analysis${query}`);
        assert.equal(response.status, 422);
        assert.match(await response.text(), detail);
      }
      assert.equal((await server.fetch(`${path}/analysis?evaluation=ev_no`)).status, 404);
    });

    await t.step(
      "conditions are compared; what one reader lacks is left out, with the counts",
      async () => {
        const help = header + table({ [gazer]: 9, [person]: 11, R9: 8 }, "with help");
        assert.equal((await send(server, "POST", help)).status, 200);
        const both = await analysis();
        assert.deepEqual(both.conditions, [null, "with help"]);
        assert.equal(both.mrmc!.differences.length, 1);
        assert.equal(both.mrmc!.differences[0].p, both.mrmc!.differences[0].p_holm);
        assert.equal((await analysis("?conditions=with help")).readers.length, 3);
        assert.deepEqual((await analysis("?conditions=")).conditions, [null]);
        assert.deepEqual((await analysis("?conditions=,with help")).mrmc, both.mrmc);
        const rated = { image: images[0].name, reader: "R10", rating: 4, condition: "with help" };
        const added = await send(server, "POST", JSON.stringify({ readings: [rated] }));
        assert.deepEqual(added.body.readings, 1);
        const found = await analysis("?conditions=with help");
        assert.equal(found.images, 1);
        assert.match(
          found.warnings.join("\n"),
          /1 of 24 images .* each of the 4 readers .*"R10" under "with help" 1/,
        );
        const again = await send(
          server,
          "POST",
          JSON.stringify({ readings: [{ ...rated, rating: 5 }] }),
          "?same=replace",
        );
        assert.equal(again.body.replaced, 1);
        assert.equal((await get()).data.find(({ reader }) => reader === "R10")!.rating, 5);
      },
    );

    await t.step("a ZIP carries readings out and in; they are no part of the digest", async () => {
      const zip = new Uint8Array(await (await server.fetch(`${set}/archive`)).arrayBuffer());
      assert.ok((await unzip(zip)).has("readings.csv"));
      const put = await server.fetch("/v1/datasets/copy", { method: "PUT", body: zip });
      const report = await put.json();
      assert.deepEqual([put.status, report.readings], [201, 145]);
      const copied = await server.json<{ data: Reading[] }>(
        "GET",
        "/v1/datasets/copy/readings?limit=1000",
      );
      const sorted = (rows: Reading[]) => rows.map((row) => JSON.stringify(row)).sort();
      assert.deepEqual(sorted(copied.data), sorted((await get()).data));
      // Of Dr. Smith's gaze alone the digest is another.
      const now = await server.json<{ digest: string; readings: { decisions: number } }>(
        "GET",
        set,
      );
      assert.equal(now.readings.decisions, 145);
      assert.notEqual(now.digest, digest);
      assert.equal(
        (await server.fetch("/v1/datasets/copy/readings", { method: "DELETE" })).status,
        204,
      );
      const bare = await server.json<{ digest: string; readings: { decisions: number } }>(
        "GET",
        "/v1/datasets/copy",
      );
      assert.deepEqual([bare.digest, bare.readings.decisions], [now.digest, 0]);
      const nothing = await server.fetch("/v1/datasets/copy/readings/analysis");
      assert.equal(nothing.status, 422);
      assert.match(await nothing.text(), /has no readings/);
      const alone = await zipOf({
        "readings.csv": `image,reader,label\n${images[0].name},R1,benign\nelsewhere,R1,benign\n`,
      });
      const add = (query: string) =>
        server.fetch(`/v1/datasets/copy?mode=add${query}`, { method: "PUT", body: alone });
      const added = await add("");
      const told = await added.json();
      assert.deepEqual([added.status, told.readings], [201, 1], JSON.stringify(told));
      assert.match(JSON.stringify(told.warnings), /Skipped: there is no image .*elsewhere/);
      assert.match(await (await add("")).text(), /the data set has one \(same=replace/);
      assert.equal((await add("&same=replace")).status, 201);
    });

    await t.step(
      "a model stands beside each reader, as long as the set is what it was tested on",
      async () => {
        const { result: { model } } = await runJob(server, {
          ...{ kind: "finetune", dataset: "breast", width: 4, image_size: 16, epochs: 1 },
          ...{ batch_size: 8, seed: 1 },
        });
        const { result: { evaluation } } = await runJob(server, {
          ...{ kind: "evaluate", dataset: "breast", model, split: "all" },
        });
        assert.equal(
          (await send(server, "PUT", header + table({ [gazer]: 5, R9: 3 }))).status,
          200,
        );
        const found = await analysis(`?evaluation=${evaluation}`);
        assert.equal(found.model!.images, 24);
        found.model!.readers.forEach(({ reader_auc, difference }, i) => {
          assert.ok(Math.abs(reader_auc - found.readers[i].auc!.auc) < 1e-12);
          assert.ok(Math.abs(difference - (found.model!.auc.auc - reader_auc)) < 1e-12);
        });
        // It was trained on some of these images.
        assert.match(found.warnings.join("\n"), /Of the evaluation: /);
        const other = await server.fetch(
          `/v1/datasets/copy/readings/analysis?evaluation=${evaluation}`,
        );
        assert.match(await other.text(), /it is of another data set/);
        await send(server, "POST", `image,label\n${images[0].name},odd\n`, "", `${set}/labels`);
        const stale = await server.fetch(`${path}/analysis?evaluation=${evaluation}`);
        assert.deepEqual([stale.status, /has changed/.test(await stale.text())], [409, true]);
        await send(
          server,
          "POST",
          "image,label\n" + images.map(({ name }) => `${name},odd\n`).join(""),
          "",
          `${set}/labels`,
        );
        const classless = await server.fetch(`${path}/analysis?positive=odd`);
        assert.match(
          await classless.text(),
          /of 48 readings decided for what is no class .* any more/,
        );
      },
    );
  });
});
