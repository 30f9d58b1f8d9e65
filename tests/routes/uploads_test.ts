/** Resumable uploads over real HTTP: broken connections, killed servers, other people's clients. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Buffer } from "node:buffer";
import { Upload } from "tus-js-client";
import { picture, zipOf } from "../support/archives.ts";
import { startServer, type TestServer, until, withServer } from "../support/server.ts";

const tus = { "tus-resumable": "1.0.0" };
const octets = { ...tus, "content-type": "application/offset+octet-stream" };

/** Pictures that do not compress, and labels. */
function archive(): Promise<Uint8Array<ArrayBuffer>> {
  const noise = (i: number) => ({ [`images/${i}.png`]: picture(150, 120, i) });
  return zipOf({
    ...Object.assign({}, ...Array.from({ length: 30 }, (_, i) => noise(i))),
    "labels.csv": "image,label,patient\n" +
      Array.from({ length: 30 }, (_, i) => `${i},${i % 2 ? "odd" : "even"},p${i}\n`).join(""),
  });
}

async function begin(server: TestServer, length: number, headers = {}): Promise<string> {
  const response = await server.fetch("/v1/uploads", {
    method: "POST",
    headers: { ...tus, "upload-length": String(length), ...headers },
  });
  await response.body?.cancel();
  assert.equal(response.status, 201);
  return response.headers.get("location")!;
}

async function offsetOf(server: TestServer, path: string): Promise<number> {
  const response = await server.fetch(path, { method: "HEAD", headers: tus });
  await response.body?.cancel();
  assert.equal(response.headers.get("cache-control"), "no-store");
  assert.equal(response.headers.get("tus-resumable"), "1.0.0");
  return Number(response.headers.get("upload-offset"));
}

async function patch(
  server: TestServer,
  path: string,
  offset: number,
  body: Uint8Array<ArrayBuffer>,
  headers = {},
): Promise<Response> {
  const response = await server.fetch(path, {
    method: "PATCH",
    headers: { ...octets, "upload-offset": String(offset), ...headers },
    body,
  });
  await response.body?.cancel();
  return response;
}

/** Announces all that is left, sends `bytes` of it and goes away without a word. */
async function cutPatch(
  server: TestServer,
  path: string,
  offset: number,
  rest: number,
  bytes: Uint8Array,
): Promise<void> {
  const { hostname, port } = new URL(server.url);
  const connection = await Deno.connect({ hostname, port: Number(port) });
  const head = `PATCH ${path} HTTP/1.1\r\nHost: ${hostname}:${port}\r\n` +
    `Authorization: Bearer ${server.key}\r\nTus-Resumable: 1.0.0\r\n` +
    `Content-Type: application/offset+octet-stream\r\nUpload-Offset: ${offset}\r\n` +
    `Content-Length: ${rest}\r\n\r\n`;
  for (const part of [new TextEncoder().encode(head), bytes]) {
    for (let at = 0; at < part.length;) at += await connection.write(part.subarray(at));
  }
  connection.close();
}

