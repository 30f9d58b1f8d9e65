/** Lists as a page asks for them again and again: in part, only when they have changed, compressed, with totals. */
import assert from "node:assert/strict";
import { openStore } from "@/lib/store/mod.ts";
import { endedJob } from "../support/ended_job.ts";
import { type TestServer, withServer } from "../support/server.ts";
import { upload } from "../support/small_set.ts";
import { uploadModel } from "../support/uploaded_model.ts";

type Entry = Record<string, unknown>;
interface Page {
  data: Entry[];
  next: string | null;
  totals?: Record<string, number>;
}

const get = (server: TestServer, path: string, headers: Record<string, string> = {}) =>
  server.fetch(path, { headers });

Deno.test("lists in part, tagged, compressed", async (t) => {
  await withServer(async (server) => {
    await server.ready();
    await upload(server, "breast", 12);
    const model = await uploadModel(server, "two", { classes: ["benign", "malignant"] });

    await t.step(
      "fields: those alone, into objects too, in every list that has heavy ones",
      async () => {
        const images = await server.json<Page>(
          "GET",
          "/v1/datasets/breast/images?fields=name,label",
        );
        assert.equal(images.data.length, 12);
        for (const image of images.data) assert.deepEqual(Object.keys(image), ["name", "label"]);
        const models = await server.json<Page>(
          "GET",
          "/v1/models?fields=id,spec.width,spec.channels",
        );
        const [{ spec }] = (await server.json<Page>("GET", "/v1/models")).data as [{ spec: Entry }];
        const { width, channels } = spec;
        assert.deepEqual(models.data, [{ id: model, spec: { width, channels } }]);
        for (const list of ["jobs", "similarities", "evaluations", "studies"]) {
          assert.deepEqual((await server.json<Page>("GET", `/v1/${list}?fields=id`)).data, []);
        }
        const unknown = await get(server, "/v1/models?fields=id,wait");
        assert.equal(unknown.status, 400);
        assert.match((await unknown.json()).detail, /fields: Fields with commas, each of id, name/);
        // A dot after what has no fields is not passed over.
        const none = ["id.length", "classes.0", "spec.nothing", "created_at.year"];
        for (const nothing of ["spec..name", "spec.", "id,spec..width", ...none]) {
          const refused = await get(server, `/v1/models?fields=${nothing}`);
          assert.equal(refused.status, 400, nothing);
          assert.match((await refused.json()).detail, /a dot leads into an object/);
        }
      },
    );

    await t.step("a tag, and 304 for who has what it stands for, until it changes", async () => {
      const path = "/v1/datasets/breast/images";
      const first = await get(server, path);
      await first.bytes();
      const tag = first.headers.get("etag")!;
      assert.match(tag, /^W\/"[0-9a-f]{32}"$/);
      const again = await get(server, path, { "if-none-match": `"other", ${tag}` });
      assert.deepEqual([again.status, (await again.bytes()).length], [304, 0]);
      await server.fetch("/v1/datasets/breast/labels", {
        method: "POST",
        headers: { "content-type": "text/csv" },
        body: "image,label\nP001_CC,other\n",
      });
      const changed = await get(server, path, { "if-none-match": tag });
      assert.equal(changed.status, 200);
      const { data } = await changed.json();
      assert.equal(data.find(({ name }: Entry) => name === "P001_CC").label, "other");
    });

    await t.step(
      "JSON and the page's files go out compressed, pictures and weights do not",
      async () => {
        const encodingOf = async (path: string) => {
          const response = await fetch(server.url + path, {
            headers: { authorization: `Bearer ${server.key}`, "accept-encoding": "gzip" },
          });
          await response.body?.cancel();
          // The client takes the encoding's name away when it has decoded; what is left tells of it.
          return [response.headers.get("vary"), response.headers.get("content-length") === null];
        };
        for (const path of ["/openapi.json", "/", "/static/app.js", "/v1/datasets/breast/images"]) {
          assert.deepEqual(await encodingOf(path), ["Accept-Encoding", true], path);
        }
        // A short one costs more to pack than to send.
        assert.deepEqual(await encodingOf("/healthz"), ["Accept-Encoding", false]);
        for (
          const path of [
            "/v1/datasets/breast/images/P001_CC/image.png",
            `/v1/models/${model}/weights`,
            "/v1/datasets/breast/archive",
          ]
        ) assert.equal((await encodingOf(path))[0], null, path);
      },
    );

    await t.step("pictures: kept, tagged, gone with the data set", async () => {
      const path = "/v1/datasets/breast/images/P001_CC/overlay.png?size=16";
      const made = await get(server, path);
      const bytes = await made.bytes();
      assert.equal(made.headers.get("x-gaze"), "drawn");
      const tag = made.headers.get("etag")!;
      assert.deepEqual(await (await get(server, path)).bytes(), bytes);
      const known = await get(server, path, { "if-none-match": tag });
      assert.deepEqual([known.status, (await known.bytes()).length], [304, 0]);
      assert.equal(keptPictures(server).length, 1);
      await (await get(server, "/v1/datasets/breast/images/P001_CC/image.png?size=16")).bytes();
      assert.equal(keptPictures(server).length, 2);
      await server.json("DELETE", "/v1/datasets/breast");
      assert.deepEqual(keptPictures(server), []);
    });

    await t.step(
      "the page's own files: under a version for ever, else looked at again",
      async () => {
        const html = await (await get(server, "/")).text();
        const [, script] = /src="(\/static\/v-[0-9a-f]{12}\/app\.js)"/.exec(html)!;
        const versioned = await get(server, script);
        assert.match(versioned.headers.get("cache-control")!, /immutable/);
        assert.equal(await versioned.text(), await (await get(server, "/static/app.js")).text());
        for (
          const path of ["/static/app.js", "/static/v-000000000000/app.js", "/vendor/uplot.js"]
        ) {
          const response = await get(server, path);
          await response.body?.cancel();
          assert.deepEqual([response.status, response.headers.get("cache-control")], [
            200,
            "no-cache",
          ]);
        }
        const missing = await get(server, script.replace("app.js", "none.js"));
        await missing.body?.cancel();
        assert.equal(missing.status, 404);
      },
    );
  });
});

