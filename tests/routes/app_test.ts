/** The application without a server: which route answers, what it gets, what becomes of errors and bodies. */
import assert from "node:assert/strict";
import { Conflict } from "@/lib/errors.ts";
import { createApp } from "@/routes/app.ts";
import { routes } from "@/routes/mod.ts";
import { json } from "@/routes/reply.ts";
import { Traffic } from "@/routes/request_metrics.ts";
import { type Call, type Route, route, type Services } from "@/routes/route.ts";

/** An application of `table` that asks for no key, and the lines of its log. */
function appOf(table: Route[], leaving = AbortSignal.any([])) {
  const lines: string[] = [];
  const traffic = new Traffic();
  const services = {
    config: { allowedHosts: ["127.0.0.1"], auth: false },
    traffic,
    log: (line: string) => lines.push(line),
    written() {},
    leaving,
  } as unknown as Services;
  const app = createApp(table, services);
  const ask = (method: string, path: string, headers: Record<string, string> = {}) =>
    app.fetch(
      new Request(`http://127.0.0.1${path}`, {
        method,
        headers: { host: "127.0.0.1", ...headers },
      }),
    );
  return { ask, lines, traffic };
}

const one = (handle: (call: Call) => Response, path = "/v1/one", scope: Route["scope"] = "read") =>
  appOf([
    route({
      method: "GET",
      path,
      operationId: "getOne",
      summary: "One",
      scope,
      answers: { 200: ["*/*"] },
      handle,
    }),
  ]);

Deno.test("paths are found: the first that fits, escapes decoded, other methods told", async () => {
  const told = routes.map((one): Route => ({
    ...one,
    query: undefined,
    json: undefined,
    accepts: ["*/*"],
    handle: ({ params }) => json({ path: one.path, params }),
  }));
  const { ask } = appOf(told);
  const found = async (method: string, path: string) => {
    const answer = await ask(method, path);
    if (answer.status === 200) return await answer.json();
    await answer.body?.cancel();
    return [answer.status, answer.headers.get("allow")];
  };
  const image = "/v1/datasets/{name}/images/{image*}";
  assert.deepEqual(await found("GET", "/v1/datasets/a%2Fb/images/x/y"), {
    path: image,
    params: { name: "a/b", image: "x/y" },
  });
  assert.deepEqual(await found("GET", "/v1/datasets/a/images/x/y%25/overlay.png"), {
    path: `${image}/overlay.png`,
    params: { name: "a", image: "x/y%" },
  });
  assert.deepEqual(await found("PUT", "/v1/datasets/a/images/x/image.png"), {
    path: image,
    params: { name: "a", image: "x/image.png" },
  });
  assert.deepEqual(await found("POST", "/healthz"), [405, "GET"]);
  assert.deepEqual(await found("OPTIONS", "/v1/datasets"), [405, "POST, GET"]);
  // Both the picture and an image of that name fit.
  assert.deepEqual(await found("DELETE", "/v1/datasets/a/images/x/image.png"), [405, "GET, PUT"]);
  for (
    const path of [
      "/v1/datasets/%E0%A4",
      "/v1/datasets/%ff",
      "/v1/datasets/a%",
      "/v1/datasets/",
      "/healthz/",
      "/v1x/jobs",
      "//healthz",
      "/V1/jobs",
    ]
  ) {
    for (const method of ["GET", "PUT"]) {
      assert.deepEqual(await found(method, path), [404, null], `${method} ${path}`);
    }
  }
});

