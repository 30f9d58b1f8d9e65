/** Maps of a vision transformer over HTTP, with a real worker: PyTorch's attention, rollout and Grad-CAM. */
import assert from "node:assert/strict";
import { encodePng } from "@/lib/images/png_encoder.ts";
import { enlarged } from "@/lib/images/picture.ts";
import { raster } from "@/lib/images/raster.ts";
import { decodeImage } from "@/lib/images/decode.ts";
import { digestOfWeights } from "@/lib/models/model_metadata.ts";
import { writeSafetensors } from "@/lib/models/safetensors.ts";
import reference from "../fixtures/transformer.json" with { type: "json" };
import { describedImages } from "../support/formula.ts";
import { difference } from "../support/operation.ts";
import { type TestServer, withServer } from "../support/server.ts";
import { uploadModel } from "../support/uploaded_model.ts";
import { vitWeights } from "../support/vit_weights.ts";

interface Made {
  method: string;
  head: number | null;
  class: string | null;
  probabilities: Record<string, number> | null;
  values: number[];
  grid: { columns: number; rows: number };
}

const { size: S, width, heads } = reference.network;
const CLASSES = ["a", "b", "c"];
const T = 1 + (S / 16) ** 2;

/** The network of the reference, with its classifier or without. */
async function put(server: TestServer, name: string, classes: string[]): Promise<void> {
  const weights = vitWeights();
  if (classes.length === 0) {
    for (const name of ["head.weight", "head.bias"]) weights.delete(name);
  }
  const half = [0.5, 0.5, 0.5];
  const metadata = {
    ...{ version: 1, architecture: "vit_tiny_patch16", width, channels: 3, image_size: S, classes },
    normalization: { mean: half, std: half },
    weights_sha256: digestOfWeights(weights),
  };
  const response = await server.fetch(`/v1/models/${name}`, {
    method: "PUT",
    body: writeSafetensors(weights, { mcgip: JSON.stringify(metadata) }),
  });
  assert.equal(response.status, 201, await response.text());
}

/** The first picture of the reference: its numbers from -1 to 1 in 16 bits. */
function picture(): Uint8Array<ArrayBuffer> {
  const pixels = describedImages(reference.network.input);
  const out = raster(S, S, 3, 16);
  for (let i = 0; i < S * S * 3; i++) {
    out.data[i] = Math.round((pixels[Math.floor(i / 3) * 4 + i % 3] + 1) / 2 * 65535);
  }
  return encodePng(out);
}

Deno.test("where a class token looks: every head, their mean, rollout, and Grad-CAM over tokens", async (t) => {
  await withServer(async (server) => {
    await server.ready();
    await put(server, "classifier", CLASSES);
    await put(server, "bare", []);
    const resnet = await uploadModel(server, "resnet", { classes: ["a", "b"] });
    const file = picture();
    const ask = (path: string, accept = "application/json") =>
      server.fetch(`/v1/models/${path}`, {
        method: "POST",
        body: file,
        headers: { "content-type": "image/png", accept },
      });
    const made = async (path: string): Promise<Made> => {
      const response = await ask(path);
      const text = await response.text();
      assert.equal(response.status, 200, text);
      return JSON.parse(text);
    };
    /** As large as the picture: what the API gives of a map of these cells. */
    const whole = (values: number[]) =>
      enlarged({ columns: 3, rows: 3, values }, { width: S, height: S });
    const { class_attention, rollout, grad_cam } = reference.maps;
    const rows = Array.from(
      { length: heads },
      (_, h) => class_attention.slice(h * T + 1, (h + 1) * T),
    );
    const mean = rows[0].map((_, l) => rows.reduce((sum, row) => sum + row[l], 0) / heads);

    await t.step("attention: the mean of heads, or one of them", async () => {
      const all = await made("classifier/saliency?method=attention");
      assert.deepEqual([all.method, all.head, all.grid], ["attention", null, {
        columns: 3,
        rows: 3,
      }]);
      assert.ok(difference(all.values, whole(mean)) < 5e-5);
      for (const [head, row] of rows.entries()) {
        const one = await made(`classifier/saliency?method=attention&head=${head}`);
        assert.equal(one.head, head);
        assert.ok(difference(one.values, whole(row)) < 5e-5);
      }
    });

    await t.step("rollout, of a bare backbone too, which has no class", async () => {
      const expected = whole(rollout.slice(1, T));
      const told = await made("classifier/saliency?method=rollout");
      const bare = await made("bare/saliency?method=rollout");
      assert.ok(difference(told.values, expected) < 5e-5);
      assert.deepEqual(bare.values, told.values);
      assert.deepEqual([bare.class, bare.probabilities], [null, null]);
      assert.deepEqual(Object.keys(told.probabilities!), CLASSES);
      assert.ok(CLASSES.includes(told.class!));
    });

    await t.step("Grad-CAM: of the predicted class, and of each", async () => {
      for (const [k, name] of CLASSES.entries()) {
        const cam = await made(`classifier/saliency?class=${name}`);
        assert.deepEqual([cam.class, cam.method], [name, "grad_cam"]);
        assert.ok(difference(cam.values, whole(grad_cam[k].slice(0, T - 1))) < 1e-3);
      }
      const best = await made("classifier/saliency");
      const named = await made(`classifier/saliency?class=${best.class}`);
      assert.deepEqual(best, named);
      assert.equal(
        best.probabilities![best.class!],
        Math.max(...Object.values(best.probabilities!)),
      );
    });

    await t.step("spatial sensing of its patches, and pictures", async () => {
      const sensed = await made("bare/similarity-map?x=4&y=4");
      assert.equal(sensed.values[0], 1);
      const png = await ask("bare/saliency?method=attention&picture=map", "image/png");
      assert.equal((await decodeImage(await png.bytes())).width, S);
    });

    await t.step("what cannot be drawn is refused with what can", async () => {
      const cases: [string, number, RegExp][] = [
        [
          `${resnet}/saliency?method=attention`,
          422,
          /no class token .*grad_cam and the similarity/,
        ],
        [`${resnet}/saliency?head=0`, 422, /one head by grad_cam: method attention has heads/],
        ["classifier/saliency?method=rollout&head=1", 422, /one head by rollout/],
        ["classifier/saliency?method=attention&head=3", 422, /heads 0 to 2; without one/],
        ["classifier/saliency?method=attention&class=a", 400, /"class" by attention.*every class/],
        ["classifier/saliency?method=rollout&class=a", 400, /"class" by rollout/],
        ["classifier/saliency?method=lime", 400, /method/],
        ["classifier/saliency?class=z", 422, /the classes are "a", "b", "c"/],
        ["bare/saliency", 422, /it has no classes/],
      ];
      for (const [path, status, detail] of cases) {
        const response = await ask(path);
        const problem = await response.json();
        assert.equal(response.status, status, `${path}: ${problem.detail}`);
        assert.match(problem.detail, detail, path);
      }
    });

    await t.step("a model tells how many heads it has", async () => {
      const [one, other] = await Promise.all(
        ["classifier", resnet].map((id) =>
          server.json<{ attention_heads: number | null }>("GET", `/v1/models/${id}`)
        ),
      );
      assert.deepEqual([one.attention_heads, other.attention_heads], [3, null]);
    });
  });
});
