/** Keys over HTTP: their ends, their rates, their quotas. */
import assert from "node:assert/strict";
import { picture } from "../support/archives.ts";
import { uploadModel } from "../support/uploaded_model.ts";
import { type TestServer, until, withServer } from "../support/server.ts";
import { zipSet } from "@/lib/demo/archive.ts";
import { synthesize } from "@/lib/demo/synthetic.ts";

interface Key {
  id: string;
  key: string;
  last_used_at: string | null;
}

const make = (server: TestServer, fields: Record<string, unknown>) =>
  server.json<Key>("POST", "/v1/keys", { name: "x", scopes: ["read", "write"], ...fields });

/** Status, detail and headers of a request with another key. */
async function as(key: string, url: string, init: RequestInit = {}) {
  const headers = new Headers(init.headers);
  headers.set("authorization", `Bearer ${key}`);
  if (typeof init.body === "string") headers.set("content-type", "application/json");
  const response = await fetch(url, { ...init, headers });
  const text = await response.text();
  const detail = response.ok ? "" : JSON.parse(text).detail as string;
  return { status: response.status, detail, headers: response.headers, text };
}

Deno.test("keys end, are bound and changed, and say when they were used", async (t) => {
  await withServer(async (server) => {
    const jobs = `${server.url}/v1/jobs`;

    await t.step("fields that are not given are none; wrong ones are refused", async () => {
      const made = await make(server, {});
      for (
        const field of ["expires_at", "rate", "burst", "max_bytes", "max_jobs", "last_used_at"]
      ) {
        assert.equal((made as unknown as Record<string, unknown>)[field], null, field);
      }
      for (
        const wrong of [
          ...[{ rate: 0 }, { burst: 1 }, { max_bytes: -1 }, { max_jobs: 1.5 }, { scopes: [] }],
          ...[{ expires_at: "2020-01-01T00:00:00Z" }, { expires_at: "soon" }, { unknown: 1 }],
          ...["a\0b", "\x1b[2J", "a\nb", "\x9b1m"].map((name) => ({ name })),
        ]
      ) {
        const body = JSON.stringify({ name: "x", scopes: ["read"], ...wrong });
        const { status } = await as(server.key, `${server.url}/v1/keys`, { method: "POST", body });
        assert.equal(status, 422, JSON.stringify(wrong));
      }
    });

    await t.step("one that has expired is refused with the time", async () => {
      const expires_at = new Date(Date.now() + 1500).toISOString();
      const { key } = await make(server, { expires_at });
      assert.equal((await as(key, jobs)).status, 200);
      await until(() => Date.now() > Date.parse(expires_at), 3_000);
      const late = await as(key, jobs);
      assert.equal(late.status, 401);
      assert.equal(
        late.detail,
        `Cannot answer: this key expired at ${expires_at}; ask for another`,
      );
    });

    await t.step(
      "more requests than the rate: 429, when to come again, and how many are left",
      async () => {
        const { key, id } = await make(server, { rate: 1, burst: 3 });
        const answers = [];
        for (let i = 0; i < 4; i++) answers.push(await as(key, jobs));
        assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200, 429]);
        assert.equal(answers[0].headers.get("ratelimit-policy"), '"key";q=3;w=3');
        assert.match(answers[0].headers.get("ratelimit")!, /^"key";r=2;t=1$/);
        assert.equal(answers[3].headers.get("retry-after"), "1");
        assert.match(answers[3].headers.get("ratelimit")!, /^"key";r=0;t=3$/);
        assert.equal(
          answers[3].detail,
          "Cannot answer so many requests: this key may send 1 a second, 3 at once; wait 1 s",
        );
        // Another key has its own.
        assert.equal((await as(server.key, jobs)).headers.get("ratelimit"), null);
        await new Promise((resolve) => setTimeout(resolve, 1050));
        assert.equal((await as(key, jobs)).status, 200);
        await server.json("PATCH", `/v1/keys/${id}`, { rate: null });
        for (let i = 0; i < 6; i++) assert.equal((await as(key, jobs)).status, 200);
      },
    );

    await t.step("the last use is told", async () => {
      const { key, id } = await make(server, {});
      await as(key, jobs);
      const { data } = await server.json<{ data: Key[] }>("GET", "/v1/keys");
      const { last_used_at } = data.find((one) => one.id === id)!;
      assert.ok(Date.now() - Date.parse(last_used_at!) < 10_000);
    });

    await t.step("the environment's key is not removed or changed here", async () => {
      const { data } = await server.json<{ data: (Key & { name: string })[] }>("GET", "/v1/keys");
      const { id } = data.find(({ name }) => name === "environment")!;
      const { key } = await make(server, { scopes: ["admin"] });
      for (const [method, body] of [["DELETE"], ["PATCH", "{}"]]) {
        const { status, detail } = await as(key, `${server.url}/v1/keys/${id}`, { method, body });
        assert.equal(status, 409);
        assert.match(detail, /the key of MCGIP_API_KEY: start the server without it/);
      }
    });
  });
});

