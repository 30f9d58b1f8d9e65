/** A model that is taken away: each form says by itself all that its use needs, and gives the same answers elsewhere. */
import assert from "node:assert/strict";
import { encodePng } from "@/lib/images/png_encoder.ts";
import { raster } from "@/lib/images/raster.ts";
import { readSafetensors, writeSafetensors } from "@/lib/models/safetensors.ts";
import { unzip } from "../support/archives.ts";
import { onnxTexts } from "../support/onnx_metadata.ts";
import { hasOnnxRuntime, runOnnx } from "../support/onnx_runtime.ts";
import { noise } from "../support/operation.ts";
import { PYTHON, runPython } from "../support/python_torch.ts";
import { type TestServer, until, withServer } from "../support/server.ts";
import { upload } from "../support/small_set.ts";
import { withDirectory } from "../support/temporary.ts";
import { resnetWeights } from "../support/weights.ts";

interface Model {
  id: string;
  version: number;
  classes: string[];
  spec: Record<string, unknown>;
  lineage: Record<string, Record<string, unknown>>;
}

interface Metadata {
  architecture: string;
  channels: number;
  image_size: [number, number];
  classes: string[];
  normalization: { mean: number[]; std: number[] };
  lineage: Record<string, unknown>;
  evaluations: {
    figures: Record<string, number | null>;
    images: number;
    dataset_digest: string;
    intervals: Record<string, [number, number] | null>;
  }[];
  weights_sha256: string;
}

const [H, W] = [32, 64];
/** Names that a list with commas, a table in Markdown and an object by name would each break. */
const CLASSES = ["a, b", "`|`", "constructor"];

/** Colour pictures of the model's size, values of 0 to 255: [n][H * W * 3] */
const pictures = [1, 2, 3].map((seed) =>
  Uint8Array.from(noise([H, W, 3], seed).data, (value) => Math.round((value + 1) * 127.5))
);

function png(values: Uint8Array): Uint8Array<ArrayBuffer> {
  const picture = raster(W, H, 3, 8);
  picture.data.set(values);
  return new Uint8Array(encodePng(picture));
}

async function put(server: TestServer, path: string, body: BodyInit, status = 201) {
  const response = await server.fetch(`/v1/models/${path}`, { method: "PUT", body });
  const answer = await response.json();
  assert.equal(response.status, status, JSON.stringify(answer));
  return answer;
}

async function weightsOf(server: TestServer, model: string, format = "safetensors") {
  const response = await server.fetch(`/v1/models/${model}/weights?format=${format}`);
  assert.equal(response.status, 200);
  return new Uint8Array(await response.arrayBuffer());
}

/** Probabilities of the pictures, in the order of the classes: [n][classes] */
async function predicted(server: TestServer, model: string): Promise<number[][]> {
  const rows: number[][] = [];
  for (const values of pictures) {
    const response = await server.fetch(`/v1/models/${model}/predictions`, {
      method: "POST",
      body: png(values),
      headers: { "content-type": "image/png" },
    });
    const text = await response.text();
    assert.equal(response.status, 200, text);
    const [{ probabilities }] = JSON.parse(text).data;
    rows.push(CLASSES.map((name) => Object.getOwnPropertyDescriptor(probabilities, name)!.value));
  }
  return rows;
}

function gap(a: number[][], b: number[][]): number {
  assert.deepEqual(a.map((row) => row.length), b.map((row) => row.length));
  return Math.max(...a.flatMap((row, i) => row.map((value, k) => Math.abs(value - b[i][k]))));
}

function softmax(logits: number[]): number[] {
  const most = Math.max(...logits);
  const powers = logits.map((value) => Math.exp(value - most));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((value) => value / sum);
}

