/** What a researcher does with gaze over HTTP: measures, similarities of every kind, audit, pictures, pairs of large sets. */
import assert from "node:assert/strict";
import type { Fixation } from "@/lib/gaze/gaze.ts";
import { agreements } from "@/lib/gaze/agreement.ts";
import { scanpathMeasures } from "@/lib/gaze/measures.ts";
import { measures } from "@/lib/gaze/similarity/mod.ts";
import { decodeImage } from "@/lib/images/decode.ts";
import { fixationsOf, HEIGHT, names, readers, uploadGazeSet, WIDTH } from "../support/gaze_set.ts";
import { runJob } from "../support/jobs.ts";
import { type TestServer, withServer } from "../support/server.ts";

const similarity = async (server: TestServer, measure: string, spec = {}) =>
  (await runJob(server, { kind: "similarity", dataset: "set", measure, ...spec })).result
    .similarity;

interface Matrix {
  measure: string;
  component: string;
  images: string[];
  values: (number | null)[][];
}

async function png(server: TestServer, path: string) {
  const response = await server.fetch(path);
  assert.equal(response.status, 200, path);
  assert.equal(response.headers.get("content-type"), "image/png");
  return await decodeImage(await response.bytes());
}

const image = (name: string) => `/v1/datasets/set/images/${encodeURIComponent(name)}`;

