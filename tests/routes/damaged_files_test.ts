/** A byte of every kind of stored file is flipped, or the file removed: told by name wherever it is read. */
import assert from "node:assert/strict";
import { Damaged } from "@/lib/errors.ts";
import { openStore, type Store } from "@/lib/store/mod.ts";
import { picture, zipTo } from "../support/archives.ts";
import { type TestServer, until, withServer } from "../support/server.ts";
import { withStore } from "../support/temporary.ts";
import { uploadModel } from "../support/uploaded_model.ts";

interface Problem {
  title: string;
  status: number;
  detail: string;
}

const SIDE = 32;
const NAMES = ["a", "b", "c", "d"];

/** Images with fixations, samples and a heatmap. */
async function archive(directory: string): Promise<Uint8Array<ArrayBuffer>> {
  let fixations = "image,reader,x,y,start_s,duration_s\n";
  let samples = "image,reader,t_s,x,y\n";
  for (const [i, name] of NAMES.entries()) {
    for (let k = 0; k < 5; k++) fixations += `${name},r1,${4 + 5 * k},${6 + i + 3 * k},${k},0.5\n`;
    for (let k = 0; k < 200; k++) {
      const place = 5 + 5 * Math.floor(k / 50);
      samples += `${name},r2,${k / 100},${place + i},${place}\n`;
    }
  }
  const path = await zipTo(`${directory}/upload.zip`, {
    ...Object.fromEntries(NAMES.map((name, i) => [`images/${name}.png`, picture(SIDE, SIDE, i)])),
    ...Object.fromEntries(
      NAMES.map((name, i) => [`heatmaps/${name}.png`, picture(SIDE, SIDE, 20 + i)]),
    ),
    "labels.csv": "image,label\n" +
      NAMES.map((name, i) => `${name},${i % 2 ? "x" : "y"}\n`).join(""),
    "gaze/fixations.csv": fixations,
    "gaze/samples.csv": samples,
  });
  return Deno.readFileSync(path);
}

async function finished(server: TestServer, id: string) {
  let row!: { state: string; error: string | null; result: Record<string, string> };
  await until(
    async () => {
      row = await server.json("GET", `/v1/jobs/${id}`);
      return !["queued", "running"].includes(row.state);
    },
    120_000,
    () => JSON.stringify(row),
  );
  return row;
}

const submit = async (server: TestServer, spec: Record<string, unknown>) =>
  await finished(server, (await server.json<{ id: string }>("POST", "/v1/jobs", spec)).id);

/** @returns what the file held */
function flip(path: string): Uint8Array<ArrayBuffer> {
  const good = Deno.readFileSync(path);
  const bad = good.slice();
  bad[Math.floor(bad.length * 0.7)] ^= 0x40;
  Deno.writeFileSync(path, bad);
  return good;
}

/** Runs `body` while a byte of a stored file is another one. */
async function flipped(store: Store, sha256: string, body: () => Promise<void>) {
  const path = store.files.path(sha256);
  const good = flip(path);
  try {
    await body();
  } finally {
    Deno.writeFileSync(path, good);
  }
}

