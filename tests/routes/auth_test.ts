/** Every route x method: refused without a key, with a bad one, from another site, under another name. */
import assert from "node:assert/strict";
import { routes } from "@/routes/mod.ts";
import { rawRequest, requestText } from "../support/raw_request.ts";
import { type TestServer, withServer } from "../support/server.ts";

/** A path of the route with something in every place. */
const example = (path: string) => path.replace(/\{\w+\*?\}/g, "x1");

const named = routes.map(({ method, path, scope }) => ({
  method,
  path: example(path),
  open: scope === null,
}));

function problemOf(text: string): { status: number; title: string; instance: string } {
  // Chunked bodies have their sizes around the JSON.
  return JSON.parse(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1));
}

async function refused(
  server: TestServer,
  headers: Record<string, string>,
  status: number,
  which: typeof named,
): Promise<void> {
  for (const { method, path } of which) {
    const answer = await rawRequest(server.url, requestText(method, path, headers));
    assert.equal(answer.status, status, `${method} ${path}: ${answer.head}`);
    assert.match(answer.head, /content-type: application\/problem\+json/i);
    const { instance, ...problem } = problemOf(answer.body);
    assert.equal(problem.status, status);
    assert.match(instance, /^urn:uuid:/);
  }
}

Deno.test("access to every route is refused to those without the right to it", async (t) => {
  await withServer(async (server) => {
    const host = new URL(server.url).host;
    const authorization = `Bearer ${server.key}`;
    const closed = named.filter(({ open }) => !open);
    assert.ok(closed.length > 30 && named.length > closed.length);
    await t.step("without a key: 401", () => refused(server, { host }, 401, closed));
    await t.step(
      "with a bad key: 401",
      () => refused(server, { host, authorization: `Bearer ${server.key}x` }, 401, closed),
    );
    await t.step(
      "with the key in another scheme: 401",
      () => refused(server, { host, authorization: `Basic ${server.key}` }, 401, closed),
    );
    await t.step(
      "under a name that is not on the list: 403, with or without a key",
      () => refused(server, { host: "rebound.example", authorization }, 403, named),
    );
    await t.step(
      "from a page of another site: 403",
      () =>
        refused(server, { host, authorization, origin: "https://elsewhere.example" }, 403, named),
    );
    await t.step(
      "from an opaque origin: 403",
      () => refused(server, { host, authorization, origin: "null" }, 403, named),
    );
    await t.step("cross-site without an Origin: 403 where something would change", () => {
      const unsafe = named.filter(({ method }) => !["GET", "OPTIONS"].includes(method));
      return refused(server, { host, authorization, "sec-fetch-site": "cross-site" }, 403, unsafe);
    });
    await t.step("without a Host: 400", async () => {
      const { status } = await rawRequest(server.url, "GET /healthz HTTP/1.1\r\n\r\n");
      assert.equal(status, 400);
    });
    await t.step("the own origin passes", async () => {
      const headers = { host, authorization, origin: server.url };
      const { status } = await rawRequest(server.url, requestText("GET", "/v1/jobs", headers));
      assert.equal(status, 200);
    });
    await t.step(
      "unknown paths tell nothing without a key",
      () => refused(server, { host }, 401, [{ method: "GET", path: "/v1/secret", open: false }]),
    );
    await t.step("what is open needs no key", async () => {
      for (const path of ["/", "/healthz", "/docs", "/openapi.json", "/static/app.js"]) {
        const response = await fetch(server.url + path);
        await response.body?.cancel();
        assert.equal(response.status, 200, path);
      }
    });
    await t.step("every answer forbids framing, guessing and foreign content", async () => {
      for (const path of ["/", "/v1/jobs", "/nothing"]) {
        const { headers, body } = await fetch(server.url + path);
        await body?.cancel();
        assert.match(
          headers.get("content-security-policy")!,
          /^default-src 'none'; script-src 'self';/,
        );
        assert.equal(headers.get("x-content-type-options"), "nosniff");
        assert.equal(headers.get("access-control-allow-origin"), null);
        assert.equal(headers.get("set-cookie"), null);
      }
    });
    await t.step("a head that comes too slowly is ended", async () => {
      const started = Date.now();
      const { status } = await rawRequest(
        server.url,
        "GET /healthz HTTP/1.1\r\nhost: x\r\n",
        20_000,
      );
      assert.equal(status, 408);
      assert.ok(Date.now() - started < 15_000);
    });
    await t.step("the key is in no log", () => assert.doesNotMatch(server.log(), /test-key/));
  });
});

Deno.test("scopes: a key for reading cannot write", async () => {
  const { Keyring } = await import("@/lib/access/keyring.ts");
  const { openStore } = await import("@/lib/store/mod.ts");
  const data = Deno.makeTempDirSync({ prefix: "mcgip_test_" });
  try {
    const store = await openStore(data);
    const keyring = await Keyring.open(store);
    assert.match(keyring.created!, /^mcgip_[\w-]{43}$/);
    assert.deepEqual((await keyring.find(keyring.created!))?.scopes, ["read", "write", "admin"]);
    const { key } = await keyring.make({ name: "reader", scopes: ["read"] });
    await store.close();
    await withServer(async (server) => {
      const headers = { authorization: `Bearer ${key}` };
      const read = await fetch(`${server.url}/v1/jobs`, { headers });
      await read.body?.cancel();
      assert.equal(read.status, 200);
      const write = await fetch(`${server.url}/v1/datasets/x`, { method: "DELETE", headers });
      assert.equal(write.status, 403);
      assert.match((await write.json()).detail, /scope "write"/);
      // The first key of the data directory stays valid beside that of the environment.
      const first = await fetch(`${server.url}/v1/jobs`, {
        headers: { authorization: `Bearer ${keyring.created}` },
      });
      await first.body?.cancel();
      assert.equal(first.status, 200);
    }, { data });
  } finally {
    Deno.removeSync(data, { recursive: true });
  }
});