Deno.test("gaze over HTTP", async (t) => {
  await withServer(async (server) => {
    await server.ready();
    await uploadGazeSet(server);

    await t.step("fixations and measures by reader, agreement of readers", async () => {
      const found = await server.json<{
        data: { reader: string; fixations: Fixation[]; measures: Record<string, number | null> }[];
        agreement: Record<string, string | number | null>[];
      }>("GET", `${image("folder/c")}/gaze`);
      assert.deepEqual(found.data.map(({ reader }) => reader), readers);
      const size = { width: WIDTH, height: HEIGHT };
      const recordings = readers.map((reader) => ({
        reader,
        fixations: fixationsOf("folder/c", reader),
      }));
      recordings.forEach(({ fixations }, i) => {
        assert.deepEqual(found.data[i].fixations, fixations);
        assert.deepEqual(found.data[i].measures, scanpathMeasures(fixations, size));
      });
      assert.deepEqual(found.agreement, [...agreements(recordings, size)]);
      const { cc, sim, kl_1_2, nss_1_2 } = found.agreement[0];
      assert.ok([cc, sim, kl_1_2, nss_1_2].every((value) => typeof value === "number"));
      const one = await server.json<{ data: unknown[]; agreement: unknown[] }>(
        "GET",
        `${image("folder/c")}/gaze?reader=r2`,
      );
      assert.deepEqual([one.data.length, one.agreement.length], [1, 1]);
      const none = await server.json<{ data: unknown[]; agreement: unknown[] }>(
        "GET",
        `${image("bare")}/gaze`,
      );
      assert.deepEqual([none.data, none.agreement], [[], []]);
    });

    await t.step(
      "measures of the whole set, as pages and as CSV safe from spreadsheets",
      async () => {
        type Page = { data: Record<string, unknown>[]; has_more: boolean; next: string | null };
        const rows: Record<string, unknown>[] = [];
        let next: string | null = "";
        while (next !== null) {
          const after: string = next && `&after=${encodeURIComponent(next)}`;
          const page: Page = await server.json<Page>(
            "GET",
            `/v1/datasets/set/gaze?limit=3${after}`,
          );
          assert.equal(page.has_more, page.next !== null);
          rows.push(...page.data);
          next = page.next;
        }
        assert.equal(rows.length, 14);
        const response = await server.fetch("/v1/datasets/set/gaze", {
          headers: { accept: "text/csv" },
        });
        assert.match(response.headers.get("content-type")!, /^text\/csv/);
        const [header, ...lines] = (await response.text()).trimEnd().split("\n");
        assert.equal(
          header,
          "image,label,patient,reader,format,fixation_count,duration_mean_s,duration_total_s," +
            "path_length_px,saccade_amplitude_px,coverage,stationary_entropy_bits," +
            "transition_entropy_bits,bcea_px2,data_loss,dropped",
        );
        assert.equal(lines.length, 14);
        assert.match(lines[0], /^'=1\+1,benign,patient_[0-9a-f]{16},r1,plain,8,0\.\d+/);
        assert.match(lines.find((line) => line.startsWith('"a,b"'))!, /^"a,b",'@malignant,/);
        // Two fixations span no ellipse.
        assert.match(lines.find((line) => line.startsWith("short"))!, /,,0,0$/);
        const first = rows.find((row) => row.image === "=1+1" && row.reader === "r1")!;
        const cells = lines[0].split(",");
        header.split(",").slice(5).forEach((name, i) =>
          assert.equal(Number(cells[5 + i]), first[name])
        );
        const pairs = await (await server.fetch("/v1/datasets/set/gaze?format=csv&table=agreement"))
          .text();
        const agreement = pairs.trimEnd().split("\n");
        assert.match(agreement[0], /^image,label,patient,reader_1,reader_2,cc,sim,kl_1_2,/);
        assert.equal(agreement.length, 1 + 7);
        const picked = await server.json<Page>("GET", "/v1/datasets/set/gaze?reader=r2");
        assert.equal(picked.data.length, 7);
      },
    );

    const made: Record<string, string> = {};
    await t.step("all measures; what cannot be compared is null, flagged and NaN", async () => {
      for (const measure of Object.keys(measures)) {
        const id = made[measure] = await similarity(server, measure);
        const path = `/v1/similarities/${id}`;
        const found = await server.json<{ invalid: string[]; components: string[] }>("GET", path);
        // Two fixations are too few for saccades to be compared, and enough for maps.
        const withSaccades = ["multimatch", "dtw", "tima"].includes(measure);
        assert.ok(found.invalid.includes("bare"), measure);
        if (measure === "multimatch") assert.deepEqual(found.invalid, ["bare", "short"]);
        if (!withSaccades) assert.deepEqual(found.invalid, ["bare"], measure);
        const matrix = await server.json<Matrix>("GET", `${path}/matrix`);
        assert.deepEqual(Object.keys(matrix), ["measure", "component", "images", "values"]);
        assert.deepEqual([matrix.measure, matrix.images], [measure, names]);
        assert.equal(matrix.component, found.components[0]);
        matrix.values.forEach((row, i) =>
          row.forEach((value, j) => {
            const none = [i, j].some((at) => found.invalid.includes(names[at]));
            assert.equal(value === null, none, `${measure} ${names[i]} ${names[j]}: ${value}`);
            assert.equal(value, matrix.values[j][i]);
            if (value !== null) assert.ok(value >= -1 && value <= 1);
          })
        );
        const raster = await png(server, `${path}/matrix.png?size=64`);
        assert.ok(raster.width >= 8 && raster.width === raster.height);
      }
    });

    await t.step("parts, other forms and pairs of a matrix", async () => {
      const path = `/v1/similarities/${made.multimatch}`;
      for (const component of ["shape", "direction", "length", "position", "duration"]) {
        const part = await server.json<Matrix>("GET", `${path}/matrix?component=${component}`);
        assert.equal(part.component, component);
      }
      const wanted = ["short", "a,b", "=1+1"];
      const query = `images=${encodeURIComponent(JSON.stringify(wanted))}`;
      const part = await server.json<Matrix>("GET", `${path}/matrix?component=shape&${query}`);
      assert.deepEqual(part.images, wanted);
      assert.deepEqual(part.values[0], [null, null, null]);
      assert.equal(part.values[1][1], 1);
      const csv = await (await server.fetch(`${path}/matrix?format=csv&${query}`)).text();
      const lines = csv.trimEnd().split("\n");
      assert.equal(lines[0], `image,short,"a,b",'=1+1`);
      assert.equal(lines[1], "short,,,");
      assert.match(lines[3], /^'=1\+1,,0\.\d+,1$/);
      const npy = await (await server.fetch(`${path}/matrix?format=npy&${query}`)).bytes();
      const values = new Float32Array(npy.slice(npy.length - 36).buffer);
      assert.ok(Number.isNaN(values[0]) && values[4] === 1 && values[8] === 1);
      const ids = await server.json<{ data: string[] }>("GET", `${path}/images`);
      assert.deepEqual(ids.data, names);
      for (
        const [part, status] of [
          ["component=colour", 422],
          ["images=nobody", 404],
          ["images=%5Bx", 400],
          ["format=xml", 400],
        ] as const
      ) {
        const refused = await server.fetch(`${path}/matrix?${part}`);
        await refused.body?.cancel();
        assert.equal(refused.status, status, part);
      }
      const pairs = await server.json<
        { data: { images: string[]; similarity: number; labels: string[] }[] }
      >("GET", `${path}/pairs?top=100`);
      assert.equal(pairs.data.length, 15);
      const labelOf = (image: string) => names.indexOf(image) % 2 ? "@malignant" : "benign";
      for (const { images, labels } of pairs.data) assert.deepEqual(labels, images.map(labelOf));
      const near = await server.json<{ data: { image: string; label: string }[] }>(
        "GET",
        `${path}/pairs?image=d`,
      );
      for (const { image, label } of near.data) assert.equal(label, labelOf(image));
      const short = await server.json<{ data: unknown[] }>("GET", `${path}/pairs?image=short`);
      assert.deepEqual(short.data, []);
    });

    await t.step("readers are picked and combined", async () => {
      const of = async (spec: Record<string, unknown>) => {
        const id = await similarity(server, "dtw", spec);
        return (await server.json<Matrix>("GET", `/v1/similarities/${id}/matrix`)).values;
      };
      const [mean, most, one] = [
        await of({}),
        await of({ combine: "max" }),
        await of({ readers: ["r1"] }),
      ];
      let [above, other] = [0, 0];
      mean.forEach((row, i) =>
        row.forEach((value, j) => {
          if (value === null || i === j) return;
          assert.ok(most[i][j]! >= value - 1e-6);
          if (most[i][j]! > value + 1e-4) above++;
          if (Math.abs(one[i][j]! - value) > 1e-4) other++;
        })
      );
      assert.ok(above > 0 && other > 0);
      const nobody = await server.fetch("/v1/jobs", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          kind: "similarity",
          dataset: "set",
          measure: "dtw",
          readers: ["r3"],
        }),
      });
      assert.equal(nobody.status, 422);
      assert.equal((await nobody.json()).errors[0].pointer, "/readers");
    });

    await t.step("the audit compares the measures of the set", async () => {
      interface Audit {
        coverage: number;
        labels: { auc: number; base_rate: number };
        cuts: { quantile: number; hubs: { image: string }[] }[];
        suggestion: { quantile: number | null };
        warnings: string[];
        comparison: {
          suggestion: { similarity: string; measure: string; reasons: string[] } | null;
          compared: { similarity: string; measure: string; auc: number; p: number }[];
          warnings: string[];
        } | null;
      }
      const path = `/v1/similarities/${made.moments}/audit`;
      const audit = await server.json<Audit>("GET", path);
      assert.equal(audit.coverage, 7 / 8);
      assert.ok(audit.cuts.every(({ hubs }) => hubs.every(({ image }) => names.includes(image))));
      const { comparison } = audit;
      // Each measure once, and dtw with its other readers and combinations.
      assert.equal(comparison!.compared.length, 10);
      assert.equal(comparison!.compared[0].similarity, made.moments);
      assert.equal(new Set(comparison!.compared.map(({ measure }) => measure)).size, 8);
      // Gaze that was drawn by chance says nothing about labels.
      if (comparison!.suggestion === null) {
        assert.match(comparison!.warnings[0], /more often than chance/);
      }
      if (audit.suggestion.quantile === null) {
        assert.match(audit.warnings.join(), /no better than chance/);
      }
      const alone = await server.json<Audit>("GET", `${path}?compare=false`);
      assert.equal(alone.comparison, null);
      assert.deepEqual(alone.labels, audit.labels);
    });

    await t.step("pictures of gaze, of one reader or all", async () => {
      for (const kind of ["heatmap", "overlay", "scanpath"]) {
        const all = await png(server, `${image("e")}/${kind}.png`);
        assert.deepEqual([all.width, all.height, all.channels], [WIDTH, HEIGHT, 3]);
        const one = await png(server, `${image("e")}/${kind}.png?reader=r1`);
        assert.notDeepEqual(one.data, all.data, kind);
        const small = await png(server, `${image("e")}/${kind}.png?size=20`);
        assert.deepEqual([small.width, small.height], [20, 15]);
        for (
          const path of [`${image("bare")}/${kind}.png`, `${image("bare")}/${kind}.png?reader=r1`]
        ) {
          const none = await server.fetch(path);
          assert.deepEqual([none.status, none.headers.get("x-gaze")], [200, "none"], path);
          const plain = await png(server, `${path.split(`/${kind}`)[0]}/image.png`);
          const { data } = await decodeImage(await none.bytes());
          plain.data.forEach((value, i) => assert.equal(data[i * 3], value, path));
        }
        const unknown = await server.fetch(`${image("e")}/${kind}.png?reader=r3`);
        assert.equal(unknown.status, 404);
        assert.match(await unknown.text(), /Cannot find reader \\"r3\\" in this data set/);
      }
    });

    await t.step("a set of which only the nearest are kept: pairs, audit, training", async () => {
      const id = await similarity(server, "cc", { keep: "neighbours", top_k: 3, most_pairs: 6 });
      const path = `/v1/similarities/${id}`;
      const whole = `/v1/similarities/${made.cc}`;
      for (const query of ["top=6", `image=${encodeURIComponent("a,b")}&top=3`]) {
        assert.deepEqual(
          await server.json("GET", `${path}/pairs?${query}`),
          await server.json("GET", `${whole}/pairs?${query}`),
        );
      }
      const keptOf = async (path: string) =>
        (await server.json<{ histogram: { kept: Record<string, unknown> } }>("GET", path)).histogram
          .kept;
      const { above, ...kept } = await keptOf(path);
      assert.deepEqual(kept, { layout: "neighbours", top_k: 3, pairs: 6 });
      assert.equal(typeof above, "number");
      assert.deepEqual(await keptOf(whole), { layout: "matrix" });
      const { features } = await server.json<{ features: object }>("GET", "/v1/device");
      assert.deepEqual(Object.keys(features).sort(), ["f16", "lanes", "subgroups", "timestamps"]);
      for (const part of ["matrix", "matrix?format=npy", "matrix.png"]) {
        const response = await server.fetch(`${path}/${part}`);
        const problem = await response.json();
        assert.equal(response.status, 422, part);
        assert.match(problem.detail, /"keep": "matrix"/);
      }
      const audit = await server.json<{
        labels: { auc: null; p: number };
        cuts: { top_k: number | null; pairs: number }[];
      }>("GET", `${path}/audit`);
      assert.equal(audit.labels.auc, null);
      assert.deepEqual(audit.cuts.flatMap(({ top_k }) => top_k ?? []), [1, 2]);
      const spec = {
        kind: "pretrain",
        dataset: "set",
        method: "simsiam",
        arm: "gaze",
        similarity: id,
        backbone: "resnet18",
        width: 8,
        image_size: 32,
        epochs: 1,
        batch_size: 4,
        optimizer: { name: "sgd" },
        // The audit that it is compared with looks at all images.
        leave_out: null,
      };
      const refuse = async (cut: Record<string, number>, message: RegExp) => {
        const response = await server.fetch("/v1/jobs", {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ ...spec, cut }),
        });
        const problem = await response.json();
        assert.equal(response.status, 422, JSON.stringify(problem));
        assert.equal(problem.errors[0].pointer, "/cut");
        assert.match(problem.detail, message);
      };
      await refuse({ top_k: 4 }, /top_k up to 3/);
      await refuse({ quantile: 0.9 }, /quantiles under 0.29, or top_k up to 3/);
      await refuse({ threshold: 0 }, /thresholds from/);
      const job = await runJob(server, { ...spec, cut: { top_k: 2 } });
      assert.match(job.result.model, /^mod_/);
      const { data } = await server.json<{ data: { data: { pairs?: number } }[] }>(
        "GET",
        `/v1/jobs/${job.id}/events`,
      );
      const told = data.find((event) => event.data.pairs !== undefined)!.data.pairs;
      assert.equal(told, audit.cuts.find(({ top_k }) => top_k === 2)!.pairs);
    });
  });
});
