import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { S3 } from "@/cluster/s3.ts";
import { NotFound, Unavailable } from "@/lib/errors.ts";
import type { BucketSettings } from "@/lib/cluster_settings.ts";
import { keyOf } from "@/lib/store/remote.ts";
import { root } from "../support/imports.ts";
import { s3Test } from "../support/s3_servers.ts";
import { withDirectory } from "../support/temporary.ts";

/** A file of random bytes: its path and its SHA-256. */
function made(folder: string, bytes: number): { path: string; sha256: string } {
  const content = randomBytes(bytes);
  const path = `${folder}/${crypto.randomUUID()}`;
  Deno.writeFileSync(path, content);
  return { path, sha256: createHash("sha256").update(content).digest("hex") };
}

async function task(name: string, env: Record<string, string>) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", name],
    cwd: root,
    env: { ...env, NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

const hashOf = (path: string) => createHash("sha256").update(Deno.readFileSync(path)).digest("hex");

s3Test("a bucket keeps files", async ({ settings, strict }, t) => {
  await withDirectory(async (folder) => {
    const bucket = new S3({ ...settings, prefix: "lab-1/" });

    for (
      const [size, what] of [[0, "an empty file"], [1, "one byte"], [20_000_003, "20 MB"]] as const
    ) {
      await t.step(`${what} comes back as it was put, also put twice`, async () => {
        const { path, sha256 } = made(folder, size);
        const key = keyOf(sha256);
        assert.equal(await bucket.has(key), false);
        await bucket.put(key, path, sha256);
        await bucket.put(key, path, sha256);
        assert.equal(await bucket.has(key), true);
        await bucket.get(key, `${path}.back`);
        assert.equal(hashOf(`${path}.back`), sha256);
      });
    }

    await t.step("sixteen at once", async () => {
      const files = Array.from({ length: 16 }, () => made(folder, 100_000));
      await Promise.all(files.map(({ path, sha256 }) => bucket.put(keyOf(sha256), path, sha256)));
      await Promise.all(
        files.map(({ path, sha256 }) => bucket.get(keyOf(sha256), `${path}.back`)),
      );
      for (const { path, sha256 } of files) assert.equal(hashOf(`${path}.back`), sha256);
    });

    await t.step("another prefix is another place", async () => {
      const { path, sha256 } = made(folder, 10);
      await bucket.put(keyOf(sha256), path, sha256);
      assert.equal(await new S3(settings).has(keyOf(sha256)), false);
    });

    await t.step("a text comes back, and whether a prefix holds anything is told", async () => {
      const other = new S3({ ...settings, prefix: "an-other/" });
      assert.deepEqual([await other.getText("mark"), await other.holds("")], [undefined, false]);
      await other.putText("mark", "wörds\n");
      await other.putText("mark", "other wörds\n");
      assert.equal(await other.getText("mark"), "other wörds\n");
      assert.deepEqual([await other.holds("mark"), await other.holds("files/")], [true, false]);
    });

    await t.step("what is not there is not found, and leaves no file", async () => {
      const key = keyOf("0".repeat(64));
      await assert.rejects(() => bucket.get(key, `${folder}/none`), NotFound);
      assert.equal(existsSync(`${folder}/none`), false);
    });

    await t.step("what was removed is gone; removing it again is no error", async () => {
      const { path, sha256 } = made(folder, 10);
      await bucket.put(keyOf(sha256), path, sha256);
      await bucket.remove(keyOf(sha256));
      assert.equal(await bucket.has(keyOf(sha256)), false);
      await bucket.remove(keyOf(sha256));
    });

    await t.step("a signed address gives the file without a key, while it holds", async () => {
      const { path, sha256 } = made(folder, 1000);
      await bucket.put(keyOf(sha256), path, sha256);
      const url = await bucket.url(keyOf(sha256), 60);
      const response = await fetch(url);
      assert.equal(response.status, 200);
      assert.equal(
        createHash("sha256").update(new Uint8Array(await response.arrayBuffer())).digest("hex"),
        sha256,
      );
      if (!strict) return;
      const other = await fetch(url.replace(sha256, "0".repeat(64)));
      await other.body?.cancel();
      assert.equal(other.status, 403);
      const shorter = await bucket.url(keyOf(sha256), 1);
      await new Promise((resolve) => setTimeout(resolve, 2_100));
      const late = await fetch(shorter);
      await late.body?.cancel();
      assert.equal(late.status, 403);
    });

    await t.step("a bucket is made by a task, which may come twice", async () => {
      const env = {
        MCGIP_FILES: "s3://made-by-task",
        AWS_ENDPOINT_URL_S3: settings.endpoint,
        AWS_ACCESS_KEY_ID: settings.accessKeyId,
        AWS_SECRET_ACCESS_KEY: settings.secretAccessKey,
      };
      const { path, sha256 } = made(folder, 10);
      for (let i = 0; i < 2; i++) {
        const { code, text } = await task("bucket", env);
        assert.equal(code, 0, text);
        assert.match(text, /^The bucket "made-by-task" at http.* is there$/m);
      }
      await new S3({ ...settings, bucket: "made-by-task" }).put(keyOf(sha256), path, sha256);
      const { code, text } = await task("bucket", { ...env, MCGIP_FILES: "" });
      assert.equal(code, 1);
      assert.match(text, /MCGIP_FILES=s3:\/\/BUCKET names none/);
    });

    await t.step("a bucket that is not there is refused, with what to do", async () => {
      const none = new S3({ ...settings, bucket: "nobody-made-this" });
      const { path, sha256 } = made(folder, 10);
      await assert.rejects(
        () => none.put(keyOf(sha256), path, sha256),
        /NoSuchBucket.*make the bucket first/,
      );
      await assert.rejects(
        () => none.get(keyOf(sha256), `${folder}/none`),
        /NoSuchBucket.*make the bucket first/,
      );
    });

    if (strict) {
      await t.step("a wrong key is refused at once, with the variables to look at", async () => {
        const wrong = new S3({ ...settings, secretAccessKey: "wrong" });
        const { path, sha256 } = made(folder, 10);
        await assert.rejects(
          () => wrong.put(keyOf(sha256), path, sha256),
          /403 SignatureDoesNotMatch.*see to AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY/,
        );
        await assert.rejects(() => wrong.has(keyOf(sha256)), /403.*AWS_SECRET_ACCESS_KEY/);
      });
    }
  });
});

/** Runs `body` with a server of our own that answers as told, and a client for it. */
async function withAnswers(
  answer: (request: Request, count: number) => Response | Promise<Response>,
  body: (bucket: S3, asked: () => number) => Promise<void>,
) {
  let count = 0;
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) => answer(request, ++count),
  );
  const settings: BucketSettings = {
    bucket: "mcgip",
    prefix: "",
    endpoint: `http://127.0.0.1:${server.addr.port}`,
    region: "us-east-1",
    accessKeyId: "A",
    secretAccessKey: "B",
  };
  await body(new S3(settings, { stall: 300, pauses: [10, 10] }), () => count);
}

