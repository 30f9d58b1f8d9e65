import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { openGpu } from "@/gpu/device.ts";
import { readerName } from "@/lib/datasets/pseudonym.ts";
import { InvalidInput, NotFound } from "@/lib/errors.ts";
import { matrixStream } from "@/lib/similarities/export.ts";
import { readMatrix, readNeighbours } from "@/lib/similarities/stored_similarity.ts";
import type { Item } from "@/lib/gaze/similarity/measure.ts";
import { computeSimilarity } from "@/lib/gaze/similarity/mod.ts";
import { neighboursOf, topPairs } from "@/lib/similarities/nearest.ts";
import { encodePng } from "@/lib/images/png_encoder.ts";
import { type JobContext, JobStopped } from "@/lib/specs/job_context.ts";
import { similarity } from "@/lib/jobs/kinds/similarity.ts";
import { parseSimilarity, similarity as kind } from "@/lib/specs/similarity.ts";
import { type JobRow, newId, now, type SimilarityRow, type Store } from "@/lib/store/mod.ts";
import { withStore } from "../../support/temporary.ts";
import { randomItems } from "../../gaze/similarity/reference.ts";

const gpu = await openGpu();

/** A data set "gaze" of these items, in the store. */
async function keep(
  store: Store,
  items: Item[],
  meta: Record<string, unknown> = {},
): Promise<void> {
  const dataset = await store.datasets.insert({
    names: "keep",
    id: newId("ds"),
    name: "gaze",
    known_digest: "d",
    structured: false,
    positive_label: null,
    meta,
    created_at: now(),
  });
  for (const { id: name, width, height, scanpaths } of items) {
    const image = await store.images.insert({
      id: newId("im"),
      dataset_id: dataset.id,
      name,
      file: "0".repeat(64),
      format: "png",
      bytes: 1,
      width,
      height,
      channels: 1,
      bits: 8,
      label: null,
      patient: null,
      split: null,
    });
    for (const { reader, fixations } of scanpaths) {
      await store.gaze.insert({
        id: newId("gz"),
        image_id: image.id,
        reader,
        format: "csv",
        fixations,
        samples_file: null,
        assumptions: [],
        dropped: 0,
        data_loss: 0,
      });
    }
  }
}

/** Runs a job as the worker would; `stopAt` asks it to stop at that many yields. */
async function run(
  store: Store,
  spec: Record<string, unknown>,
  { stopAt = Infinity, id = newId("job") }: { stopAt?: number; id?: string } = {},
): Promise<{ row: SimilarityRow; progress: number[][]; warnings: unknown[] }> {
  const resolved = await kind.resolve!(parseSimilarity({ dataset: "gaze", ...spec }), store);
  const progress: number[][] = [];
  const warnings: unknown[] = [];
  let yields = 0;
  const context: JobContext = {
    job: { id, spec: { ...resolved, code_version: "test" } } as unknown as JobRow,
    store,
    gpu,
    event: (_type, data) => void warnings.push(data.message),
    metric() {},
    flush: () => Promise.resolve(),
    publish: async ({ similarity }) => void await store.similarities.insert(similarity!),
    pace() {},
    progress: (done, total) => void progress.push([done, total]),
    yield() {
      if (++yields >= stopAt) throw new JobStopped("cancel");
      return Promise.resolve();
    },
    checkpoints: "",
  };
  const result = await similarity.run(context);
  return { row: await store.similarities.get(result.similarity as string), progress, warnings };
}

/** Names with a comma, a quote and a folder; the third image has gaze too short. */
const items = randomItems(11, (i) => i === 2 ? 2 : 8 + i, 4).map((item, i) => ({
  ...item,
  id: [`a,b`, `c"d`, "folder/e"][i] ?? `image ${String(i).padStart(2, "0")}`,
}));
const sorted = items.toSorted((a, b) => a.id < b.id ? -1 : 1);

async function text(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  return await new Response(stream).text();
}

