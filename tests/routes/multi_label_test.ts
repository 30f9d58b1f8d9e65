/** A multi-label set over HTTP: in, looked at, trained on, evaluated, predicted with, out and in again. */
import assert from "node:assert/strict";
import type { Prediction } from "@/lib/inference/prediction.ts";
import type { MultiLabelMetrics } from "@/lib/evaluation/multi_label_evaluation.ts";
import { encodePng } from "@/lib/images/png_encoder.ts";
import { raster } from "@/lib/images/raster.ts";
import { readSafetensors, writeSafetensors } from "@/lib/models/safetensors.ts";
import type { ModelSpec } from "@/lib/store/mod.ts";
import { unzip, zipOf } from "../support/archives.ts";
import {
  findingPicture,
  FINDINGS,
  findingsSet,
  imageName,
  truthOf,
} from "../support/findings_set.ts";
import { runJob } from "../support/jobs.ts";
import { onnxTexts } from "../support/onnx_metadata.ts";
import { hasOnnxRuntime, runOnnx } from "../support/onnx_runtime.ts";
import { type TestServer, withServer } from "../support/server.ts";

const IMAGES = 40;
const truths = Array.from({ length: IMAGES }, (_, i) => truthOf(i));
const SMALL = { backbone: "resnet18", width: 8, image_size: 32, epochs: 1, tuning: "off" };

async function put(server: TestServer, name: string, zip: Uint8Array<ArrayBuffer>, status = 201) {
  const response = await server.fetch(`/v1/datasets/${name}`, { method: "PUT", body: zip });
  const report = await response.json();
  assert.equal(response.status, status, JSON.stringify(report));
  return report;
}

async function labels(server: TestServer, name: string, csv: string, status = 200) {
  const response = await server.fetch(`/v1/datasets/${name}/labels`, {
    method: "POST",
    body: csv,
    headers: { "content-type": "text/csv" },
  });
  const answer = await response.json();
  assert.equal(response.status, status, JSON.stringify(answer));
  return answer;
}

async function refused(server: TestServer, spec: Record<string, unknown>, message: RegExp) {
  const response = await server.fetch("/v1/jobs", {
    method: "POST",
    body: JSON.stringify(spec),
    headers: { "content-type": "application/json" },
  });
  const text = await response.text();
  assert.equal(response.status, 422, text);
  assert.match(text, message);
}