const key = keyOf("a".repeat(64));

Deno.test("a bucket that answers 503 twice is asked a third time, with the whole file", async () => {
  await withDirectory(async (folder) => {
    const { path, sha256 } = made(folder, 600_000);
    const lengths: number[] = [];
    await withAnswers(async (request, count) => {
      assert.equal(request.headers.get("content-length"), "600000");
      assert.equal(request.headers.get("x-amz-content-sha256"), sha256);
      lengths.push((await request.arrayBuffer()).byteLength);
      return count < 3 ? new Response("<Code>SlowDown</Code>", { status: 503 }) : new Response();
    }, async (bucket) => await bucket.put(key, path, sha256));
    assert.deepEqual(lengths, [600_000, 600_000, 600_000]);
  });
});

Deno.test("one that stays away is Unavailable, with its own words", async () => {
  await withAnswers(
    () => new Response("<Error><Code>SlowDown</Code></Error>", { status: 503 }),
    async (bucket, asked) => {
      await assert.rejects(
        () => bucket.remove(key),
        (error) => error instanceof Unavailable && /503 SlowDown/.test(error.message),
      );
      assert.equal(asked(), 3);
    },
  );
  const gone = new S3({
    bucket: "mcgip",
    prefix: "",
    endpoint: "http://127.0.0.1:1",
    region: "us-east-1",
    accessKeyId: "A",
    secretAccessKey: "B",
  }, { pauses: [1] });
  await assert.rejects(() => gone.has(key), Unavailable);
});

Deno.test("one that never answers is given up", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await withAnswers(async () => {
    await promise;
    return new Response();
  }, async (bucket) => {
    await assert.rejects(() => bucket.has(key), /does not answer \(too slow\)/);
    await withDirectory(async (folder) => {
      const { path, sha256 } = made(folder, 10);
      await assert.rejects(() => bucket.put(key, path, sha256), /does not answer \(too slow\)/);
    });
    resolve();
  });
});

Deno.test("an answer that breaks off is asked for again, and leaves nothing half", async () => {
  await withDirectory(async (folder) => {
    await withAnswers((_, count) => {
      if (count === 3) return new Response("whole");
      return new Response(
        new ReadableStream({
          async start(controller) {
            controller.enqueue(new TextEncoder().encode("hal"));
            await new Promise((resolve) => setTimeout(resolve, 20));
            controller.error(new Error("cut"));
          },
        }),
      );
    }, async (bucket) => {
      await bucket.get(key, `${folder}/file`);
      assert.equal(Deno.readTextFileSync(`${folder}/file`), "whole");
    });
  });
});

Deno.test("trouble of the local disk is told as such, and not tried again", async () => {
  await withDirectory(async (folder) => {
    await withAnswers(() => new Response("bytes"), async (bucket, asked) => {
      Deno.writeTextFileSync(`${folder}/file`, "there already");
      await assert.rejects(() => bucket.get(key, `${folder}/file`), Deno.errors.AlreadyExists);
      assert.equal(asked(), 1);
      assert.equal(Deno.readTextFileSync(`${folder}/file`), "there already");
      await assert.rejects(() => bucket.put(key, `${folder}/none`, "0"), Deno.errors.NotFound);
      assert.equal(asked(), 1);
    });
  });
});