Deno.test("a similarity job keeps the matrix that a direct computation gives", async () => {
  await withStore(async (store) => {
    await keep(store, items);
    const { row, progress, warnings } = await run(store, { measure: "multimatch" });
    const direct = await computeSimilarity(gpu, "multimatch", sorted);
    assert.deepEqual(row.images, direct.images);
    assert.deepEqual(row.components, direct.components);
    assert.deepEqual(row.invalid, [items[2].id]);
    assert.equal(warnings.length, 1);
    assert.deepEqual(progress.at(-1), [66, 66]);
    const n = 11;
    for (const [c, component] of row.components.entries()) {
      const { values } = await readMatrix(store.files, row, { component });
      assert.deepEqual(values, direct.values.slice(c * n * n, (c + 1) * n * n));
    }
    assert.equal(row.histogram.pairs, 45);
    assert.equal(row.params.grouping, true);
    assert.deepEqual(row.params.screen, { width: 800, height: 800 });
    assert.ok(Math.abs(row.params.amplitude_px as number - 0.1 * Math.hypot(800, 800)) < 1e-9);
    assert.deepEqual([...Deno.readDirSync(store.files.temporary)], []);

    const score = direct.values.subarray(0, n * n);
    const json = JSON.parse(await text(matrixStream(store.files, row, { format: "json" })));
    assert.deepEqual(Object.keys(json), ["measure", "component", "images", "values"]);
    assert.deepEqual([json.measure, json.component], ["multimatch", "score"]);
    json.values.flat().forEach((value: number | null, i: number) => {
      if (Number.isNaN(score[i])) assert.equal(value, null);
      else assert.ok(Math.abs(value! - score[i]) < 1e-8);
    });

    const images = [items[0].id, items[2].id, items[1].id];
    const part = { component: "shape", images };
    const csv = await text(matrixStream(store.files, row, { format: "csv", ...part }));
    const lines = csv.split("\n");
    assert.equal(lines[0], `image,"a,b",folder/e,"c""d"`);
    assert.match(lines[1], /^"a,b",1,,0\.\d{3,8}$/);
    assert.equal(lines[2], "folder/e,,,");

    const npy = Buffer.from(
      await new Response(matrixStream(store.files, row, { format: "npy" })).arrayBuffer(),
    );
    assert.equal(npy.subarray(1, 6).toString(), "NUMPY");
    const header = 10 + npy.readUInt16LE(8);
    assert.equal(header % 64, 0);
    assert.match(npy.subarray(10, header).toString(), /'<f4'.*\(11, 11\)/);
    assert.equal(npy.length, header + n * n * 4);
    assert.equal(npy.readFloatLE(header + 4), score[1]);

    const nearest = await neighboursOf(store.files, row, { image: items[0].id, top: 3 });
    const at = row.images.indexOf(items[0].id);
    const wanted = row.images.map((image, j) => ({
      image,
      similarity: score[at * n + j],
      label: null,
    }))
      .filter(({ image, similarity }) => image !== items[0].id && similarity > -1)
      .sort((a, b) => b.similarity - a.similarity).slice(0, 3);
    assert.deepEqual(nearest, wanted);
    const best = await topPairs(store.files, row, { top: 45 });
    assert.equal(best.length, 45);
    assert.deepEqual(best.map((p) => p.similarity).toSorted((a, b) => b - a), [
      ...best.map((p) => p.similarity),
    ]);
    const [a, b] = best[0].images.map((name) => row.images.indexOf(name));
    assert.equal(best[0].similarity, score[a * n + b]);
    await assert.rejects(readMatrix(store.files, row, { component: "colour" }), InvalidInput);
    await assert.rejects(readMatrix(store.files, row, { images: ["nobody"] }), NotFound);
  });
});

Deno.test("neighbours are kept where they are asked for", async () => {
  await withStore(async (store) => {
    await keep(store, items);
    const spec = { measure: "moments", keep: "neighbours", top_k: 4, most_pairs: 9 };
    const { row } = await run(store, spec);
    const whole = (await run(store, { measure: "moments" })).row;
    for (const { id: image } of items) {
      const options = { image, top: 4 };
      assert.deepEqual(
        await neighboursOf(store.files, row, options),
        await neighboursOf(store.files, whole, options),
      );
    }
    assert.deepEqual(
      await topPairs(store.files, row, { top: 9 }),
      await topPairs(store.files, whole, { top: 9 }),
    );
    assert.equal((await readNeighbours(store.files, row)).indices.length, 44);
    await assert.rejects(readMatrix(store.files, row), InvalidInput);
    assert.throws(() => matrixStream(store.files, row, { format: "csv" }), InvalidInput);
  });
});