Deno.test("a multi-label set, from a ZIP to predictions and back", (t) =>
  withServer(async (server) => {
    await server.ready();
    const zip = await zipOf(findingsSet(IMAGES));

    await t.step("comes in, and says of set and image what is known", async () => {
      const report = await put(server, "chest", zip);
      assert.deepEqual([report.images, report.labels], [IMAGES, IMAGES]);
      const set = await server.json<{
        labels: Record<string, number>;
        unlabelled: number;
        findings: Record<string, Record<string, number>>;
        description: { classes: string[] };
      }>("GET", "/v1/datasets/chest");
      assert.deepEqual(set.description.classes, FINDINGS);
      assert.deepEqual([set.labels, set.unlabelled], [{}, 0]);
      FINDINGS.forEach((name, k) => {
        const of = (side: number | null) => truths.filter((row) => row[k] === side).length;
        assert.deepEqual(set.findings[name], { present: of(1), absent: of(0), unknown: of(null) });
      });
      assert.ok(truths.flat().includes(null));
      for (const i of [0, 5, 6, 7, 8, 9]) {
        const image = await server.json<{ label: null; labels: string[]; unknown: string[] }>(
          "GET",
          `/v1/datasets/chest/images/${imageName(i)}`,
        );
        assert.equal(image.label, null);
        assert.deepEqual(image.labels, FINDINGS.filter((_, k) => truths[i][k] === 1));
        assert.deepEqual(image.unknown, FINDINGS.filter((_, k) => truths[i][k] === null));
      }
      for (const [k, name] of FINDINGS.entries()) {
        const { data } = await server.json<{ data: { name: string }[] }>(
          "GET",
          `/v1/datasets/chest/images?label=${encodeURIComponent(name)}&fields=name&limit=1000`,
        );
        assert.deepEqual(
          data.map((image) => image.name),
          truths.flatMap((row, i) => row[k] === 1 ? [imageName(i)] : []),
        );
      }
    });

    let similarity = "";
    await t.step("is audited by whole sets of findings, and says so", async () => {
      const job = { kind: "similarity", dataset: "chest", measure: "dtw" };
      similarity = (await runJob(server, job)).result.similarity;
      const audit = await server.json<{
        labels: { labelled: number; classes: Record<string, number> };
        warnings: string[];
      }>("GET", `/v1/similarities/${similarity}/audit`);
      const known = truths.filter((row) => !row.includes(null)).length;
      assert.equal(audit.labels.labelled, known);
      assert.ok(audit.warnings.some((text) => /multi-label.*all of its 3 findings/.test(text)));
      assert.ok(
        audit.warnings.some((text) => text.includes(`Of ${IMAGES - known} of ${IMAGES} images`)),
      );
      for (const name of Object.keys(audit.labels.classes)) {
        assert.ok(
          name === "no finding" || name.split(" + ").every((one) => FINDINGS.includes(one)),
          name,
        );
      }
    });

    let backbone = "";
    await t.step("pre-trains, with pairs of the same findings too", async () => {
      const spec = {
        kind: "pretrain",
        dataset: "chest",
        method: "simclr",
        ...SMALL,
        batch_size: 8,
      };
      const cut = { similarity, cut: { quantile: 0.1 } };
      backbone = (await runJob(server, { ...spec, arm: "gaze", ...cut })).result.model;
      const told = (await runJob(server, { ...spec, arm: "labels" })).result.model;
      const { lineage } = await server.json<{ lineage: { positives: Record<string, number> } }>(
        "GET",
        `/v1/models/${told}`,
      );
      assert.equal(lineage.positives.precision, 1);
    });

    await t.step("refuses what a set of findings cannot do, with what to do instead", async () => {
      const tune = { kind: "finetune", dataset: "chest", init: backbone };
      await refused(server, { ...tune, class_weights: "balanced" }, /pos_weight weighs/);
      await refused(
        server,
        { ...tune, pos_weight: { Canser: 2 } },
        /Canser.*no finding.*left, spot/,
      );
      await refused(server, { ...tune, labels: 1000 }, /the training part has/);
      await refused(server, { ...tune, mode: "linear", batch_norm: "train" }, /batch norms/);
      const text = await labels(server, "chest", `image,label\n${imageName(0)},benign\n`, 422);
      assert.match(JSON.stringify(text), /benign.*the set's findings are/);
      const bad = await labels(server, "chest", `image,Cancer\n${imageName(0)},3\n`, 422);
      assert.match(
        JSON.stringify(bad),
        /Cannot use \\"3\\" as finding \\"Cancer\\".*0, 1, true or false/,
      );
      const readings = await server.fetch("/v1/datasets/chest/readings", {
        method: "PUT",
        body: `image,reader,label\n${imageName(0)},r1,Cancer\n`,
        headers: { "content-type": "text/csv" },
      });
      assert.match(await readings.text(), /multi-label.*needs one label an image/);
      assert.equal(readings.status, 422);
    });

    let model = "", evaluation = "";
    await t.step("fine-tunes by a sigmoid of each finding, attention and all", async () => {
      const { result } = await runJob(server, {
        ...{ kind: "finetune", dataset: "chest", init: backbone, epochs: 12, seed: 1 },
        ...{ pos_weight: "balanced", batch_size: 8, augmentation: "none", tuning: "off" },
        ...{ attention: { weight: 0.1 }, optimizer: { name: "adamw", learning_rate: 0.01 } },
      });
      [model, evaluation] = [result.model, result.evaluation];
      const row = await server.json<{ classes: string[]; spec: { multi_label: boolean } }>(
        "GET",
        `/v1/models/${model}`,
      );
      assert.deepEqual(row.classes, FINDINGS);
      assert.equal(row.spec.multi_label, true);
      const { data } = await server.json<{ data: { name: string; value: number }[] }>(
        "GET",
        `/v1/jobs/${
          (await server.json<{ job: string }>("GET", `/v1/models/${model}`)).job
        }/metrics?name=loss`,
      );
      assert.ok(data.at(-1)!.value < data[0].value);
    });

    let found: { metrics: MultiLabelMetrics; scores: Record<string, unknown>[] };
    await t.step("tells every finding's figures, with what is not known left out", async () => {
      found = await server.json("GET", `/v1/evaluations/${evaluation}`);
      const { metrics, scores } = found;
      assert.deepEqual(metrics.findings.map(({ finding }) => finding), FINDINGS);
      assert.equal(metrics.known + metrics.unknown, metrics.images * 3);
      for (const [k, one] of metrics.findings.entries()) {
        const tested = scores.map(({ image }) => truths[Number(String(image).slice(1))][k]);
        assert.equal(one.present, tested.filter((is) => is === 1).length);
        assert.equal(one.unknown, tested.filter((is) => is === null).length);
        assert.deepEqual(one.confusion.flat().reduce((a, b) => a + b), one.present + one.absent);
      }
      const csv = await (await server.fetch(`/v1/evaluations/${evaluation}/scores?format=csv`))
        .text();
      assert.match(
        csv,
        /^image,labels,unknown,predicted,"probability_left, spot",probability_=right,/,
      );
      assert.equal(csv.trim().split("\n").length, metrics.images + 1);
    });

    await t.step("is evaluated again alike, and compared", async () => {
      const again = await runJob(server, { kind: "evaluate", model, dataset: "chest" });
      const { metrics } = await server.json<{ metrics: MultiLabelMetrics }>(
        "GET",
        `/v1/evaluations/${again.result.evaluation}`,
      );
      // Scores of a fine-tuning are kept in single precision.
      for (const name of ["auc", "accuracy", "brier_score"] as const) {
        assert.ok(Math.abs(metrics.macro[name]! - found.metrics.macro[name]!) < 1e-6, name);
      }
      assert.deepEqual(
        metrics.findings.map(({ confusion }) => confusion),
        found.metrics.findings.map(({ confusion }) => confusion),
      );
      const difference = await server.json<{ figures: { accuracy: { value: number } | null } }>(
        "GET",
        `/v1/evaluations/${evaluation}/difference?to=${again.result.evaluation}`,
      );
      assert.equal(difference.figures.accuracy?.value ?? 0, 0);
    });

    await t.step("probes: by the optimiser and by regressions, few labels too", async () => {
      for (const mode of ["linear", "logistic"]) {
        const { result } = await runJob(server, {
          ...{ kind: "finetune", dataset: "chest", init: backbone, mode, labels: 12, repeats: 2 },
          ...(mode === "linear" && { epochs: 2, tuning: "off" }),
        });
        const { metrics } = await server.json<{ metrics: MultiLabelMetrics }>(
          "GET",
          `/v1/evaluations/${result.evaluation}`,
        );
        assert.equal(metrics.repeats!.length, 2);
        const { lineage } = await server.json<{
          lineage: { labels: { drawn: { images: number }[] } };
        }>("GET", `/v1/models/${result.model}`);
        assert.deepEqual(lineage.labels.drawn.map(({ images }) => images), [12, 12]);
      }
      const few = await runJob(server, {
        ...{ kind: "finetune", dataset: "chest", init: backbone, mode: "logistic", labels: 2 },
      });
      const told = JSON.stringify(few.result.warnings);
      assert.match(told, /none of the 2 training images (has|is known to lack)/);
    });

    let stored: Prediction[] = [];
    await t.step("predicts each finding by itself, and finds predictions by one", async () => {
      const ask = { dataset: "chest", images: [0, 1, 2, 3, 4, 5].map(imageName) };
      stored = (await server.json<{ data: Prediction[] }>(
        "POST",
        `/v1/models/${model}/predictions`,
        ask,
      )).data;
      for (const one of stored) {
        assert.equal(one.label, null);
        assert.deepEqual(one.labels, FINDINGS.filter((name) => one.probabilities[name] > 0.5));
      }
      const sums = stored.map(({ probabilities }) =>
        FINDINGS.reduce((sum, name) => sum + probabilities[name], 0)
      );
      assert.ok(sums.some((sum) => Math.abs(sum - 1) > 0.01));
      for (const name of FINDINGS) {
        const query = `/v1/predictions?model=${model}&label=${encodeURIComponent(name)}`;
        const having = stored.filter(({ labels }) => labels!.includes(name));
        const all = await server.json<{ data: Prediction[] }>("GET", query);
        assert.deepEqual(all.data.map(({ id }) => id), having.map(({ id }) => id));
        const least = 0.9;
        const sure = await server.json<{ data: Prediction[] }>(
          "GET",
          `${query}&min_probability=${least}`,
        );
        assert.deepEqual(
          sure.data.map(({ id }) => id),
          having.filter(({ probabilities }) => probabilities[name] >= least).map(({ id }) => id),
        );
      }
      const csv = await (await server.fetch(`/v1/predictions?model=${model}&format=csv`)).text();
      assert.match(csv.split("\n")[0], /label,labels/);
      const response = await server.fetch(`/v2/models/${model}/infer`, {
        method: "POST",
        body: JSON.stringify({
          inputs: [{
            ...{ name: "images", datatype: "BYTES", shape: [1] },
            data: [findingPicture(0).toBase64()],
          }],
          outputs: [{ name: "labels" }],
        }),
        headers: { "content-type": "application/json" },
      });
      assert.equal(response.status, 422);
      assert.match(await response.text(), /multi-label model gives no one label/);
    });

    await t.step(
      "is no model for a set of one label an image, and explains one finding",
      async () => {
        const { "labels.csv": _, "dataset.json": __, ...bare } = findingsSet(4);
        await put(
          server,
          "one",
          await zipOf({ ...bare, "labels.csv": "image,label\nx000,a\nx001,b\n" }),
        );
        await refused(
          server,
          { kind: "evaluate", model, dataset: "one" },
          /the model is multi-label.*has one label an image/,
        );
        const query = `dataset=chest&image=${imageName(0)}`;
        const map = await server.json<{ class: string }>(
          "POST",
          `/v1/models/${model}/saliency?${query}&class=${encodeURIComponent(FINDINGS[1])}`,
        );
        assert.equal(map.class, FINDINGS[1]);
      },
    );

    await t.step("leaves as safetensors and ONNX, and comes back the same", async () => {
      const weights = await (await server.fetch(`/v1/models/${model}/weights`)).bytes();
      const copy = await server.fetch("/v1/models/copy", { method: "PUT", body: weights });
      const row = await copy.json();
      assert.equal(copy.status, 201, JSON.stringify(row));
      assert.equal(row.spec.multi_label, true);
      const [again] = (await server.json<{ data: Prediction[] }>(
        "POST",
        `/v1/models/${row.id}/predictions`,
        { dataset: "chest", images: [imageName(0)] },
      )).data;
      assert.deepEqual(again.probabilities, stored[0].probabilities);
      // The same weights from elsewhere are what the request says.
      const bare = writeSafetensors(readSafetensors(weights).tensors);
      const { mean: means, std: deviations } = row.spec.normalization;
      const told = new URLSearchParams({
        ...{ classes: JSON.stringify(FINDINGS), image_size: "32", multi_label: "true" },
        ...{ mean: means.join(","), std: deviations.join(",") },
      });
      const other = await server.fetch(`/v1/models/other?${told}`, { method: "PUT", body: bare });
      assert.equal(other.status, 201, await other.clone().text());
      const [same] = (await server.json<{ data: Prediction[] }>(
        "POST",
        `/v1/models/${(await other.json()).id}/predictions`,
        { dataset: "chest", images: [imageName(0)] },
      )).data;
      assert.deepEqual(same.probabilities, stored[0].probabilities);
      const onnx = await (await server.fetch(`/v1/models/${model}/weights?format=onnx`)).bytes();
      const { metadata: texts } = onnxTexts(onnx);
      assert.deepEqual(JSON.parse(texts.classes), FINDINGS);
      assert.equal(texts.multi_label, "true");
      assert.match(JSON.parse(texts.mcgip).outputs, /sigmoid of each/);
      if (!hasOnnxRuntime()) return;
      const { spec } = await server.json<{ spec: ModelSpec }>("GET", `/v1/models/${model}`);
      const flat = raster(32, 32, 1, 8);
      flat.data.forEach((_, at) => flat.data[at] = (at * 37) % 251);
      const { mean, std } = spec.normalization;
      const x = Float32Array.from({ length: spec.channels * 1024 }, (_, at) => {
        const c = Math.floor(at / 1024);
        return (flat.data[at % 1024] / 255 - mean[c]) / std[c];
      });
      const output = await runOnnx(onnx, x, [1, spec.channels, 32, 32]);
      assert.deepEqual([output.name, output.shape], ["logits", [1, 3]]);
      const response = await server.fetch(`/v1/models/${model}/predictions`, {
        method: "POST",
        body: new Uint8Array(encodePng(flat)),
        headers: { "content-type": "image/png" },
      });
      const [{ probabilities }] = (await response.json()).data;
      FINDINGS.forEach((name, k) => {
        const p = 1 / (1 + Math.exp(-output.data[k]));
        assert.ok(Math.abs(p - probabilities[name]) < 1e-4, `${name}: ${p}`);
      });
    });

    await t.step("makes a study's table by macro AUC, and its report by one finding", async () => {
      const { result } = await runJob(server, {
        ...{ kind: "study", dataset: "chest", similarity, methods: ["simclr"], arms: ["none"] },
        ...{ seeds: [0, 1], cut: { quantile: 0.1 }, finetune: { mode: "logistic" } },
        backbones: ["resnet18"],
        pretrain: { width: 8, image_size: 32, epochs: 1, tuning: "off", batch_size: 8 },
      });
      const table = await server.json<{ multi_label: boolean; cells: unknown[] }>(
        "GET",
        `/v1/studies/${result.study}/table`,
      );
      assert.equal(table.multi_label, true);
      const markdown = await (await server.fetch(
        `/v1/studies/${result.study}/table?format=markdown`,
      )).text();
      assert.match(markdown, /means over the findings that have both sides/);
      const query = `class=${encodeURIComponent(FINDINGS[0])}`;
      const report = await server.json<{ class: string; warnings: string[] }>(
        "GET",
        `/v1/studies/${result.study}/report?${query}`,
      );
      assert.equal(report.class, FINDINGS[0]);
      assert.match(report.warnings[0], /multi-label.*alone.*=right/);
    });

    await t.step("goes out as an archive that gives the same set again", async () => {
      const archive = await (await server.fetch("/v1/datasets/chest/archive")).bytes();
      const table = new TextDecoder().decode((await unzip(archive)).get("labels.csv"));
      assert.match(table, /^image,"left, spot",'=right,Cancer,patient,split\n/);
      await put(server, "again", archive);
      const [a, b] = await Promise.all(
        ["chest", "again"].map((name) =>
          server.json<Record<string, unknown>>("GET", `/v1/datasets/${name}`)
        ),
      );
      assert.deepEqual([b.findings, b.digest], [a.findings, a.digest]);
    });
  }));

Deno.test("labels of a set without any make it multi-label; one with labels stays as it is", () =>
  withServer(async (server) => {
    const { "labels.csv": _, "dataset.json": __, ...bare } = findingsSet(6);
    await put(server, "bare", await zipOf(bare));
    const { result: { similarity } } = await runJob(server, {
      ...{ kind: "similarity", dataset: "bare", measure: "dtw" },
    });
    const report = await labels(
      server,
      "bare",
      "image,Edema,Effusion\nx000,1,0\nx001,true,\nx002,-1,FALSE\n",
    );
    const told = JSON.stringify(report.warnings);
    assert.match(told, /multi-label.*Edema.*Effusion/);
    assert.match(told, /1 cells say -1/);
    const image = (name: string) =>
      server.json<{ labels: string[]; unknown: string[] }>(
        "GET",
        `/v1/datasets/bare/images/${name}`,
      );
    assert.deepEqual((await image("x001")).labels, ["Edema"]);
    assert.deepEqual((await image("x001")).unknown, ["Effusion"]);
    assert.deepEqual((await image("x002")).unknown, ["Edema"]);
    // What gaze is compared by has not changed: labels may come after it.
    const { stale } = await server.json<{ stale: boolean }>(
      "GET",
      `/v1/similarities/${similarity}`,
    );
    assert.equal(stale, false);
    // Columns that a table lacks stay; an empty cell takes back.
    await labels(server, "bare", "image,Effusion\nx000,1\n");
    assert.deepEqual((await image("x000")).labels, ["Edema", "Effusion"]);
    await labels(server, "bare", "image,Effusion\nx000,\n");
    assert.deepEqual((await image("x000")).unknown, ["Effusion"]);
    await put(
      server,
      "single",
      await zipOf({ ...bare, "labels.csv": "image,label\nx000,a\nx001,b\nx002,a\n" }),
    );
    const text = await labels(server, "single", "image,Edema,Effusion\nx000,1,0\n", 422);
    assert.match(JSON.stringify(text), /has one label an image, such as/);
    const set = await server.json<Record<string, unknown>>("GET", "/v1/datasets/single");
    assert.ok(!("findings" in set));
    const one = await server.json<Record<string, unknown>>(
      "GET",
      "/v1/datasets/single/images/x000",
    );
    assert.deepEqual([one.label, "labels" in one, "unknown" in one], ["a", false, false]);
  }));

Deno.test("findings may be called as what all objects have, from the table to a classifier", () =>
  withServer(async (server) => {
    await server.ready();
    const names = ["constructor", "toString"];
    const { "labels.csv": _, "dataset.json": __, ...bare } = findingsSet(16);
    const rows = Array.from(
      { length: 16 },
      (_, i) => `${imageName(i)},${i % 3 === 0 ? "" : i % 2},${i >> 1 & 1}\n`,
    );
    const table = `image,${names.join(",")}\n${rows.join("")}`;
    await put(server, "odd", await zipOf({ ...bare, "labels.csv": table }));
    const image = await server.json<{ labels: string[]; unknown: string[] }>(
      "GET",
      `/v1/datasets/odd/images/${imageName(6)}`,
    );
    assert.deepEqual([image.labels, image.unknown], [["toString"], ["constructor"]]);
    const archive = await (await server.fetch("/v1/datasets/odd/archive")).bytes();
    const text = new TextDecoder().decode((await unzip(archive)).get("labels.csv"));
    assert.match(text, /\nx006,,1,,\n/);
    const { result } = await runJob(server, {
      ...{ kind: "finetune", dataset: "odd", ...SMALL, pos_weight: { toString: 2 } },
      ...{ batch_size: 4, split: { validation: 0.25, test: 0.25 } },
    });
    const { metrics } = await server.json<{ metrics: MultiLabelMetrics }>(
      "GET",
      `/v1/evaluations/${result.evaluation}`,
    );
    assert.deepEqual(metrics.findings.map(({ finding }) => finding), names);
    const lost = '{"kind":"finetune","dataset":"odd","pos_weight":{"__proto__":3}}';
    const body = { method: "POST", body: lost, headers: { "content-type": "application/json" } };
    const response = await server.fetch("/v1/jobs", body);
    assert.match(await response.text(), /pos_weight\/__proto__/);
    assert.equal(response.status, 422);
  }));
