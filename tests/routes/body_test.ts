/** Bodies that are too large, too deep, too many-parted or too slow; keys over HTTP. */
import assert from "node:assert/strict";
import { rawRequest, requestText } from "../support/raw_request.ts";
import { type TestServer, withServer } from "../support/server.ts";

const MIB = 2 ** 20;

async function status(response: Promise<Response>): Promise<number> {
  const answer = await response;
  await answer.body?.cancel();
  return answer.status;
}

/** A body of unknown length. */
function chunked(bytes: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  const chunk = new Uint8Array(65536).fill(0x20);
  return ReadableStream.from((function* () {
    for (let at = 0; at < bytes; at += chunk.length) yield chunk;
  })());
}

function form(parts: number): FormData {
  const made = new FormData();
  for (let i = 0; i < parts; i++) made.append(`f${i}`, new Blob(["x"]), `${i}.png`);
  return made;
}

const post = (server: TestServer, path: string, body: BodyInit, headers = {}) =>
  status(server.fetch(path, { method: "POST", body, headers }));

Deno.test("bodies have bounds, and the server goes on after each", async (t) => {
  await withServer(async (server) => {
    const json = { "content-type": "application/json" };
    const goesOn = async () => assert.equal(await status(fetch(`${server.url}/healthz`)), 200);

    await t.step("JSON: 1 MiB, declared or not; 32 levels; UTF-8", async () => {
      assert.equal(await post(server, "/v1/jobs", " ".repeat(MIB + 1), json), 413);
      assert.equal(await post(server, "/v1/jobs", chunked(2 * MIB), json), 413);
      assert.equal(await post(server, "/v1/jobs", "[".repeat(33) + "]".repeat(33), json), 400);
      assert.equal(await post(server, "/v1/jobs", "[".repeat(500_000), json), 400);
      assert.equal(
        await post(server, "/v1/jobs", "[".repeat(500_000) + "]".repeat(500_000), json),
        400,
      );
      assert.equal(await post(server, "/v1/jobs", new Uint8Array([0x22, 0xff, 0x22]), json), 400);
      await goesOn();
    });

    await t.step("pictures: 64 MiB", async () => {
      const path = "/v1/datasets/none/images/x";
      const put = (body: BodyInit) => status(server.fetch(path, { method: "PUT", body }));
      // Begins a data set, but for what is no picture.
      assert.equal(await put(chunked(MIB)), 422);
      assert.equal(await put(chunked(65 * MIB)), 413);
      await goesOn();
    });

    await t.step("forms: 32 parts, whole, with one file", async () => {
      assert.equal(await post(server, "/v1/datasets", form(40)), 413);
      assert.equal(await post(server, "/v1/datasets", form(0)), 400);
      const type = { "content-type": "multipart/form-data; boundary=b" };
      const head = '--b\r\ncontent-disposition: form-data; name="file"; filename="x"\r\n\r\n';
      assert.equal(await post(server, "/v1/datasets", head, type), 400);
      assert.equal(await post(server, "/v1/datasets", "nothing of a form", type), 400);
      assert.equal(
        await post(server, "/v1/datasets", "x", { "content-type": "multipart/form-data" }),
        400,
      );
      assert.equal(await post(server, "/v1/datasets", "x", { "content-type": "text/plain" }), 415);
      await goesOn();
      assert.deepEqual([...Deno.readDirSync(`${server.data}/tmp`)], []);
    });

    await t.step("an upload that breaks off leaves nothing", async () => {
      const { host } = new URL(server.url);
      const headers = {
        host,
        authorization: `Bearer ${server.key}`,
        "content-length": "1000000",
      };
      await rawRequest(
        server.url,
        requestText("PUT", "/v1/datasets/x", headers) + "PK\x03\x04",
        500,
      );
      await new Promise((resolve) => setTimeout(resolve, 500));
      assert.deepEqual([...Deno.readDirSync(`${server.data}/tmp`)], []);
      // Its going is no error of the server, and no alarm.
      const figures = await (await server.fetch("/metrics")).text();
      assert.match(figures, /route="\/v1\/datasets\/\{name\}",status="499"\} 1/);
      assert.doesNotMatch(figures, /status="500"/);
      assert.doesNotMatch(server.log(), /request [0-9a-f-]+: /);
      await goesOn();
    });

    await t.step(
      "forms cut anywhere end their request, and leave neither a file nor a handle",
      async () => {
        const { api } = server.children();
        const handles = () => [...Deno.readDirSync(`/proc/${api}/fd`)].length;
        const type = { "content-type": "multipart/form-data; boundary=b" };
        const part = (name: string) =>
          `--b\r\ncontent-disposition: form-data; name="file"; filename="${name}.zip"\r\n\r\nPK\u0003\u0004`;
        const whole = `${part("a")}${"x".repeat(70_000)}\r\n${part("b")}yyyy\r\n--b--\r\n`;
        const before = handles();
        for (let i = 0; i < 60; i++) {
          const cut = Math.floor(whole.length * (i < 30 ? i / 400 : i / 60));
          const answer = await post(server, "/v1/datasets", whole.slice(0, cut), type);
          assert.ok([400, 422].includes(answer), `cut at ${cut}: ${answer}`);
        }
        assert.equal(server.children().api, api, "the API process is another one");
        assert.deepEqual([...Deno.readDirSync(`${server.data}/tmp`)], []);
        assert.ok(handles() <= before + 4, `${before} handles before, ${handles()} after`);
        await goesOn();
      },
    );

    await t.step("a form whose client goes leaves nothing", async () => {
      const { host } = new URL(server.url);
      const headers = {
        host,
        authorization: `Bearer ${server.key}`,
        "content-type": "multipart/form-data; boundary=b",
        "content-length": "5000000",
      };
      const head = '--b\r\ncontent-disposition: form-data; name="file"; filename="x.zip"\r\n\r\n';
      for (let i = 0; i < 5; i++) {
        await rawRequest(
          server.url,
          requestText("POST", "/v1/datasets", headers) + head + "x".repeat(300_000),
          200,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 500));
      assert.deepEqual([...Deno.readDirSync(`${server.data}/tmp`)], []);
      await goesOn();
    });

    await t.step("heads of more than 16 KiB", async () => {
      const { host } = new URL(server.url);
      const text = requestText("GET", "/healthz", { host, "x-long": "x".repeat(20_000) });
      assert.ok([400, 431].includes((await rawRequest(server.url, text)).status));
      await goesOn();
    });

    await t.step("keys: made once, with scopes, removed", async () => {
      const made = await server.json<{ id: string; key: string }>("POST", "/v1/keys", {
        name: "reader",
        scopes: ["read"],
      });
      const as = { authorization: `Bearer ${made.key}` };
      assert.equal(await status(fetch(`${server.url}/v1/jobs`, { headers: as })), 200);
      assert.equal(await status(fetch(`${server.url}/v1/keys`, { headers: as })), 403);
      const { data } = await server.json<{ data: { id: string; name: string }[] }>(
        "GET",
        "/v1/keys",
      );
      assert.deepEqual(data.map(({ name }) => name).sort(), ["environment", "reader"]);
      assert.doesNotMatch(JSON.stringify(data), /hash|mcgip_/);
      const own = data.find(({ name }) => name === "environment")!;
      assert.equal(await status(server.fetch(`/v1/keys/${own.id}`, { method: "DELETE" })), 409);
      assert.equal(await status(server.fetch(`/v1/keys/${made.id}`, { method: "DELETE" })), 204);
      assert.equal(await status(fetch(`${server.url}/v1/jobs`, { headers: as })), 401);
    });
  });
});
