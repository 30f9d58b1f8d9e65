/** Maps and features of the predictor, against what the layers themselves say. */
import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { averagePool } from "@/gpu/ops/average_pool.ts";
import { linear } from "@/gpu/ops/linear.ts";
import { ParameterStore } from "@/gpu/parameters.ts";
import { compile } from "@/gpu/program.ts";
import { Tape } from "@/gpu/tape.ts";
import { InvalidInput } from "@/lib/errors.ts";
import { type FeatureMap, saliencyMap, similarityMap } from "@/lib/inference/feature_map.ts";
import { layersOf } from "@/lib/inference/activations.ts";
import { Predictor } from "@/lib/inference/predictor.ts";
import { encodePicture } from "@/lib/inference/protocol.ts";
import { initialize } from "@/lib/models/initial.ts";
import { writeSafetensors } from "@/lib/models/safetensors.ts";
import { saveWeights } from "@/lib/models/weights.ts";
import { type ModelRow, type ModelSpec, newId, now, openStore } from "@/lib/store/mod.ts";
import { difference, noise, runOp } from "../support/operation.ts";
import { withDirectory } from "../support/temporary.ts";
import { served } from "../support/served.ts";

const gpu = await openGpu();
const S = 96;
const F = 32;
const spec: ModelSpec = {
  backbone: "resnet18",
  width: 4,
  channels: 1,
  image_size: S,
  classes: ["a", "b", "c"],
  normalization: { mean: [0.4], std: [0.2] },
};

/** Weights of the seed, with a classifier when there are classes. */
async function weightsOf({ classes }: { classes: string[] }) {
  const store = new ParameterStore(gpu);
  const tape = new Tape(store, { training: false });
  layersOf(tape, tape.input("x", [1, S, S, 4]), { ...spec, classes });
  initialize(store, 11);
  const weights = await saveWeights(store);
  store.destroy();
  return weights;
}

/** The layers of one picture, by a program of the test's own. */
async function layers(data: Uint8Array) {
  const store = new ParameterStore(gpu);
  const tape = new Tape(store, { training: false });
  const made = layersOf(tape, tape.input("x", [1, S, S, 4]), spec);
  const [map, features, logits] = [made.map!, made.features, made.logits!];
  const program = compile(tape, { outputs: [map, features, logits] });
  initialize(store, 11);
  const x = new Float32Array(S * S * 4);
  data.forEach((value, i) => x[i * 4] = (value / 255 - 0.4) / 0.2);
  program.write("x", x);
  program.run();
  const [mapValues, featureValues, logitValues] = await program.read(map, features, logits);
  program.destroy();
  store.destroy();
  return { map: mapValues, features: featureValues, logits: logitValues };
}

const pixels = Uint8Array.from(noise([S, S], 5).data, (value) => 127 + 120 * value);
const picture = encodePicture({ width: S, height: S, channels: 1, bits: 8, data: pixels });