Deno.test("a flipped byte is told wherever the file is read, and nothing is computed from it", async (t) => {
  await withServer(async (server) => {
    await server.ready();
    const body = await archive(server.data);
    const response = await server.fetch("/v1/datasets/set", { method: "PUT", body });
    assert.equal(response.status, 201, await response.text());
    const { result, error } = await submit(server, {
      kind: "similarity",
      dataset: "set",
      measure: "cc",
    });
    assert.equal(error, null);
    const classes = ["x", "y"];
    const model = await uploadModel(server, "model", { classes, image_size: SIDE });
    const spare = await uploadModel(server, "spare", { classes, image_size: SIDE, seed: 3 });
    const store = await openStore(server.data, { shared: true });
    const dataset = await store.datasets.byName("set");
    const image = await store.images.byName(dataset.id, "a");
    const named = { dataset: "set", images: ["a"] };

    /** Expects a 500 that names what is damaged, and no path. */
    const told = async (what: RegExp, method: string, path: string, json?: unknown) => {
      const answer = await server.fetch(path, {
        method,
        ...(json === undefined ? {} : {
          body: JSON.stringify(json),
          headers: { "content-type": "application/json" },
        }),
      });
      const problem: Problem = JSON.parse(await answer.text());
      assert.deepEqual([answer.status, problem.title], [500, "Damaged file"], `${method} ${path}`);
      assert.match(problem.detail, what);
      assert.ok(!problem.detail.includes("/"), problem.detail);
    };
    const failed = async (what: RegExp, spec: Record<string, unknown>) => {
      const { state, error } = await submit(server, spec);
      assert.equal(state, "failed");
      assert.match(error!, what);
    };

    const ofImage = /^Cannot use image "a": its stored file [0-9a-f]{12} no longer holds the bytes/;
    await t.step("an image", () =>
      flipped(store, image.file, async () => {
        await told(ofImage, "GET", "/v1/datasets/set/images/a/image.png");
        await told(ofImage, "GET", "/v1/datasets/set/images/a/overlay.png");
        await told(ofImage, "GET", "/v1/datasets/set/archive");
        await told(ofImage, "POST", `/v1/models/${model}/predictions`, named);
        await told(ofImage, "POST", `/v1/models/${model}/embeddings`, named);
        await failed(/image "a"/, { kind: "evaluate", dataset: "set", model, split: "all" });
      }));

    await t.step("weights", async () => {
      const of = new RegExp(`^Cannot use model "${spare}": its stored file`);
      const { file } = await store.models.get(spare);
      await flipped(store, file, async () => {
        await told(of, "GET", `/v1/models/${spare}/weights`);
        await told(of, "GET", `/v1/models/${spare}/weights?format=onnx`);
        await told(of, "POST", `/v1/models/${spare}/predictions`, named);
        const rest = { dataset: "set", epochs: 1, batch_size: 2 };
        await failed(of, {
          kind: "pretrain",
          arm: "none",
          method: "simsiam",
          init: spare,
          ...rest,
        });
        await failed(of, { kind: "evaluate", dataset: "set", model: spare, split: "all" });
      });
    });

    await t.step("a similarity", async () => {
      const path = `/v1/similarities/${result.similarity}`;
      const of = new RegExp(`^Cannot use similarity "${result.similarity}": its stored file`);
      await flipped(store, (await store.similarities.get(result.similarity)).file, async () => {
        for (const format of ["json", "csv", "npy"]) {
          await told(of, "GET", `${path}/matrix?format=${format}`);
        }
        for (const part of ["matrix.png", "pairs", "pairs?image=a", "audit"]) {
          await told(of, "GET", `${path}/${part}`);
        }
        await failed(of, {
          ...{ kind: "pretrain", dataset: "set", method: "simsiam", arm: "gaze" },
          ...{ similarity: result.similarity, width: 4, image_size: 16, epochs: 1, batch_size: 2 },
        });
      });
      await (await server.fetch(`${path}/matrix`)).json();
    });

    await t.step("samples of gaze", async () => {
      const [{ samples_file }] = (await store.gaze.ofImage(image.id)).filter((row) =>
        row.samples_file
      );
      await flipped(
        store,
        samples_file!,
        () => told(/^Cannot use the gaze samples on image "a"/, "GET", "/v1/datasets/set/archive"),
      );
    });

    await t.step("a heatmap", async () => {
      const [{ file }] = await store.heatmaps.ofImage(image.id);
      const of = /^Cannot use a heatmap on image "a"/;
      await flipped(store, file, async () => {
        await told(of, "GET", "/v1/datasets/set/images/a/heatmap.png");
        await told(of, "GET", "/v1/datasets/set/archive");
        await failed(of, { kind: "similarity", dataset: "set", measure: "cc" });
      });
    });

    await t.step("a file that is gone", async () => {
      Deno.removeSync(store.files.path(image.file));
      const gone = /^Cannot use image "a": its stored file [0-9a-f]{12} is missing/;
      await told(gone, "GET", "/v1/datasets/set/images/a/image.png");
      await told(gone, "GET", "/v1/datasets/set/archive");
      const { file } = await store.models.get(spare);
      Deno.removeSync(store.files.path(file));
      await told(/is missing/, "POST", `/v1/models/${spare}/predictions`, {
        ...named,
        images: ["b"],
      });
    });
    await store.close();
  });
});