Deno.test("quotas count what a key has made: data sets, uploads, jobs; a refusal says what and what to do", async (t) => {
  await withServer(async (server) => {
    await server.ready();
    // Equal files are stored once, and counted once.
    const archives = new Map<string, Uint8Array<ArrayBuffer>>();
    for (const [seed, name] of ["a", "b", "c", "other"].entries()) {
      const made = await zipSet(synthesize({ images: 12, size: 64, readers: 2, seed }));
      archives.set(name, new Uint8Array(made));
    }
    const archive = archives.get("c")!;
    const { key, id } = await make(server, { max_jobs: 1 });
    const put = (name: string, which = key, body: BodyInit = archives.get(name)!) =>
      as(which, `${server.url}/v1/datasets/${name}`, { method: "PUT", body });

    await t.step("bytes: as many as fit, again once room was made", async () => {
      for (const name of ["a", "b"]) assert.equal((await put(name)).status, 201);
      await server.json("PATCH", `/v1/keys/${id}`, { max_bytes: 0 });
      const stored = Number(/takes (\d+) of 0 bytes/.exec((await put("c")).detail)![1]);
      const { data } = await server.json<{ data: { bytes: number }[] }>(
        "GET",
        "/v1/datasets/a/images",
      );
      const pictures = data.reduce((sum, { bytes }) => sum + bytes, 0);
      assert.ok(stored > 1.5 * pictures && stored < 5 * pictures, `${stored}, ${pictures}`);
      const max_bytes = stored + Math.round(archive.length / 4);
      await server.json("PATCH", `/v1/keys/${id}`, { max_bytes });
      const full = await put("c");
      assert.equal(full.status, 403);
      assert.match(
        full.detail,
        new RegExp(
          `^Cannot store ${archive.length} bytes more: what this key has made takes \\d+ of ` +
            `${max_bytes} bytes; delete data sets`,
        ),
      );
      const endless = await put("c", key, ReadableStream.from([archive]));
      assert.equal(endless.status, 403);
      assert.match(
        endless.detail,
        /unknown length: this key may store \d+ bytes more; send Content-/,
      );
      const upload = await as(key, `${server.url}/v1/uploads`, {
        method: "POST",
        headers: { "tus-resumable": "1.0.0", "upload-length": String(archive.length) },
      });
      assert.equal(upload.status, 403);
      // Others are not bound by it, and what they store is not counted.
      assert.equal((await put("other", server.key)).status, 201);
      const gone = await as(key, `${server.url}/v1/datasets/a`, { method: "DELETE" });
      assert.equal(gone.status, 204);
      assert.equal((await put("c")).status, 201);
      await as(key, `${server.url}/v1/datasets/b`, { method: "DELETE" });
    });

    await t.step(
      "an upload counts from its beginning, and as its data set afterwards",
      async () => {
        const other = archives.get("b")!;
        const begin = () =>
          as(key, `${server.url}/v1/uploads`, {
            method: "POST",
            headers: { "tus-resumable": "1.0.0", "upload-length": String(other.length) },
          });
        const begun = await begin();
        assert.equal(begun.status, 201);
        assert.equal((await begin()).status, 403);
        const upload = begun.headers.get("location")!;
        const sent = await as(key, server.url + upload, {
          method: "PATCH",
          body: other,
          headers: {
            ...{ "tus-resumable": "1.0.0", "upload-offset": "0" },
            "content-type": "application/offset+octet-stream",
          },
        });
        assert.equal(sent.status, 204);
        const imported = await as(key, `${server.url}${upload}/import`, {
          method: "POST",
          body: JSON.stringify({ dataset: "b" }),
        });
        assert.equal(imported.status, 202);
        await until(
          async () => (await server.json("GET", upload)).state === "imported",
          20_000,
          server.log,
        );
        assert.equal((await begin()).status, 403);
        await as(key, `${server.url}/v1/datasets/c`, { method: "DELETE" });
        assert.equal((await begin()).status, 201);
      },
    );

    await t.step("thumbnails and readings count; a key without room stores none", async () => {
      const taken = async () => {
        await server.json("PATCH", `/v1/keys/${id}`, { max_bytes: 0 });
        const { detail } = await put("c");
        return Number(/takes (\d+) of 0 bytes/.exec(detail)![1]);
      };
      const model = await uploadModel(server, "two", { classes: ["benign", "malignant"] });
      const path = `${server.url}/v1/models/${model}/predictions?thumbnails=`;
      const [image] = (await server.json<{ data: { name: string }[] }>(
        "GET",
        "/v1/datasets/b/images",
      )).data;
      const sent = async (url: string, body: BodyInit, type: string) =>
        await as(key, url, {
          method: "POST",
          body: typeof body === "string" ? new TextEncoder().encode(body) : body,
          headers: { "content-type": type },
        });
      const readings = `image,reader,label\n${image.name},R9,benign\n`;
      const labels = `image,label\n${image.name},benign\n`;
      const store = (): [string, BodyInit, string][] => [
        [`${path}true`, picture(32, 32), "image/png"],
        [`${server.url}/v1/datasets/b/readings`, readings, "text/csv"],
        [`${server.url}/v1/datasets/b/labels`, labels, "text/csv"],
      ];
      const before = await taken();
      for (const one of store()) assert.equal((await sent(...one)).status, 403, one[0]);
      const shown = await sent(`${path}false`, picture(32, 32), "image/png");
      assert.equal(shown.status, 200, shown.detail);
      assert.equal(await taken(), before);

      await server.json("PATCH", `/v1/keys/${id}`, { max_bytes: before + 1_000_000 });
      const [thumbnail, reading] = store();
      assert.equal((await sent(...thumbnail)).status, 200);
      const { data } = await server.json<{ data: { id: string; thumbnail: boolean }[] }>(
        "GET",
        "/v1/predictions",
      );
      const kept = data.find(({ thumbnail }) => thumbnail)!;
      const png = await server.fetch(`/v1/predictions/${kept.id}/thumbnail.png`);
      const { length } = await png.bytes();
      assert.equal(await taken(), before + length);
      await server.json("PATCH", `/v1/keys/${id}`, { max_bytes: before + 1_000_000 });
      assert.equal((await sent(...reading)).status, 200);
      assert.equal(await taken(), before + length + "R9benign".length + 16);
      await server.fetch(`/v1/predictions/${kept.id}`, { method: "DELETE" });
      assert.equal(await taken(), before + "R9benign".length + 16);
    });

    await t.step("jobs: one at a time, the next when it has ended", async () => {
      await server.json("PATCH", `/v1/keys/${id}`, { max_bytes: null });
      const queue = (which = key, epochs = 1000) =>
        as(which, `${server.url}/v1/jobs`, {
          method: "POST",
          body: JSON.stringify({
            ...{ kind: "pretrain", dataset: "b", method: "byol", arm: "none", seed: 1 },
            ...{ width: 8, image_size: 32, batch_size: 4, epochs },
          }),
        });
      const first = await queue();
      assert.equal(first.status, 202);
      const second = await queue();
      assert.equal(second.status, 429);
      assert.equal(second.headers.get("retry-after"), "30");
      assert.match(
        second.detail,
        /^Cannot queue another job: this key has 1 that wait, run or pause, and may have 1; wait/,
      );
      assert.equal((await queue(server.key)).status, 202);
      for (const { id } of (await server.json<{ data: Key[] }>("GET", "/v1/jobs")).data) {
        await server.json("POST", `/v1/jobs/${id}/cancel`);
      }
      await until(async () => (await queue(key, 1)).status === 202, 20_000, server.log);
    });
  });
});
