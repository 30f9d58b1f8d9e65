/** The main path while everything is deleted, replaced, renamed and uploaded again: no answer mixes old and new. */
import assert from "node:assert/strict";
import { zipSet } from "@/lib/demo/archive.ts";
import { synthesize } from "@/lib/demo/synthetic.ts";
import { picture } from "../support/archives.ts";
import { runJob } from "../support/jobs.ts";
import { withServer } from "../support/server.ts";
import { uploadModel } from "../support/uploaded_model.ts";

interface Prediction {
  id: string;
  model: string;
  image: string;
  stale: boolean;
}

/** The same names, labels and patients whatever the seed; pictures and gaze are others. */
async function archive(seed: number): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await zipSet(synthesize({ images: 24, size: 32, readers: 1, seed })));
}

Deno.test("deleted, replaced, renamed and uploaded again at every step", async (t) => {
  await withServer(async (server) => {
    await server.ready();
    const put = async (seed: number, name = "breast") => {
      const body = await archive(seed);
      const response = await server.fetch(`/v1/datasets/${name}`, { method: "PUT", body });
      assert.equal(response.status, 201, await response.text());
    };
    const refused = async (body: unknown, detail: RegExp, path = "/v1/jobs") => {
      const response = await server.fetch(path, {
        ...{ method: "POST", body: JSON.stringify(body) },
        headers: { "content-type": "application/json" },
      });
      const problem = await response.json();
      assert.ok([409, 422].includes(response.status), JSON.stringify(problem));
      assert.match(problem.detail, detail);
    };
    const get = <T = Record<string, unknown>>(path: string) => server.json<T>("GET", path);
    const predictions = async (query = "dataset=breast") =>
      (await get<{ data: Prediction[] }>(`/v1/predictions?${query}`)).data;
    await put(1);
    const measured = { kind: "similarity", dataset: "breast", measure: "dtw" };
    const { result: { similarity } } = await runJob(server, measured);
    const small = {
      dataset: "breast",
      width: 4,
      image_size: 16,
      channels: 1,
      batch_size: 8,
      seed: 1,
    };
    const pretraining = {
      ...{ ...small, kind: "pretrain", method: "moco", arm: "gaze", similarity, epochs: 1 },
      ...{ cut: { quantile: 0.2 }, config: { output: 8, queue: 16 } },
    };
    const { result: { model: backbone } } = await runJob(server, pretraining);
    const finetuning = { kind: "finetune", dataset: "breast", epochs: 1, batch_size: 8, seed: 1 };
    const { result: tuned } = await runJob(server, {
      ...finetuning,
      init: backbone,
      name: "tumour",
    });
    const first = await get(`/v1/evaluations/${tuned.evaluation}`);
    const asked = { dataset: "breast", images: ["P001_CC", "P002_CC"] };
    await server.json("POST", `/v1/models/tumour/predictions`, asked);
    const query = new URLSearchParams({ leave_out: JSON.stringify({ seed: 1 }) });
    const audit = `/v1/similarities/${similarity}/audit`;

    await t.step("as long as nothing has changed, everything is current", async () => {
      assert.equal(first.seen_in_pretraining, 0);
      assert.deepEqual(first.stale, false);
      assert.equal((await get(`/v1/similarities/${similarity}`)).stale, false);
      assert.equal((await get("/v1/models/tumour")).stale, false);
      assert.deepEqual((await predictions()).map(({ stale }) => stale), [false, false]);
      const { looked_at, labels } = await get<Record<string, Record<string, number>>>(
        `${audit}?${query}`,
      );
      assert.equal(looked_at.by, "leave_out");
      assert.ok(looked_at.left_out > 0 && looked_at.images + looked_at.left_out === 24);
      const { left_out_images } = await get<{ left_out_images: string[] }>(`${audit}?${query}`);
      assert.equal(new Set(left_out_images).size, looked_at.left_out);
      assert.equal(labels.labelled, looked_at.images, "labels of tested images are not looked at");
      const { looked_at: all } = await get<Record<string, unknown>>(audit);
      assert.deepEqual(all, { images: 24, left_out: 0, by: "all" });
      const { looked_at: none } = await get<Record<string, unknown>>(`${audit}?leave_out=none`);
      assert.deepEqual(none, all);
      for (const [wrong, status] of [["{", 400], ["[]", 422], ['{"folds": 99}', 422]] as const) {
        const response = await server.fetch(
          `${audit}?${new URLSearchParams({ leave_out: wrong })}`,
        );
        const text = await response.text();
        assert.equal(response.status, status, text);
        if (!wrong.includes("folds")) assert.match(text, /JSON is needed, .* or none/);
      }
      // Twelve patients make no twenty folds: refused, or looked at as trainings would be.
      const folds = new URLSearchParams({ leave_out: '{"seed": 1, "folds": 20}' });
      const refused = await server.fetch(`${audit}?${folds}`);
      assert.equal(refused.status, 422, await refused.text());
      const { looked_at: told } = await get<Record<string, unknown>>(
        `${audit}?${folds}&if_possible=true`,
      );
      assert.deepEqual(told, all);
      const { looked_at: same } = await get<Record<string, unknown>>(
        `${audit}?${query}&if_possible=true`,
      );
      assert.deepEqual(same, looked_at);
    });

    await t.step(
      "labels alone: what follows from gaze stays, what follows from labels does not",
      async () => {
        const response = await server.fetch("/v1/datasets/breast/labels", {
          ...{
            method: "POST",
            body: "image,label,split\nP001_CC,benign,test\nP001_MLO,benign,test\n",
          },
          headers: { "content-type": "text/csv" },
        });
        assert.equal(response.status, 200, await response.text());
        assert.equal((await get(`/v1/similarities/${similarity}`)).stale, false);
        for (const [query, by, left_out] of [["", "train", 2], ["?split=all", "all", 0]] as const) {
          const { looked_at } = await get<Record<string, unknown>>(`${audit}${query}`);
          assert.deepEqual(looked_at, { images: 24 - left_out, left_out, by });
        }
        assert.equal((await get(`/v1/evaluations/${tuned.evaluation}`)).stale, true);
        assert.equal((await get("/v1/models/tumour")).stale, true);
        assert.equal((await predictions()).length, 2, "a prediction is of a picture");
      },
    );

    await t.step("one picture replaced", async () => {
      const { height, width } = await get<{ height: number; width: number }>(
        "/v1/datasets/breast/images/P001_CC",
      );
      const body = picture(width, height, 5);
      const path = "/v1/datasets/breast/images/P001_CC";
      const response = await server.fetch(path, { method: "PUT", body });
      assert.equal(response.status, 200, await response.text());
      assert.deepEqual((await predictions()).map(({ image }) => image), ["P002_CC"]);
      const old = await predictions("dataset=breast&stale=only");
      assert.deepEqual(old.map(({ image, stale }) => [image, stale]), [["P001_CC", true]]);
      assert.equal((await predictions("dataset=breast&stale=include")).length, 2);
      await refused(pretraining, /images or gaze of "breast" have changed/);
      const changed = await server.fetch(audit);
      assert.equal(changed.status, 409, await changed.text());
    });

    await t.step("another upload under the name", async () => {
      await put(2);
      assert.equal((await get(`/v1/similarities/${similarity}`)).stale, true);
      await refused(pretraining, /images or gaze of "breast" have changed/);
      assert.deepEqual(await predictions(), []);
      const { result: evaluated } = await runJob(server, {
        kind: "evaluate",
        dataset: "breast",
        model: "tumour",
      });
      const second = await get<Record<string, unknown>>(`/v1/evaluations/${evaluated.evaluation}`);
      assert.deepEqual([second.stale, second.seen_in_training], [false, 0]);
      assert.equal(
        (second.scores as unknown[]).length,
        24,
        "its own parts are of the old pictures",
      );
      const compared = await server.fetch(
        `/v1/evaluations/${evaluated.evaluation}/difference?to=${tuned.evaluation}`,
      );
      assert.equal(compared.status, 409, await compared.text());
      const { result: other } = await runJob(server, measured);
      const { comparison } = await get<{ comparison: { compared: { similarity: string }[] } }>(
        `/v1/similarities/${other.similarity}/audit`,
      );
      assert.deepEqual(comparison.compared.map(({ similarity }) => similarity), [other.similarity]);
    });

    await t.step("deleted, and the first upload again under its name and another", async () => {
      const gone = await server.fetch("/v1/datasets/breast", { method: "DELETE" });
      assert.equal(gone.status, 204);
      assert.equal((await get(`/v1/similarities/${similarity}`)).dataset, null);
      await put(1);
      await put(1, "renamed");
      assert.deepEqual(await predictions(), [], "of the images before, not of these");
      await refused(pretraining, /of a deleted one|not of "breast"/);
      await refused({ ...pretraining, dataset: "renamed" }, /not of "renamed"/);
      // Under whatever name: these are the pictures that the model was trained on.
      for (const dataset of ["breast", "renamed"]) {
        const { result: { evaluation } } = await runJob(server, {
          ...{ kind: "evaluate", dataset, model: "tumour", split: "all" },
        });
        const { seen, warnings } = await get<{
          seen: { training: { images: number }; pretraining: { images: number } };
          warnings: string[];
        }>(`/v1/evaluations/${evaluation}`);
        assert.ok(seen.training.images > 0 && seen.pretraining.images > 0);
        assert.match(warnings.join(), /were seen in the model's own training/);
      }
    });

    await t.step("a model's name goes to another model", async () => {
      await server.json("POST", "/v1/models/tumour/predictions", asked);
      const removed = await server.fetch(`/v1/models/${tuned.model}`, { method: "DELETE" });
      assert.equal(removed.status, 204);
      const id = await uploadModel(server, "tumour", {
        ...{ classes: ["benign", "malignant"], image_size: 16, channels: 1 },
      });
      assert.deepEqual(await predictions("model=tumour"), []);
      assert.deepEqual(
        (await predictions(`model=${tuned.model}`)).map(({ image }) => image),
        asked.images,
      );
      const impostor = await server.fetch(`/v1/models/${tuned.model}`);
      assert.equal(impostor.status, 404, await impostor.text());
      const { result: { evaluation } } = await runJob(server, {
        kind: "evaluate",
        dataset: "breast",
        model: id,
      });
      const { seen_in_pretraining, seen_in_training } = await get(`/v1/evaluations/${evaluation}`);
      assert.deepEqual([seen_in_pretraining, seen_in_training], [null, null], "not known");
    });
  });
});