Deno.test("predictor: probabilities, features and maps of one model come from the same layers", () =>
  withDirectory(async (directory) => {
    const store = await openStore(directory);
    const insert = async (classes: string[]): Promise<ModelRow> => {
      const weights = await weightsOf({ classes });
      const { sha256 } = await store.files.put(writeSafetensors(weights));
      return await store.commitFiles([sha256], async () =>
        await store.models.insert({
          id: newId("mod"),
          name: null,
          version: null,
          kind: "uploaded",
          job_id: null,
          dataset_id: null,
          dataset_digest: null,
          spec: { ...spec, classes },
          lineage: {},
          file: sha256,
          created_at: now(),
        }));
    };
    const [model, headless] = [(await insert(spec.classes)).id, (await insert([])).id];
    const predictor = new Predictor(gpu, store);
    const point: [number, number] = [0.5, 0.1];
    const answers = Promise.all([
      predictor.predict({ model, pictures: [picture] }),
      predictor.embed({ model, pictures: [picture, picture] }),
      predictor.embed({ model: headless, pictures: [picture] }),
      predictor.similarityMap({ model: headless, picture, point }),
      predictor.saliencyMap({ model, picture, class: null }),
      Promise.all([0, 1, 2].map((k) => predictor.saliencyMap({ model, picture, class: k }))),
    ]);
    const [predicted, embedded, bare, similarity, best, each] = await served(predictor, answers);
    const expected = await layers(pixels);

    const probabilities = predicted.probabilities[0];
    const powers = [...expected.logits].map(Math.exp);
    const sum = powers.reduce((a, b) => a + b);
    assert.ok(difference(probabilities!, powers.map((power) => power / sum)) < 1e-5);
    for (const text of [...embedded.features, ...bare.features]) {
      const features = new Float32Array(Uint8Array.fromBase64(text!).buffer);
      assert.ok(difference(features, expected.features) < 1e-5);
    }

    const [rows, columns] = [3, 3];
    const vector = (row: number, column: number) =>
      expected.map.subarray((row * columns + column) * F, (row * columns + column + 1) * F);
    const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, v, i) => sum + v * b[i], 0);
    const chosen = vector(0, 1);
    const cosines = Array.from({ length: 9 }, (_, cell) => {
      const other = vector(Math.floor(cell / columns), cell % columns);
      return dot(chosen, other) / Math.sqrt(dot(chosen, chosen) * dot(other, other));
    });
    assert.deepEqual([similarity.rows, similarity.columns], [rows, columns]);
    assert.ok(difference(similarity.values, cosines) < 1e-5);
    assert.ok(Math.abs(similarity.values[1] - 1) < 1e-12);
    assert.ok(new Set(similarity.values).size === 9 && Math.min(...cosines) < 0.999);

    assert.equal(best.class, probabilities!.indexOf(Math.max(...probabilities!)));
    assert.deepEqual(best.probabilities, probabilities);
    assert.deepEqual(each.map((one) => one.class), [0, 1, 2]);
    assert.deepEqual(best.values, each[best.class].values);
    assert.equal(new Set(each.map(({ values }) => values.join())).size, 3);
    const pictures = [picture];
    await assert.rejects(predictor.predict({ model: headless, pictures }), InvalidInput);
    const explained = { model: headless, picture, class: null };
    await assert.rejects(predictor.saliencyMap(explained), InvalidInput);
    predictor.destroy();
    await store.close();
  }));

Deno.test("Grad-CAM: the classifier's row gives what backpropagation to the map gives", async () => {
  const { map } = await layers(pixels);
  const shape = [1, 3, 3, F];
  const cells = shape[1] * shape[2];
  const weights = await weightsOf(spec);
  const { data: rows } = weights.get("fc.weight")!;
  const columns = Float32Array.from(rows, (_, i) => rows[(i % 3) * F + Math.floor(i / 3)]);
  for (const index of [0, 1, 2]) {
    const { gradients } = await runOp(
      gpu,
      { A: { shape, data: map }, w: { shape: [F, 3], data: columns } },
      (tape, { A, w }) => linear(tape, averagePool(tape, A), w),
      Float32Array.from({ length: 3 }, (_, k) => k === index ? 1 : 0),
    );
    const gradient = gradients.A;
    const expected = Array.from({ length: cells }, (_, cell) => {
      let value = 0;
      for (let f = 0; f < F; f++) {
        let alpha = 0;
        for (let at = 0; at < cells; at++) alpha += gradient[at * F + f] / cells;
        value += alpha * map[cell * F + f];
      }
      return Math.max(0, value);
    });
    const made: FeatureMap = { rows: 3, columns: 3, features: F, values: map };
    const row = rows.subarray(index * F, (index + 1) * F);
    assert.ok(difference(saliencyMap(made, row), expected) < 1e-4, `class ${index}`);
  }
});

Deno.test("similarity: a vector of zeros is similar to nothing, a point at the edge has a cell", () => {
  const values = [0, 0, 3, 4, 4, 3, -3, -4];
  const map: FeatureMap = { rows: 2, columns: 2, features: 2, values };
  assert.deepEqual(similarityMap(map, [0, 0]), [0, 0, 0, 0]);
  assert.deepEqual(similarityMap(map, [1, 0]), [0, 1, 0.96, -1]);
  assert.deepEqual(similarityMap(map, [1, 1]), similarityMap(map, [0.9, 0.9]));
  assert.deepEqual(similarityMap(map, [0.1, 0.6]), [0, 0.96, 1, -0.96]);
});

Deno.test("device closes without errors", () => {
  gpu.check();
  gpu.device.destroy();
});