/** Reads what each form says of itself, loads the weights strictly, prints the probabilities of the pictures. */
const SCRIPT = `
import json, os, struct, sys, torch, torchvision

def read(path):
    data = open(path, "rb").read()
    end = 8 + struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:end])
    metadata = header.pop("__metadata__")
    weights = {}
    for name, entry in header.items():
        begin, stop = entry["data_offsets"]
        values = torch.frombuffer(bytearray(data[end + begin:end + stop]), dtype=torch.float32)
        weights[name] = values.reshape(entry["shape"])
    return metadata, weights

def answers(architecture, classes, size, mean, std, weights):
    model = getattr(torchvision.models, architecture)(num_classes=classes)
    model.load_state_dict(weights, strict=True)
    x = torch.frombuffer(bytearray(open(sys.argv[3], "rb").read()), dtype=torch.uint8)
    x = x.reshape(-1, size[1], size[2], size[0]).permute(0, 3, 1, 2).float() / 255
    x = (x - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    with torch.no_grad():
        return torch.softmax(model.eval()(x), 1).tolist()

texts, weights = read(sys.argv[1])
own = json.loads(texts["mcgip"])
size = [own["channels"], *own["image_size"]]
norm = own["normalization"]
first = answers(own["architecture"], len(own["classes"]), size, norm["mean"], norm["std"], weights)

config = json.load(open(os.path.join(sys.argv[2], "config.json")))
cfg = config["pretrained_cfg"]
_, weights = read(os.path.join(sys.argv[2], "model.safetensors"))
assert cfg["classifier"] + ".weight" in weights and cfg["first_conv"] + ".weight" in weights
assert len(config["label_names"]) == config["num_classes"] == cfg["num_classes"]
second = answers(
    config["architecture"], config["num_classes"], cfg["input_size"], cfg["mean"], cfg["std"], weights
)
print(json.dumps([first, second]))
`;