Deno.test("whoever asks wrongly is told what there is", async () => {
  const { ask } = appOf(routes);
  const told = async (method: string, path: string) => {
    const answer = await ask(method, path);
    return `${answer.status} ${(await answer.json()).detail}`;
  };
  assert.equal(
    await told("GET", "/v1/dataset"),
    "404 Cannot find this: no such path; the nearest is /v1/datasets, /docs has them all",
  );
  assert.equal(
    await told("GET", "/x/y/z"),
    "404 Cannot find this: no such path; /docs has them all",
  );
  assert.equal(
    await told("PATCH", "/v1/jobs"),
    "405 Cannot take PATCH here: this path takes POST, GET (see /docs)",
  );
  assert.match(
    await told("GET", "/v1/keys?limt=3"),
    /^400 Cannot use "limt": no such parameter; this path knows limit, after$/,
  );
  assert.match(await told("GET", "/v1/jobs/x?all=1"), /^400 .*this path knows none$/);
  assert.match(await told("POST", "/v1/jobs"), /^400 .*as JSON: it is empty; an object is needed/);
});

Deno.test("a body that streams is cancelled for HEAD, and its headers are told", async () => {
  let cancelled = false;
  const { ask, traffic } = one(() =>
    new Response(new ReadableStream({ cancel: () => void (cancelled = true) }), {
      headers: { "content-type": "text/event-stream", "content-length": "7" },
    })
  );
  const answer = await ask("HEAD", "/v1/one");
  assert.equal(answer.status, 200);
  assert.equal(answer.body, null);
  assert.equal(answer.headers.get("content-length"), "7");
  assert.ok(cancelled);
  const [{ samples }] = traffic.families();
  assert.deepEqual(samples, [
    { labels: { method: "HEAD", route: "/v1/one", status: 200 }, value: 1 },
  ]);
});

Deno.test("every answer has an id of our own, headers, and a line in the log by its pattern", async () => {
  const { ask, lines } = one(
    ({ params }) => {
      if (params.name === "none") throw new Conflict('Cannot do "none"');
      return json({});
    },
    "/v1/one/{name}",
  );
  const ids = new Set<string>();
  for (const [path, status] of [["/v1/one/a", 200], ["/v1/one/none", 409], ["/x", 404]] as const) {
    const answer = await ask("GET", path, { "x-request-id": "theirs" });
    assert.equal(answer.status, status);
    const id = answer.headers.get("x-request-id")!;
    assert.match(id, /^[0-9a-f-]{36}$/);
    ids.add(id);
    assert.equal(answer.headers.get("cache-control"), "no-store");
    assert.equal(answer.headers.get("x-frame-options"), "DENY");
    assert.equal(answer.headers.get("strict-transport-security"), null);
    const body = await answer.json();
    if (status !== 200) {
      assert.equal(answer.headers.get("content-type"), "application/problem+json");
      assert.equal(body.instance, `urn:uuid:${id}`);
    }
    assert.match(lines.at(-1)!, new RegExp(`${status} .* ms ${id}$`));
  }
  assert.equal(ids.size, 3);
  assert.deepEqual(lines.map((line) => line.split(" ")[1]), [
    "/v1/one/{name}",
    "/v1/one/{name}",
    "(unknown)",
  ]);
  const open = one(() => json({}), "/open", null);
  await (await open.ask("GET", "/open")).body?.cancel();
  assert.deepEqual(open.lines, []);
});

Deno.test("what is thrown and is no error ends in a problem too; clients of /v2 find `error`", async () => {
  const { ask } = one(() => {
    throw "given up";
  });
  const answer = await ask("GET", "/v1/one");
  assert.equal(answer.status, 500);
  assert.match((await answer.json()).detail, /^Cannot answer/);

  const inference = one(() => {
    throw new Conflict("Cannot infer");
  }, "/v2/one");
  const refused = await inference.ask("GET", "/v2/one");
  assert.equal((await refused.json()).error, "Cannot infer");
  const foreign = await inference.ask("GET", "/v2/one", { origin: "https://elsewhere.example" });
  assert.equal(foreign.status, 403);
  assert.match((await foreign.json()).error, /another site/);
});

Deno.test("a server that leaves says so", async () => {
  const { ask } = appOf(routes, AbortSignal.abort());
  const answer = await ask("GET", "/v1/jobs");
  assert.equal(answer.status, 503);
  assert.equal(answer.headers.get("retry-after"), "5");
  await answer.body?.cancel();
});