function keptPictures(server: TestServer): string[] {
  const cache = `${server.data}/cache`;
  try {
    return [...Deno.readDirSync(cache)].flatMap(({ name }) => {
      try {
        return [...Deno.readDirSync(`${cache}/${name}/pictures`)].map((file) => file.name);
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return [];
        throw error;
      }
    });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

Deno.test("a thousand jobs: a refresh is small; their totals, and a long series thinned out", async () => {
  const data = Deno.makeTempDirSync({ prefix: "mcgip_test_" });
  const store = await openStore(data);
  const spec = { dataset: "breast", method: "byol", arm: "gaze", seed: 1, note: "x".repeat(800) };
  const rows = Array.from(
    { length: 1000 },
    (_, i) => endedJob({ spec, state: i % 10 ? "cancelled" : "failed" }),
  );
  const job = rows[0].id;
  const peak = 31_337;
  await store.db.transaction(async () => {
    for (const row of rows) await store.jobs.insert(row);
    for (let from = 0; from < 100_000; from += 5000) {
      const points = Array.from({ length: 5000 }, (_, i) => {
        const step = from + i;
        return { step, epoch: 0, values: { loss: step === peak ? 99 : 1 / (1 + step), rate: 1 } };
      });
      await store.metrics.put(job, points);
    }
  });
  await store.close();
  try {
    await withServer(async (server) => {
      const path =
        "/v1/jobs?limit=100&fields=id,kind,state,progress,spec.method,spec.arm,spec.seed";
      const text = await (await get(server, path)).text();
      const packed = await new Response(
        new Blob([text]).stream().pipeThrough(new CompressionStream("gzip")),
      ).bytes();
      assert.ok(packed.length < 20_000, `${packed.length} bytes`);
      const page: Page = JSON.parse(text);
      assert.deepEqual([page.data.length, page.next !== null], [100, true]);
      const none = { queued: 0, running: 0, paused: 0, succeeded: 0 };
      assert.deepEqual(page.totals, { ...none, failed: 100, cancelled: 900 });
      const { as_of } = page as Page & { as_of: string };
      const since = async (text: string) =>
        (await server.json<Page>("GET", `/v1/jobs?fields=id,state&since=${text}`)).data;
      // All have ended in one moment: servers' clocks may differ by some seconds.
      assert.equal((await since(as_of)).length, 100);
      assert.equal((await since(as_of.replace(/\.\d+Z$/, "Z"))).length, 100);
      const later = new Date(Date.parse(as_of) + 60_000).toISOString();
      assert.deepEqual(await since(later), []);
      const failed = await server.json<Page>(
        "GET",
        "/v1/jobs?state=failed&limit=1&kind=pretrain&fields=id",
      );
      assert.deepEqual(failed.totals, page.totals);

      const response = await get(server, `/v1/jobs/${job}/metrics?points=1000`);
      const thin = await response.text();
      const series: { data: { step: number; name: string; value: number }[] } = JSON.parse(thin);
      const loss = series.data.filter(({ name }) => name === "loss");
      assert.ok(loss.length > 900 && loss.length <= 1000, `${loss.length} points`);
      assert.deepEqual(loss.find(({ step }) => step === peak)?.value, 99);
      assert.equal(loss[0].value, 1);
      const steps = loss.map(({ step }) => step);
      assert.deepEqual(steps, steps.toSorted((a, b) => a - b));
      const whole = await (await get(server, `/v1/jobs/${job}/metrics`)).bytes();
      assert.ok(thin.length < whole.length / 50, `${thin.length} bytes of ${whole.length}`);
      const short = await server.json<Page>(
        "GET",
        `/v1/jobs/${job}/metrics?points=1000&after_step=99990`,
      );
      assert.equal(short.data.length, 18);
      const csv = await get(server, `/v1/jobs/${job}/metrics?points=10&format=csv`);
      assert.equal(csv.status, 400);
      assert.match((await csv.json()).detail, /^Cannot thin out csv/);
    }, { data });
  } finally {
    Deno.removeSync(data, { recursive: true });
  }
});