Deno.test("a model in each form gives the same probabilities everywhere, told nothing by hand", async (t) => {
  await withServer(async (server) => {
    await server.ready();
    const network = { width: 64, channels: 3, classes: 3 } as const;
    const form = new FormData();
    form.append(
      "file",
      new Blob([writeSafetensors(resnetWeights(network))]),
      "weights.safetensors",
    );
    const mean = [0.4, 0.5, 0.6], std = [0.2, 0.25, 0.3];
    const settings = { classes: CLASSES, image_size: [H, W], mean, std };
    form.append("settings", JSON.stringify(settings));
    const model: Model = await put(server, "taken", form);
    assert.deepEqual(model.classes, CLASSES);
    const ours = await predicted(server, model.id);
    assert.ok(gap(ours, [ours[1], ours[2], ours[0]]) > 0.01, "pictures differ");
    const file = await weightsOf(server, model.id);
    const said: Metadata = JSON.parse(readSafetensors(file).metadata.mcgip);

    await t.step("safetensors come back in by themselves, whatever order they are in", async () => {
      const again: Model = await put(server, "again", file);
      assert.deepEqual(again.spec, model.spec);
      assert.ok(gap(await predicted(server, again.id), ours) <= 1e-6);
      const { tensors, metadata } = readSafetensors(file);
      const turned = writeSafetensors(new Map([...tensors].toReversed()), metadata);
      const other: Model = await put(server, "again", turned);
      assert.equal(other.version, 2);
      assert.ok(gap(await predicted(server, other.id), ours) <= 1e-6);
      assert.equal(
        JSON.parse(readSafetensors(await weightsOf(server, other.id)).metadata.mcgip)
          .weights_sha256,
        said.weights_sha256,
      );
      // The same said twice is no contradiction.
      await put(server, `again?image_size=${H}x${W}&mean=0.4,0.5,0.6`, file);
    });

    await t.step("what contradicts the file is refused by name", async () => {
      const small = writeSafetensors(resnetWeights({ classes: 3 }));
      const query = new URLSearchParams({ classes: JSON.stringify(CLASSES), image_size: "32" });
      const { id } = await put(server, `small?${query}`, small);
      const file = await weightsOf(server, id);
      for (
        const [query, name] of [
          ["image_size=64", "image_size"],
          ["mean=0.5,0.5,0.5", "mean"],
          ["std=1,1,1", "std"],
          ["classes=a,b,c", "classes"],
        ]
      ) {
        const { detail } = await put(server, `wrong?${query}`, file, 422);
        assert.match(detail, new RegExp(`^Cannot use ${name} .*the file itself says`));
      }
      for (const [name, values] of [["mean", "123,117,104"], ["std", "58,57,57"]]) {
        const { detail } = await put(server, `wrong?${name}=${values}`, small, 422);
        assert.match(detail, new RegExp(`^Cannot use ${name} ${values}: pixels are in 0 to 1`));
      }
      for (const [name, other] of [["mean", "std"], ["std", "mean"]]) {
        const { detail } = await put(server, `wrong?${name}=0.5,0.5,0.5`, small, 422);
        assert.match(detail, new RegExp(`^Cannot use ${name} alone: ${other} of the same pixels`));
      }
      const { tensors, metadata } = readSafetensors(file);
      tensors.get("fc.bias")!.data[0] += 1;
      const { detail } = await put(server, "wrong", writeSafetensors(tensors, metadata), 422);
      assert.match(detail, /weights that were changed need metadata of their own/);
      const warned = JSON.parse(metadata.mcgip);
      warned.lineage.warnings = ["seen before"];
      const { lineage } = await put(
        server,
        "warned",
        writeSafetensors(readSafetensors(file).tensors, { mcgip: JSON.stringify(warned) }),
      );
      assert.deepEqual(lineage.warnings, ["seen before"]);
      for (const text of ["{", '{"version":1}', '{"version":2}']) {
        const damaged = writeSafetensors(tensors, { mcgip: text });
        assert.match((await put(server, "wrong", damaged, 422)).detail, /"mcgip" metadata/);
      }
    });

    const there = hasOnnxRuntime();
    await t.step({
      name: "ONNX Runtime" + (there ? "" : " (skipped: onnxruntime-node cannot be fetched)"),
      ignore: !there,
      async fn() {
        const onnx = await weightsOf(server, model.id, "onnx");
        const { doc, metadata } = onnxTexts(onnx);
        assert.match(doc, /minus the mean \[0\.4,0\.5,0\.6\]/);
        assert.deepEqual(JSON.parse(metadata.classes), CLASSES);
        const own: Metadata = JSON.parse(metadata.mcgip);
        assert.deepEqual(own, said);
        const { mean, std } = own.normalization;
        const [height, width] = own.image_size;
        const x = new Float32Array(pictures.length * 3 * height * width);
        let at = 0;
        for (const values of pictures) {
          for (let c = 0; c < own.channels; c++) {
            for (let i = 0; i < height * width; i++) {
              x[at++] = (values[i * 3 + c] / 255 - mean[c]) / std[c];
            }
          }
        }
        const { name, data } = await runOnnx(onnx, x, [pictures.length, 3, height, width]);
        assert.equal(name, "logits");
        const rows = pictures.map((_, i) => softmax(data.slice(i * 3, (i + 1) * 3)));
        assert.ok(gap(rows, ours) <= 1e-5, `${gap(rows, ours)}`);
      },
    });

    const folder = await unzip(await weightsOf(server, model.id, "hf"));
    await t.step(
      "the folder for the Hub: timm's config, the card, and weights that come back",
      async () => {
        assert.deepEqual(
          [...folder.keys()].sort(),
          ["README.md", "config.json", "model.safetensors"].map((name) => `${model.id}/${name}`),
        );
        const text = (name: string) => new TextDecoder().decode(folder.get(`${model.id}/${name}`)!);
        assert.deepEqual(JSON.parse(text("config.json")), {
          architecture: "resnet18",
          num_classes: 3,
          num_features: 512,
          global_pool: "avg",
          label_names: CLASSES,
          pretrained_cfg: {
            custom_load: false,
            input_size: [3, H, W],
            fixed_input_size: false,
            interpolation: "bilinear",
            crop_pct: 1,
            crop_mode: "squash",
            mean,
            std,
            num_classes: 3,
            pool_size: [1, 2],
            first_conv: "conv1",
            classifier: "fc",
          },
        });
        const card = text("README.md");
        assert.match(card, /^---\nlibrary_name: timm\npipeline_tag: image-classification\n/);
        assert.match(card, /not for diagnosis/);
        assert.match(card, /1\. `'\\\|'`/);
        const again: Model = await put(
          server,
          "hub",
          folder.get(`${model.id}/model.safetensors`)!,
        );
        assert.deepEqual(again.spec, model.spec);
      },
    );

    await t.step({
      name: "PyTorch, by torchvision's names (timm itself is not among Debian's packages)" +
        (PYTHON ? "" : " (skipped: PyTorch and torchvision are not installed)"),
      ignore: !PYTHON,
      fn: () =>
        withDirectory(async (directory) => {
          Deno.writeFileSync(`${directory}/weights`, file);
          for (const [name, bytes] of folder) {
            Deno.mkdirSync(`${directory}/${model.id}`, { recursive: true });
            Deno.writeFileSync(`${directory}/${name}`, bytes);
          }
          const joined = new Uint8Array(pictures.flatMap((values) => [...values]));
          Deno.writeFileSync(`${directory}/pictures`, joined);
          const forms = await runPython<number[][][]>(SCRIPT, [
            `${directory}/weights`,
            `${directory}/${model.id}`,
            `${directory}/pictures`,
          ]);
          for (const theirs of forms) assert.ok(gap(theirs, ours) <= 1e-5, `${gap(theirs, ours)}`);
        }),
    });
  });
});

