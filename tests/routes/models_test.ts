/** Weights that come in and go out over HTTP: PyTorch's files, models to start from, ONNX. */
import assert from "node:assert/strict";
import { readSafetensors, writeSafetensors } from "@/lib/models/safetensors.ts";
import { writeResnetOnnx } from "@/lib/models/resnet_onnx.ts";
import type { ModelSpec } from "@/lib/store/mod.ts";
import { until, withServer } from "../support/server.ts";
import { upload } from "../support/small_set.ts";
import { uploadModel } from "../support/uploaded_model.ts";
import { resnetWeights } from "../support/weights.ts";

interface Model {
  id: string;
  kind: string;
  classes: string[];
  spec: Record<string, unknown>;
  lineage: {
    source: {
      format: string;
      prefix: string;
      left_out: string[];
      left_out_count: number;
      classifier?: string;
    };
  };
}

Deno.test("weights from elsewhere: taken, started from, given back", async (t) => {
  await withServer(async (server) => {
    await server.ready();
    await upload(server, "breast", 8);
    const put = async (path: string, body: BodyInit, status = 201) => {
      const response = await server.fetch(`/v1/models/${path}`, { method: "PUT", body });
      const answer = await response.json();
      assert.equal(response.status, status, JSON.stringify(answer));
      return answer;
    };
    const weightsOf = async (id: string) => {
      const response = await server.fetch(`/v1/models/${id}/weights`);
      return readSafetensors(await response.bytes()).tensors;
    };
    const checkpoint = await Deno.readFile(
      new URL("../fixtures/checkpoint_moco.pth", import.meta.url),
    );
    let moco!: Model;

    await t.step("a PyTorch checkpoint: the wanted network only", async () => {
      moco = await put("moco?image_size=32", checkpoint);
      assert.deepEqual([moco.kind, moco.classes], ["uploaded", []]);
      assert.deepEqual(moco.spec, {
        backbone: "resnet18",
        width: 4,
        channels: 3,
        image_size: 32,
        classes: [],
        normalization: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
      });
      const { source } = moco.lineage;
      assert.deepEqual([source.format, source.prefix], ["pth", "encoder_q."]);
      assert.ok(source.left_out.includes("encoder_q.fc.0.weight"));
      assert.ok(source.left_out.includes("queue") && source.left_out.length <= 100);
      assert.ok(source.left_out_count >= source.left_out.length);
      const weights = await weightsOf(moco.id);
      assert.equal(weights.size, resnetWeights().size);
      assert.ok(!weights.has("fc.weight"));
      const other: Model = await put("keys?prefix=encoder_k.", checkpoint);
      const keys = await weightsOf(other.id);
      assert.ok(keys.get("layer1.0.conv1.weight")!.data.every((value) => value === 0));
      assert.ok(!weights.get("layer1.0.conv1.weight")!.data.every((value) => value === 0));
    });

    await t.step(
      "ImageNet's classifier stays when its classes are named, and goes otherwise",
      async () => {
        const file = writeSafetensors(resnetWeights({ classes: 5 }));
        const kept: Model = await put("kept?classes=a,b,c,d,e", file);
        assert.deepEqual(kept.classes, ["a", "b", "c", "d", "e"]);
        assert.deepEqual((await weightsOf(kept.id)).get("fc.weight")!.shape, [5, 32]);
        const dropped: Model = await put("dropped", file);
        assert.match(dropped.lineage.source.classifier!, /"fc" of 5 outputs was left out/);
        assert.ok(!(await weightsOf(dropped.id)).has("fc.weight"));
        const { detail } = await put("wrong?classes=a,b", file, 422);
        assert.match(detail, /has 5 outputs, 2 names came/);
        const incomplete = resnetWeights();
        incomplete.delete("layer4.1.bn2.running_var");
        const problem = await put("incomplete", writeSafetensors(incomplete), 422);
        assert.match(problem.detail, /layer4.1.bn2.running_var/);
        assert.match((await put("x?std=0,1,1", file, 422)).detail, /std/);
      },
    );

    await t.step("jobs start from an uploaded model", async () => {
      const job = async (spec: Record<string, unknown>) => {
        const { id } = await server.json<{ id: string }>("POST", "/v1/jobs", {
          dataset: "breast",
          init: "moco",
          image_size: 32,
          epochs: 1,
          batch_size: 4,
          ...spec,
        });
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
        return await weightsOf(row.result.model);
      };
      const start = await weightsOf(moco.id);
      const probe = await job({ kind: "finetune", mode: "linear" });
      for (const [name, { data }] of start) assert.deepEqual(probe.get(name)!.data, data, name);
      // With steps of no size, pre-training gives its start back.
      const still = { name: "sgd", learning_rate: 1e-12 };
      const kept = await job({
        kind: "pretrain",
        method: "simsiam",
        arm: "none",
        optimizer: still,
      });
      const conv = "layer3.1.conv2.weight";
      const gap = kept.get(conv)!.data.reduce(
        (most, value, i) => Math.max(most, Math.abs(value - start.get(conv)!.data[i])),
        0,
      );
      assert.ok(gap < 1e-6, `${gap}`);
    });

    await t.step("a model goes out as ONNX", async () => {
      const classes = ["a", "b"];
      const id = await uploadModel(server, "small", { classes, image_size: 48 });
      const response = await server.fetch(`/v1/models/${id}/weights?format=onnx`);
      assert.match(response.headers.get("content-disposition")!, new RegExp(`${id}\\.onnx`));
      const { spec } = await server.json<{ spec: ModelSpec }>("GET", `/v1/models/${id}`);
      const expected = writeResnetOnnx(spec, resnetWeights({ classes: 2 }));
      const file = await response.bytes();
      // Only what it says of itself comes behind.
      assert.deepEqual(file.subarray(0, expected.length), expected);
      assert.match(new TextDecoder().decode(file.subarray(expected.length)), /"weights_sha256"/);
      const bare = await server.fetch("/v1/models/moco/weights?format=onnx");
      assert.match(new TextDecoder().decode(await bare.bytes()), /features/);
      assert.equal((await server.fetch(`/v1/models/${id}/weights?format=pth`)).status, 400);
    });
  });
});
