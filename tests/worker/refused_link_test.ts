/** What a worker says of a server that does not let it in, and a link whose key is taken away. */
import assert from "node:assert/strict";
import { connectionByLink } from "@/lib/worker/link_connection.ts";
import { until, withServer } from "../support/server.ts";
import { withDirectory } from "../support/temporary.ts";

/** What a worker says that is to link itself to this address, once it says something like this. */
async function heard(api: string, key: string, expected: RegExp): Promise<string> {
  const said: string[] = [];
  const tell = () => said.join("\n");
  await withDirectory(async (data) => {
    const connection = connectionByLink({
      ...{ data, version: "1", label: "w", device: () => null, receive() {} },
      elsewhere: { server: { apis: [api], key, name: "w" }, maxBytes: 1 },
      log: (text) => void said.push(text),
    });
    try {
      await until(() => expected.test(tell()), 10_000, tell);
    } finally {
      await connection.end();
    }
  });
  return tell();
}

Deno.test("a worker passes on why it is refused: an unknown name, a wrong key, a missing scope", () =>
  withServer(async (server) => {
    const names = /It answers under 127\.0\.0\.1, .*, 0\.0\.0\.0, .*MCGIP_ALLOWED_HOSTS=/;
    await until(() => names.test(server.log()), 10_000, server.log);
    const { port } = new URL(server.url);
    const name = await heard(
      `http://127.0.0.2:${port}`,
      server.key,
      /not in the list of hosts.*MCGIP_ALLOWED_HOSTS=127\.0\.0\.2/,
    );
    assert.doesNotMatch(name, /keys make|scope/);
    const advice = /deno task keys make NAME --scopes work/;
    assert.match(await heard(server.url, "wrong-key-0123456789", advice), /without a valid key/);
    assert.match(await heard(server.url, server.key, advice), /without the scope "work"/);
    const { id, key } = await server.json<{ id: string; key: string }>("POST", "/v1/keys", {
      ...{ name: "soon over", scopes: ["work"] },
      expires_at: new Date(Date.now() + 1_000).toISOString(),
    });
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    assert.match(await heard(server.url, key, advice), /this key expired at/);
    await server.json("DELETE", `/v1/keys/${id}`);
  }, { args: ["--host", "0.0.0.0", "--workers", "0"] }));

Deno.test("refusals tell apart by their titles what is refused", () =>
  withServer(async (server) => {
    const { port } = new URL(server.url);
    const ask = async (host: string, key: string, headers: Record<string, string> = {}) => {
      const response = await fetch(`http://${host}:${port}/v1/workers/w/files/${"0".repeat(64)}`, {
        headers: { authorization: `Bearer ${key}`, ...headers },
      });
      const { title } = await response.json();
      return [response.status, title];
    };
    const { key } = server;
    assert.deepEqual(await ask("127.0.0.2", key), [403, "Unknown host"]);
    assert.deepEqual(await ask("127.0.0.1", key), [403, "Missing scope"]);
    assert.deepEqual(await ask("127.0.0.1", "wrong-key-0123456789"), [401, "A key is needed"]);
    assert.deepEqual(await ask("127.0.0.1", key, { origin: "http://other.example" }), [
      403,
      "Another site",
    ]);
  }, { args: ["--host", "0.0.0.0", "--workers", "0"] }));

Deno.test("a worker says where TLS is spoken and where it is not, and warns of a key in clear text", async () => {
  const plain = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response(null, { status: 404 }),
  );
  const { port } = plain.addr;
  await heard(`https://127.0.0.1:${port}`, "k", /it speaks no TLS there: MCGIP_API takes http:/);
  const near = await heard(
    `http://127.0.0.1:${port}`,
    "k",
    /there is no McGIP Server at MCGIP_API/,
  );
  assert.doesNotMatch(near, /clear text/);
  await plain.shutdown();

  // What a server of TLS answers to HTTP: an alert of a record that it cannot read.
  const tls = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const answering = (async () => {
    for await (const connection of tls) {
      await connection.read(new Uint8Array(4096));
      await connection.write(new Uint8Array([0x15, 3, 3, 0, 2, 2, 0x46]));
      connection.close();
    }
  })();
  await heard(`http://127.0.0.1:${tls.addr.port}`, "k", /speaks TLS, MCGIP_API takes https:/);
  tls.close();
  await answering;
  await heard(
    "http://server.invalid:8000",
    "k",
    /key goes to http:\/\/server\.invalid:8000 in clear/,
  );
});
