/** The Open Inference Protocol over HTTP, beside our own predictions. */
import assert from "node:assert/strict";
import { decodeImage } from "@/lib/images/decode.ts";
import { encodePng } from "@/lib/images/png_encoder.ts";
import { raster } from "@/lib/images/raster.ts";
import { withServer } from "../support/server.ts";
import { uploadModel } from "../support/uploaded_model.ts";

interface Inferred {
  model_name: string;
  model_version: string;
  id?: string;
  outputs: { name: string; datatype: string; shape: number[]; data: (number | string)[] }[];
}

const S = 32;

/** An 8-bit colour picture of the network's size. */
function picture(seed: number) {
  const made = raster(S, S, 3, 8);
  for (let i = 0; i < made.data.length; i++) made.data[i] = (i * 31 + seed * 77 + (i >> 5)) % 256;
  return made;
}

Deno.test("Open Inference Protocol: health, metadata, tensors and files", async (t) => {
  await withServer(async (server) => {
    const started = await server.fetch("/v2/health/live");
    assert.deepEqual([started.status, await started.json()], [200, { live: true }]);
    await server.ready();
    const id = await uploadModel(server, "tumour", { classes: ["a", "b", "c"], image_size: S });
    await uploadModel(server, "backbone");
    const infer = (body: unknown, model = "tumour") =>
      server.fetch(`/v2/models/${model}/infer`, {
        method: "POST",
        body: JSON.stringify(body),
        headers: { "content-type": "application/json" },
      });
    const pictures = [picture(1), picture(2)];
    const files = pictures.map((one) => encodePng(one));
    const expected: number[][] = [];
    for (const body of files) {
      const response = await server.fetch(`/v1/models/${id}/predictions`, { method: "POST", body });
      const { data: [{ probabilities }] } = await response.json();
      expected.push(["a", "b", "c"].map((name) => probabilities[name]));
    }
    const near = (values: unknown[]) =>
      values.forEach((value, i) =>
        assert.ok(Math.abs(value as number - expected.flat()[i]) < 1e-5, `${values}, ${expected}`)
      );

    await t.step("an input that is no square", async () => {
      const wide = { classes: ["a", "b"], image_size: "32x64" };
      await uploadModel(server, "wide", wide);
      const { inputs } = await server.json("GET", "/v2/models/wide") as {
        inputs: { shape: number[] }[];
      };
      assert.deepEqual(inputs[0].shape, [-1, 3, 32, 64]);
      const ask = (shape: number[]) => {
        const data = new Array(3 * 32 * 64).fill(0.5);
        return infer({ inputs: [{ name: "pixels", datatype: "FP32", shape, data }] }, "wide");
      };
      const right = await ask([1, 3, 32, 64]);
      assert.equal(right.status, 200, await right.text());
      const turned = await ask([1, 3, 64, 32]);
      assert.equal(turned.status, 422);
      assert.match(await turned.text(), /\[N, 3, 32, 64\] expected/);
    });

    await t.step("what there is", async () => {
      assert.deepEqual(await server.json("GET", "/v2/health/ready"), { ready: true, live: true });
      const { name, extensions } = await server.json("GET", "/v2");
      assert.deepEqual([name, extensions], ["mcgip", ["binary_tensor_data"]]);
      assert.deepEqual(await server.json("GET", "/v2/models/tumour/ready"), {
        name: id,
        ready: true,
      });
      const { inputs, outputs, versions, platform } = await server.json(
        "GET",
        `/v2/models/${id}`,
      );
      assert.deepEqual([versions, platform], [["1"], "mcgip_resnet18"]);
      assert.deepEqual(inputs, [
        { name: "pixels", datatype: "FP32", shape: [-1, 3, S, S] },
        { name: "images", datatype: "BYTES", shape: [-1] },
      ]);
      assert.deepEqual(outputs, [
        { name: "probabilities", datatype: "FP32", shape: [-1, 3] },
        { name: "labels", datatype: "BYTES", shape: [-1] },
      ]);
    });

    await t.step(
      "files in base64 give what predictions give, and are stored as these are",
      async () => {
        const response = await infer({
          id: "request 7",
          inputs: [{
            name: "images",
            datatype: "BYTES",
            shape: [2],
            data: files.map((file) => file.toBase64()),
          }],
        });
        const made: Inferred = await response.json();
        assert.deepEqual([made.model_name, made.model_version, made.id], [id, "1", "request 7"]);
        const [probabilities, labels] = made.outputs;
        assert.deepEqual([probabilities.name, probabilities.datatype], ["probabilities", "FP32"]);
        assert.deepEqual([probabilities.shape, labels.shape], [[2, 3], [2]]);
        near(probabilities.data);
        const best = expected.map((row) => ["a", "b", "c"][row.indexOf(Math.max(...row))]);
        assert.deepEqual(labels.data, best);
        const stored = await server.json<{ data: unknown[] }>(
          "GET",
          "/v1/predictions?model=tumour",
        );
        assert.equal(stored.data.length, 4);
      },
    );

    await t.step("numbers of 0 to 1, nested or not, give the same", async () => {
      const decoded = await Promise.all(files.map((file) => decodeImage(file)));
      const planes = decoded.map(({ data }) =>
        Array.from(
          { length: 3 },
          (_, c) =>
            Array.from({ length: S }, (_, y) =>
              Array.from({ length: S }, (_, x) => data[(y * S + x) * 3 + c] / 255)),
        )
      );
      for (const data of [planes, planes.flat(3)]) {
        const response = await infer({
          inputs: [{ name: "pixels", datatype: "FP32", shape: [2, 3, S, S], data }],
          outputs: [{ name: "probabilities" }],
        });
        const { outputs }: Inferred = await response.json();
        assert.equal(outputs.length, 1);
        near(outputs[0].data);
      }
    });

    /** JSON and bytes behind it, as the extension has them. */
    const inferBytes = (
      json: unknown,
      parts: Uint8Array<ArrayBuffer>[],
      { length, type = "application/octet-stream" }: { length?: string; type?: string } = {},
    ) => {
      const head = new TextEncoder().encode(JSON.stringify(json));
      return server.fetch("/v2/models/tumour/infer", {
        method: "POST",
        body: new Blob([head, ...parts]),
        headers: {
          "content-type": type,
          "inference-header-content-length": length ?? String(head.length),
        },
      });
    };
    const u32 = (value: number) => new Uint8Array(new Uint32Array([value]).buffer);
    const encoded = files.flatMap((file) => [u32(file.length), file]);
    const size = encoded.reduce((sum, { length }) => sum + length, 0);
    const asBytes = (change: Record<string, unknown> = {}, binary_data_size: unknown = size) => ({
      inputs: [{ name: "images", datatype: "BYTES", shape: [2], parameters: { binary_data_size } }],
      ...change,
    });

    await t.step("optional fields may be null, and are as if they were not there", async () => {
      const input = {
        ...{ name: "images", datatype: "BYTES", shape: [1], parameters: null },
        data: [files[0].toBase64()],
      };
      for (const outputs of [null, []]) {
        const made: Inferred = await (await infer({
          ...{ id: null, parameters: null, inputs: [input], outputs },
        })).json();
        assert.deepEqual(made.outputs.map(({ name }) => name), ["probabilities", "labels"]);
        assert.ok(!("id" in made) && !("parameters" in made));
      }
      const chosen = await infer({
        inputs: [input],
        outputs: [{ name: "labels", parameters: null }],
      });
      assert.equal((await chosen.json()).outputs.length, 1);
    });

    await t.step("what is not used of the parameters is said", async () => {
      const made = await (await infer({
        parameters: { priority: 1, binary_data_output: false },
        inputs: [{
          ...{ name: "images", datatype: "BYTES", shape: [1], data: [files[0].toBase64()] },
          parameters: { content_type: "base64" },
        }],
      })).json();
      assert.deepEqual(made.parameters, { unused: "priority, images.content_type" });
    });

    await t.step("bytes behind the JSON, both ways", async () => {
      for (const type of ["application/octet-stream", "application/json"]) {
        const { outputs }: Inferred = await (await inferBytes(asBytes(), encoded, { type })).json();
        near(outputs[0].data);
      }
      const answer = await inferBytes(
        asBytes({
          id: "42",
          parameters: { binary_data_output: true },
          outputs: [{ name: "labels" }, {
            name: "probabilities",
            parameters: { binary_data: true },
          }],
        }),
        encoded,
      );
      assert.equal(answer.headers.get("content-type"), "application/octet-stream");
      const length = Number(answer.headers.get("inference-header-content-length"));
      const bytes = await answer.bytes();
      const head = JSON.parse(new TextDecoder().decode(bytes.subarray(0, length)));
      const best = expected.map((row) => ["a", "b", "c"][row.indexOf(Math.max(...row))]);
      assert.deepEqual(head, {
        ...{ model_name: id, model_version: "1", id: "42" },
        outputs: [
          {
            ...{ name: "labels", datatype: "BYTES", shape: [2] },
            parameters: { binary_data_size: 10 },
          },
          {
            ...{ name: "probabilities", datatype: "FP32", shape: [2, 3] },
            parameters: { binary_data_size: 24 },
          },
        ],
      });
      const tail = bytes.slice(length);
      const texts = best.flatMap((name) => [...u32(1), name.charCodeAt(0)]);
      assert.deepEqual([...tail.subarray(0, 10)], texts);
      near([...new Float32Array(tail.slice(10).buffer)]);
      const mixed = await inferBytes(
        asBytes({
          outputs: [{ name: "probabilities", parameters: { binary_data: true } }, {
            name: "labels",
          }],
        }),
        encoded,
      );
      assert.match(
        new TextDecoder("latin1").decode(await mixed.bytes()),
        /"data":\["[abc]","[abc]"\]/,
      );
    });

    await t.step("numbers as bytes; again under the same key", async () => {
      const decoded = await Promise.all(files.map((file) => decodeImage(file)));
      const floats = Float32Array.from(
        decoded.flatMap(({ data }) =>
          Array.from(
            { length: 3 * S * S },
            (_, i) => data[(i % (S * S)) * 3 + Math.floor(i / (S * S))],
          )
        ),
        (value) => value / 255,
      );
      const json = {
        parameters: { binary_data_output: true },
        inputs: [{
          ...{ name: "pixels", datatype: "FP32", shape: [2, 3, S, S] },
          parameters: { binary_data_size: floats.byteLength },
        }],
      };
      const head = new TextEncoder().encode(JSON.stringify(json));
      const ask = () =>
        server.fetch(`/v2/models/${id}/infer`, {
          method: "POST",
          body: new Blob([head, floats]),
          headers: {
            "inference-header-content-length": String(head.length),
            "idempotency-key": "bytes",
          },
        });
      const [first, second] = [await ask(), await ask()];
      assert.equal(second.headers.get("idempotency-replayed"), "true");
      const bytes = await first.bytes();
      assert.deepEqual(await second.bytes(), bytes);
      const at = Number(first.headers.get("inference-header-content-length"));
      near([...new Float32Array(bytes.slice(at, at + 24).buffer)]);
    });

    await t.step("bytes that do not fit are refused", async () => {
      const cases: [Response, number, RegExp][] = [
        [await inferBytes(asBytes(), encoded, { length: "0" }), 400, /JSON before them/],
        [await inferBytes(asBytes(), encoded, { length: "9999999" }), 400, /up to \d+ is needed/],
        [await inferBytes(asBytes(), encoded, { length: "-1" }), 400, /up to/],
        [await inferBytes(asBytes(), encoded, { length: "5" }), 400, /as JSON/],
        [await inferBytes(asBytes({}, size - 1), encoded), 422, /bytes: \d+ follow the JSON/],
        [await inferBytes(asBytes({}, "12"), encoded), 422, /a number of bytes is needed/],
        [await inferBytes(asBytes({}, null), encoded), 422, /no input has "binary_data_size"/],
        [await inferBytes(asBytes({}, 4), [u32(7)]), 422, /element 0: its bytes are cut off/],
        [await inferBytes(asBytes({}, 2), [new Uint8Array(2)]), 422, /cut off/],
        [await inferBytes(asBytes({}, 12), [u32(1), u32(7), u32(1)]), 422, /Cannot/],
        [
          await inferBytes(asBytes({ parameters: { binary_data_output: "yes" } }), encoded),
          422,
          /a boolean is needed/,
        ],
        [
          await infer({ inputs: [{ name: "images", datatype: "BYTES", shape: [1] }] }),
          422,
          /neither "data" nor "binary_data_size"/,
        ],
      ];
      for (const [response, status, why] of cases) {
        const problem = await response.json();
        assert.equal(response.status, status, problem.detail);
        assert.match(problem.error, why);
      }
    });

    await t.step("every version of a name is listed, and can be asked for", async () => {
      const newer = await uploadModel(server, "tumour", { classes: ["x", "y"], image_size: S });
      const input = {
        ...{ name: "images", datatype: "BYTES", shape: [1], data: [files[0].toBase64()] },
      };
      for (const asked of ["tumour", id, newer]) {
        const { versions } = await server.json("GET", `/v2/models/${asked}`);
        assert.deepEqual(versions, ["1", "2"], asked);
        for (const [version, row] of [["1", id], ["2", newer]]) {
          const path = `/v2/models/${asked}/versions/${version}`;
          assert.equal((await server.json("GET", path)).name, row);
          assert.deepEqual(await server.json("GET", `${path}/ready`), { name: row, ready: true });
          const made = await server.json<Inferred>("POST", `${path}/infer`, { inputs: [input] });
          assert.deepEqual([made.model_name, made.model_version], [row, version]);
          assert.equal(made.outputs[0].shape[1], version === "1" ? 3 : 2);
        }
      }
      assert.equal(
        (await server.json<Inferred>("POST", "/v2/models/tumour/infer", {
          inputs: [input],
        })).model_name,
        newer,
      );
      for (const version of ["3", "01", "x"]) {
        const gone = await server.fetch(`/v2/models/tumour/versions/${version}`);
        assert.equal(gone.status, 404);
        assert.match((await gone.json()).error, /there is 1, 2$/);
      }
      await (await server.fetch(`/v1/models/${newer}`, { method: "DELETE" })).body?.cancel();
      assert.deepEqual((await server.json("GET", "/v2/models/tumour")).versions, ["1"]);
    });

    await t.step("bodies above the limit of other JSON are taken", async () => {
      const data = Array(64 * 3 * S * S).fill(0.4999123);
      const body = { inputs: [{ name: "pixels", datatype: "FP32", shape: [64, 3, S, S], data }] };
      assert.ok(JSON.stringify(body).length > 2 ** 20);
      const { outputs }: Inferred = await (await infer(body)).json();
      assert.deepEqual(outputs[0].shape, [64, 3]);
    });

    await t.step("what cannot be inferred is refused, and where it is wrong is said", async () => {
      const pixels = (change: Record<string, unknown>) => ({
        inputs: [{
          name: "pixels",
          datatype: "FP32",
          shape: [1, 3, S, S],
          data: Array(3 * S * S).fill(0.5),
          ...change,
        }],
      });
      const cases: [unknown, number, RegExp][] = [
        [pixels({ shape: [1, 1, S, S] }), 422, /\[N, 3, 32, 32\] expected/],
        [pixels({ data: [0.5] }), 422, /Cannot take 1 numbers: the shape has 3072/],
        [pixels({ data: Array(3 * S * S).fill(1.5) }), 422, /numbers of 0 to 1/],
        [pixels({ data: Array(3 * S * S).fill("1") }), 422, /numbers of 0 to 1/],
        [pixels({ datatype: "BYTES" }), 422, /FP32 is needed/],
        [pixels({ shape: [65, 3, S, S] }), 422, /at most 64/],
        [pixels({ name: "other" }), 422, /Cannot accept/],
        [{ inputs: [] }, 422, /Cannot accept/],
        [{ ...pixels({}), extra: 1 }, 422, /Cannot accept/],
        [pixels({ data: [Array(3 * S * S).fill(0.5)] }), 422, /3 entries are needed here/],
        [
          // As many numbers as the shape has, rows and columns exchanged.
          pixels({ data: [Array(3).fill(Array(2 * S).fill(Array(S / 2).fill(0.5)))] }),
          422,
          /32 entries are needed here by the shape \[1, 3, 32, 32\], found 64/,
        ],
        [
          pixels({ data: [Array(3).fill(Array(S).fill(Array(S).fill([0.5])))] }),
          422,
          /nested deeper than the shape/,
        ],
        [pixels({ name: "images", datatype: "BYTES", shape: [1], data: ["%"] }), 422, /base64/],
        [pixels({ name: "images", datatype: "BYTES", shape: [2], data: ["aaaa"] }), 422, /1 files/],
        [pixels({ name: "images", datatype: "BYTES", shape: [1], data: ["aaaa"] }), 422, /Cannot/],
      ];
      for (const [body, status, detail] of cases) {
        const response = await infer(body);
        const problem = await response.json();
        assert.equal(response.status, status, problem.detail);
        assert.match(problem.detail, detail);
        assert.equal(problem.error, problem.detail);
      }
      for (const [path, status] of [["nothing", 404], ["backbone", 422]] as const) {
        const response = await infer(pixels({}), path);
        await response.body?.cancel();
        assert.equal(response.status, status);
        const ready = await server.fetch(`/v2/models/${path}/ready`);
        await ready.body?.cancel();
        assert.equal(ready.status, status);
      }
    });
  });
});