Deno.test("readers are picked, and must exist", async () => {
  await withStore(async (store) => {
    const [other] = randomItems(1, () => 9, 99);
    const two = items.map((item) => ({
      ...item,
      scanpaths: [...item.scanpaths, { reader: "s", fixations: other.scanpaths[0].fixations }],
    }));
    await keep(store, two);
    const { row } = await run(store, { measure: "dhash", readers: ["s"] });
    const { values } = await readMatrix(store.files, row);
    assert.ok(values.every((value) => Math.abs(value - 1) < 1e-6));
    const stranger = { measure: "dhash" as const, dataset: "gaze", readers: ["t"] };
    await assert.rejects(
      async () => await kind.resolve!(parseSimilarity(stranger), store),
      /Cannot find readers/,
    );
  });
});

Deno.test("a reader is found by the name that the file gave, and by the one that is kept", async () => {
  await withStore(async (store) => {
    const known = readerName(store, "Dr. Anna Vogel");
    await keep(
      store,
      items.map((item) => ({
        ...item,
        scanpaths: item.scanpaths.map((path) => ({ ...path, reader: known })),
      })),
    );
    for (const readers of [["Dr. Anna Vogel"], [known], ["Dr. Anna Vogel", known]]) {
      const spec = await kind.resolve!(
        parseSimilarity({ measure: "dhash", dataset: "gaze", readers }),
        store,
      );
      assert.deepEqual(spec.readers, [known]);
    }
  });
});

Deno.test("a job whose worker died behind its result publishes no second one", async () => {
  await withStore(async (store) => {
    await keep(store, items);
    const id = newId("job");
    const { row } = await run(store, { measure: "moments" }, { id });
    const again = await run(store, { measure: "moments" }, { id });
    assert.deepEqual([again.row.id, again.progress], [row.id, []]);
    assert.equal((await store.similarities.list()).data.length, 1);
    await run(store, { measure: "moments" });
    assert.equal((await store.similarities.list()).data.length, 2);
  });
});

Deno.test("a stopped job leaves nothing behind", async () => {
  await withStore(async (store) => {
    await keep(store, items);
    await assert.rejects(run(store, { measure: "moments" }, { stopAt: 2 }), JobStopped);
    assert.deepEqual([...Deno.readDirSync(store.files.temporary)], []);
    assert.equal((await store.similarities.list()).data.length, 0);
  });
});

Deno.test("ready-made heatmaps of the store, and degrees by the screen's geometry", async () => {
  await withStore(async (store) => {
    const bare = items.slice(0, 3).map((item) => ({ ...item, scanpaths: [] }));
    await keep(store, bare, {
      screen: { width_px: 800, height_px: 800, width_mm: 300 },
      viewing_distance_mm: 600,
    });
    const parsed = parseSimilarity({ dataset: "gaze", measure: "cc" });
    await assert.rejects(async () => await kind.resolve!(parsed, store), /Cannot compare gaze/);
    const dataset = await store.datasets.byName("gaze");
    for (const [i, image] of (await store.images.all(dataset.id)).entries()) {
      if (i === 2) continue;
      const data = Uint8Array.from({ length: 36 }, (_, at) => (at * 7) % 36);
      const png = encodePng({ width: 6, height: 6, channels: 1, bits: 8, data });
      const { sha256 } = await store.files.put(png);
      await store.heatmaps.insert({
        id: newId("hm"),
        image_id: image.id,
        reader: "",
        file: sha256,
      });
      store.files.unpin([sha256]);
    }
    const { row } = await run(store, { measure: "cc", params: { sigma_deg: 2 } });
    assert.deepEqual(row.invalid, [row.images[2]]);
    const { values } = await readMatrix(store.files, row);
    assert.ok(Math.abs(values[1] - 1) < 1e-5 && Number.isNaN(values[2]));
  });
});

Deno.test("wrong specs name the field", () => {
  const problems = (spec: Record<string, unknown>) => {
    try {
      parseSimilarity({ dataset: "gaze", ...spec });
    } catch (error) {
      return (error as InvalidInput).problems.map(({ pointer }) => pointer);
    }
  };
  assert.deepEqual(problems({ measure: "colour" }), ["/measure"]);
  assert.deepEqual(problems({ measure: "multimatch", params: { weights: [1] } }), [
    "/params/weights",
  ]);
  assert.deepEqual(problems({ measure: "cc", params: { sigma_px: -1 } }), ["/params/sigma_px"]);
  assert.equal(problems({ measure: "tima", params: { parity: true } }), undefined);
});