Deno.test("an upload that is cut twenty times and outlives two servers is the same data set", async () => {
  const bytes = await archive();
  const data = Deno.makeTempDirSync({ prefix: "mcgip_test_" });
  let server = await startServer({ data });
  try {
    const whole = await server.fetch("/v1/datasets/whole", { method: "PUT", body: bytes });
    const { digest } = await whole.json();
    const path = await begin(server, bytes.length);
    const step = Math.floor(bytes.length / 22);
    let offset = 0;
    for (let cut = 0; cut < 20; cut++) {
      await cutPatch(
        server,
        path,
        offset,
        bytes.length - offset,
        bytes.subarray(offset, offset + step),
      );
      if (cut === 7) {
        await server.stop();
        server = await startServer({ data });
      }
      if (cut === 13) {
        const { api } = server.children();
        Deno.kill(api!, "SIGKILL");
        await until(() => ![undefined, api].includes(server.children().api), 30_000);
        await until(
          () => fetch(server.url).then((r) => (r.body?.cancel(), true), () => false),
          30_000,
        );
      }
      // What had not arrived before the cut is sent again.
      let last = -1;
      await until(async () => {
        const now = await offsetOf(server, path);
        const settled = now === last;
        last = now;
        return settled && now > offset - 1;
      }, 20_000);
      assert.ok(last >= offset && last <= offset + step, `${offset} -> ${last}`);
      offset = last;
    }
    assert.ok(offset > 0);
    const done = await patch(server, path, offset, bytes.subarray(offset));
    assert.deepEqual([done.status, done.headers.get("upload-offset")], [204, String(bytes.length)]);
    const stored = Deno.readFileSync(`${data}/uploads/${path.split("/").at(-1)}.part`);
    const hash = (all: Uint8Array) => createHash("sha256").update(all).digest("hex");
    assert.equal(hash(stored), hash(bytes));

    const id = path.split("/").at(-1);
    const imported = await server.fetch(`/v1/datasets/cut?upload=${id}`, { method: "PUT" });
    assert.equal(imported.status, 201);
    assert.equal((await imported.json()).digest, digest);
    const told = await server.json("GET", path);
    assert.deepEqual([told.state, told.dataset], ["imported", "cut"]);
    // Nothing of the archive itself stays.
    assert.deepEqual([...Deno.readDirSync(`${data}/uploads`)].map(({ name }) => name), [
      `${id}.json`,
    ]);
  } finally {
    await server.stop();
    Deno.removeSync(data, { recursive: true });
  }
});

