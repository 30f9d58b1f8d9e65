/** One way to ask for a form of an answer: `?format=` first, then Accept with its weights and wildcards. */
import assert from "node:assert/strict";
import { createApp } from "@/routes/app.ts";
import { routes } from "@/routes/mod.ts";
import { Traffic } from "@/routes/request_metrics.ts";
import { route, type Services } from "@/routes/route.ts";

const services = {
  config: { allowedHosts: ["127.0.0.1"], auth: false },
  traffic: new Traffic(),
  log: () => {},
  leaving: AbortSignal.any([]),
} as unknown as Services;

const app = createApp([
  route({
    method: "GET",
    path: "/table",
    operationId: "getTable",
    summary: "A table",
    scope: "read",
    answers: { 200: ["text/plain"] },
    formats: {
      json: "application/json",
      csv: "text/csv; charset=utf-8",
      npy: ["application/octet-stream", "application/x-npy"],
    },
    handle: ({ format }) => new Response(format),
  }),
], services);

async function formFor(accept: string | undefined, query = ""): Promise<string> {
  const headers = { host: "127.0.0.1", ...(accept === undefined ? {} : { accept }) };
  const answer = await app.fetch(new Request(`http://127.0.0.1/table${query}`, { headers }));
  const text = await answer.text();
  return answer.ok ? text : `${answer.status} ${JSON.parse(text).detail}`;
}

Deno.test("the form of an answer", async () => {
  const expected: [accept: string | undefined, query: string, form: string][] = [
    [undefined, "", "json"],
    ["*/*", "", "json"],
    ["image/png", "", "json"],
    ["text/csv", "", "csv"],
    ["TEXT/CSV; charset=utf-8", "", "csv"],
    ["text/*", "", "csv"],
    ["application/json;q=0.5, text/csv", "", "csv"],
    ["application/json, text/csv;q=0.9", "", "json"],
    ["text/csv;q=0, */*", "", "json"],
    ["text/html, application/x-npy;q=0.8, */*;q=0.1", "", "npy"],
    ["text/csv", "?format=npy", "npy"],
    ["application/octet-stream", "?format=json", "json"],
  ];
  for (const [accept, query, form] of expected) {
    assert.equal(await formFor(accept, query), form, `${accept} ${query}`);
  }
  assert.match(await formFor(undefined, "?format=xml"), /^400 Cannot use the query: format: .*npy/);
});

Deno.test("every answer with forms lists them in its query", () => {
  const withForms = routes.filter(({ formats }) => formats);
  assert.deepEqual(withForms.map(({ operationId }) => operationId).sort(), [
    "computeSaliency",
    "computeSimilarityMap",
    "downloadWeights",
    "getSimilarityMatrix",
    "getStudyTable",
    "listGazeMeasures",
    "listJobEvents",
    "listJobMetrics",
    "listPredictions",
    "listReadings",
    "listScores",
    "storeInstances",
    "storeStudyInstances",
  ]);
  for (const { operationId, formats, query } of withForms) {
    for (const name of Object.keys(formats!)) {
      assert.ok(query!.shape.format.safeParse(name).success, `${operationId}: ${name}`);
    }
  }
});
