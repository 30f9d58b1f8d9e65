/** Models, evaluations and predictions over HTTP, with a real classifier. */
import assert from "node:assert/strict";
import { bytes, dicomFile, pixelElements, u16 } from "../support/dicom_file.ts";
import { decodePool } from "@/lib/images/decode_pool.ts";
import { readSafetensors } from "@/lib/models/safetensors.ts";
import { until, withServer } from "../support/server.ts";
import { upload } from "../support/small_set.ts";

interface Prediction {
  id: string;
  model: string;
  dataset: string | null;
  image: string | null;
  thumbnail: boolean;
  label: string;
  probabilities: Record<string, number>;
}

Deno.test("a classifier: fine-tuned, evaluated, asked, downloaded, uploaded, deleted", async (t) => {
  await withServer(async (server) => {
    await server.ready();
    await upload(server, "breast", 16);
    const job = async (spec: Record<string, unknown>) => {
      const { id } = await server.json<{ id: string }>("POST", "/v1/jobs", spec);
      let row!: { state: string; error: string | null; result: Record<string, string> };
      await until(
        async () => {
          row = await server.json("GET", `/v1/jobs/${id}`);
          return !["queued", "running"].includes(row.state);
        },
        120_000,
        () => JSON.stringify(row),
      );
      assert.equal(row.state, "succeeded", row.error ?? "");
      return row.result;
    };
    const result = await job({
      kind: "finetune",
      dataset: "breast",
      name: "tumour",
      width: 4,
      image_size: 16,
      epochs: 2,
      batch_size: 8,
      seed: 1,
    });
    const model = `/v1/models/${result.model}`;
    const picture = await (await server.fetch("/v1/datasets/breast/images/P001_CC/image.png"))
      .bytes();
    const ask = (body: BodyInit, headers: Record<string, string> = {}) =>
      server.fetch(`${model}/predictions`, { method: "POST", body, headers });

    await t.step("the model tells where it comes from, by id and by name", async () => {
      const row = await server.json<Record<string, unknown>>("GET", model);
      assert.deepEqual(await server.json("GET", "/v1/models/tumour"), row);
      assert.deepEqual(
        [row.kind, row.name, row.version, row.dataset, row.classes],
        ["classifier", "tumour", 1, "breast", ["benign", "malignant"]],
      );
      const { data } = await server.json<{ data: unknown[] }>("GET", "/v1/models");
      assert.deepEqual(data, [row]);
    });

    await t.step("its evaluation holds metrics and scores", async () => {
      const found = await server.json<Record<string, unknown>>(
        "GET",
        `/v1/evaluations/${result.evaluation}`,
      );
      assert.equal(found.model, result.model);
      assert.equal(found.dataset, "breast");
      assert.ok((found.scores as unknown[]).length > 0);
      const again = await job({
        ...{ kind: "evaluate", dataset: "breast", model: "tumour", split: "all" },
      });
      const all = await server.json<{ scores: unknown[] }>(
        "GET",
        `/v1/evaluations/${again.evaluation}`,
      );
      assert.equal(all.scores.length, 16);
      const same = await server.json<
        { images: number; figures: Record<string, unknown>; warnings: string[] }
      >(
        "GET",
        `/v1/evaluations/${again.evaluation}/difference?to=${again.evaluation}`,
      );
      assert.equal(same.images, 16);
      const { warnings } = await server.json<{ warnings: string[] }>(
        "GET",
        `/v1/evaluations/${again.evaluation}`,
      );
      assert.ok(warnings.length > 0);
      for (const text of warnings) {
        assert.ok(same.warnings.some((told) => told.endsWith(text)), text);
      }
      assert.deepEqual(same.figures.accuracy, { value: 0, n: 1, interval: [0, 0], p: 1 });
      const other = await server.fetch(
        `/v1/evaluations/${again.evaluation}/difference?to=${result.evaluation}`,
      );
      assert.equal(other.status, 422, await other.text());
    });

    let stored!: Prediction[];
    await t.step("pictures of a data set and of the request get the same answer", async () => {
      const names = ["P001_CC", "P002_CC"];
      const { data } = await server.json<{ data: Prediction[] }>("POST", `${model}/predictions`, {
        dataset: "breast",
        images: names,
      });
      assert.deepEqual(data.map(({ image }) => image), names);
      for (const { probabilities, label } of data) {
        const values = Object.values(probabilities);
        assert.ok(Math.abs(values.reduce((a, b) => a + b) - 1) < 1e-5);
        assert.equal(probabilities[label], Math.max(...values));
      }
      stored = data;
      for (
        const type of ["image/png", "application/octet-stream", "application/x-www-form-urlencoded"]
      ) {
        const sent = await (await ask(picture, { "content-type": type })).json();
        assert.deepEqual(sent.data[0].probabilities, data[0].probabilities, type);
        assert.deepEqual([sent.data[0].dataset, sent.data[0].image], [null, null]);
      }
      const form = new FormData();
      form.append("one", new Blob([picture]), "a patient's name.png");
      form.append("two", new Blob([picture]), "b.png");
      const both = await (await ask(form)).json();
      assert.equal(both.data.length, 2);
      assert.deepEqual(both.data[1].probabilities, data[0].probabilities);
      assert.deepEqual(
        both.data.map(({ file }: { file: string }) => file),
        ["a patient's name.png", "b.png"],
      );
      const { data: listed } = await server.json<{ data: unknown[] }>("GET", "/v1/predictions");
      assert.doesNotMatch(JSON.stringify(listed), /patient's/, "names of files are not stored");
      form.append("three", new Blob(["no picture"]), "c.png");
      const bad = await ask(form);
      const problem = await bad.json();
      assert.equal(bad.status, 422);
      assert.match(problem.detail, /Cannot use "c.png"/);
      assert.equal(problem.errors[0].file, "c.png");
      form.set("three", new Blob([]), "d.png");
      assert.match((await (await ask(form)).json()).detail, /"d.png" is empty/);
    });

    await t.step("predictions are stored and found", async () => {
      const query = async (text: string) =>
        (await server.json<{ data: Prediction[] }>("GET", `/v1/predictions?${text}`)).data;
      assert.deepEqual(await query("dataset=breast"), stored);
      assert.deepEqual(await query("image=P002_CC"), stored.slice(1));
      const newest = await query("order=newest");
      assert.deepEqual(newest.toReversed(), await query("order=oldest"));
      const { next } = await server.json<{ next: string }>(
        "GET",
        "/v1/predictions?order=newest&limit=2",
      );
      assert.deepEqual(await query(`order=newest&limit=3&after=${next}`), newest.slice(2, 5));
      assert.equal((await query("model=tumour")).length, 7);
      const sure = stored[0].probabilities[stored[0].label];
      assert.ok((await query(`min_probability=${sure}&label=${stored[0].label}`)).length >= 1);
      assert.equal((await query("min_probability=1")).length, 0);
    });

    await t.step("a small picture of what was sent is kept where that is asked for", async () => {
      const kept = await server.fetch(`${model}/predictions?thumbnails=true`, {
        method: "POST",
        body: picture,
        headers: { "content-type": "image/png" },
      });
      const [{ id, thumbnail }] = (await kept.json()).data;
      assert.equal(thumbnail, true);
      assert.equal((await server.json("GET", `/v1/predictions/${id}`)).thumbnail, true);
      const path = `/v1/predictions/${id}/thumbnail.png`;
      const small = await decodePool.decode(await (await server.fetch(path)).bytes());
      const whole = await decodePool.decode(picture);
      assert.deepEqual([small.width, small.height], [whole.width, whole.height]);
      assert.ok(small.width <= 160);
      const none = await server.fetch(`/v1/predictions/${stored[0].id}/thumbnail.png`);
      assert.equal(none.status, 404);
      assert.match((await none.json()).detail, /thumbnails=true/);
      const named = await server.fetch(`${model}/predictions?thumbnails=true`, {
        method: "POST",
        body: JSON.stringify({ dataset: "breast", images: ["P001_CC"] }),
        headers: { "content-type": "application/json" },
      });
      assert.equal(named.status, 422);
      assert.match((await named.json()).detail, /Cannot keep thumbnails of a data set's pictures/);
      const gone = await server.fetch(`/v1/predictions/${id}`, { method: "DELETE" });
      assert.equal(gone.status, 204);
      const after = await server.fetch(path);
      assert.equal(after.status, 404);
      await after.body?.cancel();
    });

    await t.step(
      "a picture that is sent is shown as PNG, DICOM too, and kept nowhere",
      async () => {
        const pixels = Array.from({ length: 64 * 32 }, (_, i) => i);
        const dicom = new Uint8Array(dicomFile({
          ...pixelElements({ width: 64, height: 32, stored: 12 }),
          "7fe00010 OW": u16(...pixels),
        }));
        const before = await server.json("GET", "/v1/predictions?limit=1000");
        for (const [body, most] of [[dicom, 16], [picture, 16]] as const) {
          const response = await server.fetch(`/v1/preview.png?size=${most}`, {
            method: "POST",
            body,
          });
          assert.equal(response.headers.get("content-type"), "image/png");
          const { width, height, bits } = await decodePool.decode(await response.bytes());
          assert.deepEqual([Math.max(width, height), bits], [16, 8]);
        }
        const bad = await server.fetch("/v1/preview.png", { method: "POST", body: "no picture" });
        assert.equal(bad.status, 415);
        await bad.body?.cancel();
        assert.deepEqual(await server.json("GET", "/v1/predictions?limit=1000"), before);
      },
    );

    await t.step("what is no picture, or not there, is refused", async () => {
      const cases: [BodyInit, string, number][] = [
        ["no picture", "image/png", 422],
        ["", "image/png", 422],
        [JSON.stringify({ dataset: "breast", images: [] }), "application/json", 422],
        [JSON.stringify({ dataset: "breast", images: ["nope"] }), "application/json", 404],
        [JSON.stringify({ dataset: "nope", images: ["x"] }), "application/json", 404],
      ];
      for (const [body, type, status] of cases) {
        const response = await ask(body, { "content-type": type });
        assert.equal(response.status, status, await response.text());
      }
      const none = await server.fetch("/v1/models/mod_none/predictions", {
        method: "POST",
        body: picture,
      });
      await none.body?.cancel();
      assert.equal(none.status, 404);
    });

    await t.step("more than can be done: only 200 and 429, and back to normal", async () => {
      const statuses = await Promise.all(Array.from({ length: 300 }, async () => {
        const response = await ask(picture, { "content-type": "image/png" });
        await response.body?.cancel();
        return response.status;
      }));
      const counts = Map.groupBy(statuses, (status) => status);
      assert.deepEqual([...counts.keys()].sort(), [200, 429]);
      assert.equal((await ask(picture, { "content-type": "image/png" })).status, 200);
    });

    await t.step(
      "a DICOM file with annotations burned in: only by force, and as asked",
      async () => {
        const form = pixelElements({ width: 32, height: 32, stored: 12 });
        const pixels = Array.from({ length: 1024 }, (_, i) => i * 3);
        const burned = new Uint8Array(dicomFile({
          ...form,
          "00280301 CS": bytes("YES"),
          "7fe00010 OW": u16(...pixels),
        }));
        const refused = await ask(burned);
        assert.equal(refused.status, 422);
        assert.match(await refused.text(), /Burned In Annotation.*force/);
        const probabilities = async (query: string) => {
          const response = await server.fetch(`${model}/predictions${query}`, {
            method: "POST",
            body: burned,
          });
          assert.equal(response.status, 200, await response.clone().text());
          return (await response.json()).data[0].probabilities;
        };
        const full = await probabilities("?force=true&voi=full");
        assert.deepEqual(await probabilities("?force=true"), full);
        assert.notDeepEqual(await probabilities("?force=true&window=0,10"), full);
        const named = await server.fetch(`${model}/predictions?voi=full`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ dataset: "breast", images: ["P001_CC"] }),
        });
        assert.equal(named.status, 422);
        assert.match(await named.text(), /for pictures in the body/);
      },
    );

    await t.step("weights go out and come in again", async () => {
      const weights = await (await server.fetch(`${model}/weights`)).bytes();
      const put = (name: string, body: BodyInit) =>
        server.fetch(`/v1/models/${name}`, { method: "PUT", body });
      const made = await put("copy?classes=benign,malignant&image_size=16", weights);
      assert.equal(made.status, 201);
      const copy = await made.json();
      assert.deepEqual([copy.kind, copy.spec.backbone, copy.spec.width], [
        "uploaded",
        "resnet18",
        4,
      ]);
      const back = await (await server.fetch(`/v1/models/${copy.id}/weights`)).bytes();
      assert.deepEqual(readSafetensors(back).tensors, readSafetensors(weights).tensors);
      const { spec } = await server.json<{ spec: unknown }>("GET", model);
      assert.deepEqual(copy.spec, spec);
      for (
        const [path, body] of [
          ["x?classes=one", weights],
          ["x", weights.slice(0, 5000)],
          ["x", "no weights"],
        ] as [string, BodyInit][]
      ) {
        const refused = await put(path, body);
        assert.equal(refused.status, 422, await refused.text());
      }
      const removed = await server.fetch(`/v1/models/${copy.id}`, { method: "DELETE" });
      assert.equal(removed.status, 204);
      assert.equal((await server.fetch("/v1/models/copy")).status, 404);
    });
  });
});