Deno.test("what is put in again, or computed again, takes the place of a damaged file", async (t) => {
  await withServer(async (server) => {
    await server.ready();
    const zip = await archive(server.data);
    const put = async (path: string, body: Uint8Array<ArrayBuffer>) => {
      const response = await server.fetch(path, { method: "PUT", body });
      assert.ok(response.ok, await response.text());
    };
    const status = async (path: string) => {
      const response = await server.fetch(path);
      await response.body?.cancel();
      return response.status;
    };
    await put("/v1/datasets/set", zip);
    const store = await openStore(server.data, { shared: true });
    const dataset = await store.datasets.byName("set");
    const { file } = await store.images.byName(dataset.id, "a");
    const path = store.files.path(file);
    const image = "/v1/datasets/set/images/a";

    await t.step("an image by itself, with another byte and with fewer", async () => {
      const good = Deno.readFileSync(path);
      for (const damage of [flip, () => Deno.truncateSync(path, 20)]) {
        damage(path);
        assert.equal(await status(`${image}/image.png`), 500);
        await put(image, good);
        assert.equal(await status(`${image}/image.png`), 200);
        assert.deepEqual(Deno.readFileSync(path), good);
      }
    });
    await t.step("the whole set, under another name", async () => {
      flip(path);
      await put("/v1/datasets/other", zip);
      for (const set of ["set", "other"]) {
        assert.equal(await status(`/v1/datasets/${set}/images/a/image.png`), 200);
      }
    });
    await t.step("a similarity by its job", async () => {
      const spec = { kind: "similarity", dataset: "set", measure: "cc" };
      const { result: { similarity } } = await submit(server, spec);
      flip(store.files.path((await store.similarities.get(similarity)).file));
      const matrix = (id: string) => `/v1/similarities/${id}/matrix?format=npy`;
      assert.equal(await status(matrix(similarity)), 500);
      const { result: again, error } = await submit(server, spec);
      assert.equal(error, null);
      assert.equal(await status(matrix(again.similarity)), 200);
      assert.equal(await status(matrix(similarity)), 200);
    });
    await t.step("a model by another upload", async () => {
      const settings = { classes: ["x", "y"], image_size: SIDE };
      const model = await uploadModel(server, "model", settings);
      flip(store.files.path((await store.models.get(model)).file));
      assert.equal(await status(`/v1/models/${model}/weights`), 500);
      await uploadModel(server, "model", settings);
      assert.equal(await status(`/v1/models/${model}/weights`), 200);
    });
    await store.close();
    const replaced = /damaged stored file was replaced/g;
    await until(() => server.log().match(replaced)?.length === 5, 10_000, server.log);
  });
});

Deno.test("a damaged file gives way once, whoever puts it at the same time; a sound one stays", () =>
  withStore(async ({ files }) => {
    const told: string[] = [];
    files.onReplaced = (message) => told.push(message);
    const bytes = crypto.getRandomValues(new Uint8Array(60_000));
    const { sha256 } = await files.put(bytes);
    const { ino } = Deno.statSync(files.path(sha256));
    await files.put(bytes);
    assert.equal(Deno.statSync(files.path(sha256)).ino, ino);
    assert.equal(told.length, 0);
    flip(files.path(sha256));
    await Promise.all([files.put(bytes), files.put(bytes), files.put(bytes)]);
    assert.ok(told.length >= 1 && told.every((line) => line.includes(sha256.slice(0, 12))));
    assert.deepEqual(await files.read(sha256), bytes);
    flip(files.path(sha256));
    const temporary = files.temporaryPath();
    Deno.writeFileSync(temporary, bytes);
    await files.adopt(temporary);
    assert.deepEqual(await files.read(sha256), bytes);
    for (let i = 0; i < 6; i++) files.unpin([sha256]);
    assert.deepEqual([...Deno.readDirSync(files.temporary)], []);
    assert.deepEqual(await files.read(sha256), bytes);
  }));

Deno.test("a large file is hashed once, and again only when it may have changed", () =>
  withStore(async ({ files }) => {
    const bytes = crypto.getRandomValues(new Uint8Array(60_000));
    const { sha256 } = await files.put(bytes);
    await files.verify(sha256, "it");
    await Promise.all([files.verify(sha256), files.verify(sha256)]);
    const path = files.path(sha256);
    const { mtime } = Deno.statSync(path);
    bytes[7] ^= 1;
    // The time of the last change of an inode comes in whole seconds.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    Deno.writeFileSync(path, bytes);
    // Neither its size nor the time of its last writing need show it.
    Deno.utimeSync(path, mtime!, mtime!);
    await assert.rejects(files.verify(sha256, "it"), (error) => {
      assert.ok(error instanceof Damaged);
      assert.match(error.message, /^Cannot use it: its stored file/);
      return true;
    });
    await assert.rejects(files.open(sha256), Damaged);
    await assert.rejects(files.read(sha256), Damaged);
    bytes[7] ^= 1;
    Deno.writeFileSync(path, bytes);
    (await files.open(sha256)).close();
    assert.deepEqual(await files.read(sha256), bytes);
  }));