Deno.test("a model that a job made says where it comes from, also after a way through another server", async (t) => {
  await withServer(async (server) => {
    await server.ready();
    await upload(server, "breast", 40);
    const job = async (spec: Record<string, unknown>) => {
      const { id } = await server.json<{ id: string }>("POST", "/v1/jobs", {
        dataset: "breast",
        width: 4,
        image_size: 16,
        epochs: 1,
        batch_size: 4,
        ...spec,
      });
      let row!: { id: string; state: string; error: string | null; result: Record<string, string> };
      await until(
        async () => {
          row = await server.json("GET", `/v1/jobs/${id}`);
          return !["queued", "running"].includes(row.state);
        },
        120_000,
        () => JSON.stringify(row),
      );
      assert.equal(row.state, "succeeded", row.error ?? "");
      return { model: row.result.model, evaluation: row.result.evaluation, job: id };
    };
    const start = await job({ kind: "pretrain", method: "simsiam", arm: "none", seed: 5 });
    const made = await job({ kind: "finetune", init: start.model, seed: 7, name: "tumour" });
    const { lineage, evaluations, ...said }: Metadata = JSON.parse(
      readSafetensors(await weightsOf(server, "tumour")).metadata.mcgip,
    );
    const { digest } = await server.json<{ digest: string }>("GET", "/v1/datasets/breast");

    await t.step("its lineage, without names of images", () => {
      assert.equal(said.architecture, "resnet18");
      const { job, seed, method, mode, dataset_digest, start: from, split } = lineage;
      assert.deepEqual([job, seed, method, mode, dataset_digest], [
        ...[made.job, 7, "finetune", "full", digest],
      ]);
      const first = from as Record<string, unknown>;
      assert.deepEqual([first.job, first.method, first.arm, first.seed], [
        ...[start.job, "simsiam", "none", 5],
      ]);
      const parts = split as Record<string, { images: number; names_sha256: string }>;
      const { train, validation, test } = parts;
      assert.equal(train.images + validation.images + test.images, 40);
      assert.match(test.names_sha256, /^[0-9a-f]{64}$/);
      assert.ok(!/P0\d\d_/.test(JSON.stringify(lineage)), "a name of an image left");
    });

    await t.step("its metrics with intervals, as they were found", async () => {
      const [{ images, intervals, figures, dataset_digest }] = evaluations;
      assert.ok(images > 0);
      assert.equal(dataset_digest, digest);
      const { metrics } = await server.json<{ metrics: Record<string, unknown> }>(
        "GET",
        `/v1/evaluations/${made.evaluation}`,
      );
      assert.equal(figures.brier_score, metrics.brier_score);
      assert.deepEqual(intervals, (metrics.intervals as { figures: unknown }).figures);
      const [low, high] = intervals.brier_score!;
      assert.ok(low >= 0 && low <= figures.brier_score! && figures.brier_score! <= high);
    });

    await t.step("all of it comes back, and goes out again as it came", async () => {
      const again: Model = await put(server, "again", await weightsOf(server, "tumour"));
      assert.deepEqual(again.lineage.origin.lineage, lineage);
      const twice = JSON.parse(readSafetensors(await weightsOf(server, again.id)).metadata.mcgip);
      assert.deepEqual([twice.lineage, twice.evaluations], [lineage, evaluations]);
      assert.equal(twice.weights_sha256, said.weights_sha256);
    });

    await t.step("a width that timm has not is no folder for the Hub", async () => {
      const response = await server.fetch("/v1/models/tumour/weights?format=hf");
      const { detail } = await response.json();
      assert.equal(response.status, 422);
      assert.match(detail, /timm's resnet18 has a width of 64, this one of 4/);
    });
  });
});