Deno.test("tus as it is written, and what is refused", async (t) => {
  const bytes = await archive();
  await withServer(async (server) => {
    const send = async (method: string, path: string, headers: Record<string, string>) => {
      const response = await server.fetch(path, { method, headers });
      return { status: response.status, headers: response.headers, text: await response.text() };
    };

    await t.step("what the server knows", async () => {
      const { status, headers } = await send("OPTIONS", "/v1/uploads", {});
      assert.equal(status, 204);
      assert.equal(headers.get("tus-version"), "1.0.0");
      assert.match(headers.get("tus-extension")!, /creation.*expiration,termination,checksum/);
      assert.equal(headers.get("tus-max-size"), "100000000");
    });

    await t.step("another version, no length, too much, no key", async () => {
      const old = await send("POST", "/v1/uploads", {
        "tus-resumable": "0.2.2",
        "upload-length": "5",
      });
      assert.deepEqual([old.status, old.headers.get("tus-version")], [412, "1.0.0"]);
      assert.equal((await send("POST", "/v1/uploads", tus)).status, 400);
      const deferred = { ...tus, "upload-defer-length": "1" };
      assert.equal((await send("POST", "/v1/uploads", deferred)).status, 400);
      const large = await send("POST", "/v1/uploads", { ...tus, "upload-length": "100000001" });
      assert.equal(large.status, 413);
      const anybody = await fetch(`${server.url}/v1/uploads`, { method: "POST", headers: tus });
      await anybody.body?.cancel();
      assert.equal(anybody.status, 401);
      assert.equal((await send("HEAD", "/v1/uploads/upl_x", tus)).status, 404);
      assert.equal((await send("HEAD", "/v1/uploads/..%2Fmcgip", tus)).status, 404);
    });

    await t.step("offsets, checksums, the end of an upload", async () => {
      const path = await begin(server, 10, { "upload-metadata": "filename YS56aXA=" });
      const head = await send("HEAD", path, tus);
      assert.equal(head.headers.get("upload-metadata"), "filename YS56aXA=");
      assert.ok(Date.parse(head.headers.get("upload-expires")!) > Date.now() + 6 * 24 * 3600e3);
      const five = bytes.slice(0, 5);
      const sum = (algorithm: string) =>
        `${algorithm} ${createHash(algorithm).update(five).digest("base64")}`;
      const wrong = { "upload-checksum": `sha1 ${"A".repeat(27)}=` };
      assert.equal((await patch(server, path, 0, five, wrong)).status, 460);
      assert.equal(await offsetOf(server, path), 0);
      assert.equal((await patch(server, path, 3, five)).status, 409);
      const unknown = { "upload-checksum": "crc32 AAAA" };
      assert.equal((await patch(server, path, 0, five, unknown)).status, 400);
      assert.equal(
        (await patch(server, path, 0, five, { "upload-checksum": sum("sha1") })).status,
        204,
      );
      const early = await server.fetch(`/v1/datasets/x?upload=${path.split("/").at(-1)}`, {
        method: "PUT",
      });
      assert.match((await early.json()).detail, /5 of its 10 bytes have come/);
      assert.equal((await patch(server, path, 5, bytes.slice(0, 6))).status, 413);
      const type = { "content-type": "text/plain" };
      assert.equal((await patch(server, path, 5, five, type)).status, 415);
      const last = await patch(server, path, 5, five, { "upload-checksum": sum("sha256") });
      assert.deepEqual([last.status, last.headers.get("upload-offset")], [204, "10"]);
      assert.equal((await send("DELETE", path, tus)).status, 204);
      assert.equal((await send("HEAD", path, tus)).status, 404);
      assert.deepEqual([...Deno.readDirSync(`${server.data}/uploads`)], []);
    });

    await t.step("a dead connection gives way to the next", async () => {
      const path = await begin(server, 100_000);
      const { hostname, port } = new URL(server.url);
      const silent = await Deno.connect({ hostname, port: Number(port) });
      await silent.write(new TextEncoder().encode(
        `PATCH ${path} HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${server.key}\r\n` +
          "Tus-Resumable: 1.0.0\r\nContent-Type: application/offset+octet-stream\r\n" +
          "Upload-Offset: 0\r\nContent-Length: 100000\r\n\r\n1234567",
      ));
      await until(async () => await offsetOf(server, path) === 7, 10_000);
      const next = await patch(server, path, 7, bytes.slice(0, 1000));
      assert.deepEqual([next.status, await offsetOf(server, path)], [204, 1007]);
      silent.close();
    });

    await t.step("another people's client, and an import that nobody waits for", async () => {
      const url = await new Promise<string>((resolve, reject) => {
        const upload = new Upload(Buffer.from(bytes), {
          endpoint: `${server.url}/v1/uploads`,
          headers: { authorization: `Bearer ${server.key}` },
          chunkSize: 20_000,
          metadata: { filename: "a.zip" },
          onSuccess: () => resolve(upload.url!),
          onError: reject,
        });
        upload.start();
      });
      const id = url.split("/").at(-1);
      const now = await server.json("POST", `/v1/uploads/${id}/import`, { dataset: "later" });
      assert.ok(["importing", "imported"].includes(String(now.state)));
      const again = await server.fetch(`/v1/datasets/other?upload=${id}`, { method: "PUT" });
      await again.body?.cancel();
      assert.equal(again.status, 409);
      await until(
        async () => (await server.json("GET", `/v1/uploads/${id}`)).state === "imported",
        60_000,
      );
      assert.equal((await server.json("GET", "/v1/datasets/later")).images, 30);
      const { expires_at } = await server.json<{ expires_at: string }>("GET", `/v1/uploads/${id}`);
      assert.ok(Date.parse(expires_at) < Date.now() + 24 * 3600e3 + 1000);
      // Its report goes with the data set.
      await server.json("DELETE", "/v1/datasets/later");
      const gone = await server.fetch(`/v1/uploads/${id}`);
      await gone.body?.cancel();
      assert.equal(gone.status, 404);
    });

    await t.step("an import that is refused says why, and can be asked for again", async () => {
      const path = await begin(server, 5);
      const id = path.split("/").at(-1);
      await patch(server, path, 0, bytes.slice(100, 105));
      const refused = await server.fetch(`/v1/datasets/bad?upload=${id}`, { method: "PUT" });
      await refused.body?.cancel();
      assert.equal(refused.status, 422);
      const told = await server.json("GET", path);
      assert.equal(told.state, "failed");
      assert.match(String(told.error), /Cannot read the archive/);
      const list = await server.json<{ data: { id: string }[] }>("GET", "/v1/uploads");
      assert.ok(list.data.some((one) => one.id === id));
    });
  }, { env: { MCGIP_MAX_DATASET_BYTES: "100000000" } });
});
