/** Files of a server, kept in a cache: checked, fetched again when they are damaged, and the oldest removed. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Damaged, isDiskFull } from "@/lib/errors.ts";
import { CachedFiles } from "@/lib/worker/cached_files.ts";
import { Transfer } from "@/lib/worker/transfer.ts";
import { fill, withSmallDisk } from "../support/small_disk.ts";
import { withDirectory } from "../support/temporary.ts";

const sha256Of = (text: string) => createHash("sha256").update(text).digest("hex");
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** A server that has these texts; `asked` are the paths that came. */
async function withFiles(
  answer: (sha256: string, times: number) => Response,
  body: (files: CachedFiles, asked: string[]) => Promise<void>,
  maxBytes = 1000,
  within: typeof withDirectory = withDirectory,
): Promise<void> {
  await within(async (directory) => {
    const asked: string[] = [];
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
      const sha256 = new URL(request.url).pathname.split("/").at(-1)!;
      asked.push(sha256);
      return answer(sha256, asked.filter((one) => one === sha256).length);
    });
    const api = `http://127.0.0.1:${server.addr.port}`;
    const transfer = new Transfer({ apis: [api], key: "k", name: "w" }, 300);
    try {
      await body(new CachedFiles({ directory, transfer, maxBytes }), asked);
    } finally {
      await server.shutdown();
    }
  });
}

Deno.test("a file is fetched once, and again when its copy is damaged", () => {
  const sha256 = sha256Of("hello");
  return withFiles(() => new Response("hello"), async (files, asked) => {
    assert.equal(text(await files.read(sha256)), "hello");
    assert.equal(text(await files.read(sha256)), "hello");
    assert.equal(asked.length, 1);
    Deno.writeTextFileSync(files.path(sha256), "other");
    assert.equal(text(await files.read(sha256)), "hello");
    assert.equal(asked.length, 2);
  });
});

Deno.test("bytes with another SHA-256 are refused, and not kept", () => {
  const sha256 = sha256Of("hello");
  return withFiles(() => new Response("wrong"), async (files) => {
    const wrong = new RegExp(`the server gave bytes with SHA-256 ${sha256Of("wrong")}`);
    await assert.rejects(
      () => files.read(sha256, 'image "knee"'),
      (error) => error instanceof Damaged && wrong.test(error.message),
    );
    assert.deepEqual([...files.stored()], []);
  });
});

Deno.test("a server that is away for a moment is asked again", () => {
  const sha256 = sha256Of("hello");
  const answer = (_: string, times: number) =>
    times < 3 ? new Response(null, { status: 503 }) : new Response("hello");
  return withFiles(answer, async (files, asked) => {
    assert.equal(text(await files.read(sha256)), "hello");
    assert.equal(asked.length, 3);
  });
});

Deno.test("a server of which nothing comes any more is asked again", async () => {
  const sha256 = sha256Of("hello");
  // As behind a network that drops: what was sent arrives, and then nothing, not even an end.
  const silent = () =>
    new Response(
      new ReadableStream({ start: (stream) => stream.enqueue(new TextEncoder().encode("hel")) }),
    );
  const answer = (_: string, times: number) => times < 3 ? silent() : new Response("hello");
  await withFiles(answer, async (files, asked) => {
    assert.equal(text(await files.read(sha256)), "hello");
    assert.equal(asked.length, 3);
    assert.deepEqual([...Deno.readDirSync(files.temporary)], [], "nothing of the first two");
  });
});

Deno.test("above the bound those go that were used least recently", () => {
  const texts = ["a", "b", "c"].map((letter) => letter.repeat(400));
  const answer = (sha256: string) => new Response(texts.find((one) => sha256Of(one) === sha256));
  return withFiles(answer, async (files, asked) => {
    const [a, b, c] = texts.map(sha256Of);
    for (const sha256 of [a, b]) await files.read(sha256);
    const at = (seconds: number) => new Date(Date.now() - seconds * 1000);
    Deno.utimeSync(files.path(a), at(10), at(10));
    Deno.utimeSync(files.path(b), at(5), at(5));
    await files.read(a);
    await files.read(c);
    assert.deepEqual([files.has(a), files.has(b), files.has(c)], [true, false, true]);
    assert.equal(text(await files.read(b)), texts[1]);
    assert.equal(asked.length, 4);
  });
});

Deno.test("on a full disk what was kept makes room, also below the bound", async () => {
  const texts = ["a", "b", "c"].map((letter) => letter.repeat(300_000));
  const answer = (sha256: string) => new Response(texts.find((one) => sha256Of(one) === sha256));
  await withFiles(
    answer,
    async (files) => {
      const [a, b, c] = texts.map(sha256Of);
      for (const sha256 of [a, b]) await files.read(sha256);
      const past = new Date(Date.now() - 10_000);
      Deno.utimeSync(files.path(a), past, past);
      fill(`${files.temporary}/filler`);
      assert.equal(text(await files.read(c)), texts[2]);
      assert.deepEqual([files.has(a), files.has(b), files.has(c)], [false, true, true]);
      // Nothing is left that could go.
      for (const sha256 of [b, c]) files.remove(sha256);
      fill(`${files.temporary}/filler`);
      await assert.rejects(files.read(a), isDiskFull);
    },
    2 ** 30,
    (body) => withSmallDisk(1, body),
  );
});
