/**
 * Writes `routes/examples.json`: what a server answers on a small set, with lists cut short.
 *
 *     deno run -A --config=tests/deno.json tests/support/record_examples.ts [FILE]
 */
import { fileURLToPath } from "node:url";
import { routes } from "@/routes/mod.ts";
import { bare } from "@/routes/format.ts";
import { bytes, dicomFile, pixelElements, u16 } from "./dicom_file.ts";
import { type TestServer, until, withServer } from "./server.ts";
import { smallArchive } from "./small_set.ts";

type Media = Record<string, { example?: unknown; examples?: Record<string, { value: unknown }> }>;

/** One request, by the operation's name. */
interface Asked {
  params?: Record<string, string>;
  query?: string;
  /** The body: JSON or CSV, which are examples too, or bytes. */
  json?: unknown;
  csv?: string;
  bytes?: BodyInit;
  /** Name of the body's example where an operation has several. */
  name?: string;
  /** Lines that are kept of text. */
  lines?: number;
  /** What is sent and asked for, where that is no JSON or CSV. */
  headers?: Record<string, string>;
  /** Statuses of errors that are answers too. */
  also?: number[];
}

const known: Record<string, { bodies?: Media; answers?: Record<string, Media> }> = {};

/** Numbers with four digits, and of lists the first two entries (four of numbers). */
function shortened(value: unknown): unknown {
  if (Array.isArray(value)) {
    const most = value.every((entry) => typeof entry === "number") ? 4 : 2;
    return value.slice(0, most).map(shortened);
  }
  if (typeof value === "number" && !Number.isInteger(value)) return Number(value.toPrecision(4));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, shortened(one)]));
}

function keepBody(id: string, type: string, value: unknown, name?: string): void {
  const bodies = (known[id] ??= {}).bodies ??= {};
  if (name === undefined) bodies[type] = { example: value };
  else ((bodies[type] ??= {}).examples ??= {})[name] = { value };
}

async function ask<T>(server: TestServer, id: string, asked: Asked = {}): Promise<T> {
  const route = routes.find(({ operationId }) => operationId === id);
  if (!route) throw new Error(`Cannot ask for "${id}": there is no such operation`);
  const { params = {}, query = "", json, csv, bytes, name, lines = 3, headers = {} } = asked;
  const path = route.path.replace(/\{(\w+)\*?\}/g, (_, key) => encodeURIComponent(params[key]));
  const type = json === undefined ? csv === undefined ? undefined : "text/csv" : "application/json";
  const response = await server.fetch(path + query, {
    method: route.method,
    body: json === undefined ? csv ?? bytes : JSON.stringify(json),
    headers: type ? { "content-type": type, ...headers } : headers,
  });
  const text = await response.text();
  if (!response.ok && !asked.also?.includes(response.status)) {
    throw new Error(`${id}: ${response.status} ${text}`);
  }
  if (type) keepBody(id, type, json ?? csv, name);
  const given = bare(response.headers.get("content-type") ?? "");
  const answers = (known[id] ??= {}).answers ??= {};
  (answers[response.status] ??= {})[given] = {
    example: /[/+]json$/.test(given)
      ? shortened(JSON.parse(text))
      : text.split("\n").slice(0, lines).join("\n") + "\n",
  };
  return (/[/+]json$/.test(given) ? JSON.parse(text) : undefined) as T;
}

interface Job {
  id: string;
  state: string;
  result: Record<string, string>;
}

async function record(server: TestServer): Promise<void> {
  const stateOf = async (id: string) => (await server.json<Job>("GET", `/v1/jobs/${id}`)).state;
  const run = async (spec: { kind: string; [field: string]: unknown }) => {
    const { id } = await ask<Job>(server, "createJob", { json: spec, name: spec.kind });
    await until(async () => await stateOf(id) === "succeeded", 300_000, server.log);
    return await server.json<Job>("GET", `/v1/jobs/${id}`);
  };
  const each = async (ids: string, asked: Asked) => {
    for (const id of ids.split(" ")) await ask(server, id, asked);
  };
  const zip = await smallArchive(12);
  const form = () => {
    const made = new FormData();
    made.append("file", new Blob([zip]), "breast.zip");
    made.append("name", "copy");
    return made;
  };
  for (const query of ["?dry_run=true", ""]) {
    await ask(server, "putDataset", { params: { name: "breast" }, bytes: zip, query });
    await ask(server, "createDataset", { bytes: form(), query });
  }
  const params = { name: "breast", image: "P001_CC" };
  await each("getHealth getReadiness getDevice listWorkers getDataset getImageGaze getImage", {
    params,
  });
  await each("listDatasets listGazeMeasures listImages", { params, query: "?limit=1" });
  await ask(server, "listGazeMeasures", { params, query: "?format=csv" });
  await ask(server, "getDatasetReport", { params, query: "?limit=1" });
  await ask(server, "getDatasetOverview", { params });
  await ask(server, "createSyntheticDataset", { params: { name: "made-up" } });
  const created = await server.fetch("/v1/uploads", {
    method: "POST",
    body: new Blob([zip]),
    headers: {
      "tus-resumable": "1.0.0",
      "upload-length": String(zip.length),
      "content-type": "application/offset+octet-stream",
    },
  });
  const upload = created.headers.get("location")!.split("/").at(-1)!;
  await created.body?.cancel();
  await each("listUploads getUpload", { params: { id: upload } });
  await ask(server, "importUpload", { params: { id: upload }, json: { dataset: "later" } });
  await ask(server, "getFigures", { lines: 4 });
  const picture = await (await server.fetch("/v1/datasets/breast/images/P001_CC/image.png"))
    .bytes();
  const extra = { params: { name: "copy", image: "extra" }, bytes: picture };
  await ask(server, "putImage", extra);
  await ask(server, "putImage", extra);
  await ask(server, "setLabels", {
    params: { name: "copy" },
    csv: "image,label,patient\nP001_CC,benign,P001\nextra,malignant,P900\n",
  });
  await ask(server, "addGaze", {
    params: { name: "copy" },
    query: "?dry_run=true",
    csv: "image,reader,x,y,duration_ms\nP001_CC,third,12.5,9.0,180\nP001_CC,third,20.0,11.5,240\n",
  });
  for (const id of ["putReadings", "addReadings"]) {
    const condition = id === "putReadings" ? "CT" : "MR";
    const of = (reader: string) => ({
      params: { name: "copy" },
      csv: "image,reader,label,confidence,condition\n" +
        `P001_CC,${reader},benign,0.8,${condition}\nextra,${reader},malignant,0.6,${condition}\n`,
    });
    await ask(server, id, of("R1"));
    await ask(server, id, {
      params: { name: "copy" },
      json: { readings: [{ image: "extra", reader: "R2", rating: 4, condition }] },
    });
  }
  await recordReadings(server, params);

  const dataset = "breast";
  const { result: { similarity } } = await run({ kind: "similarity", dataset, measure: "dhash" });
  const tiny = { width: 4, image_size: 16, epochs: 1, batch_size: 8, seed: 1 };
  const grid = {
    ...{ kind: "study", dataset, methods: ["byol"], arms: ["none", "gaze"], seeds: [0, 1] },
    ...{ similarity, cut: { quantile: 0.2 } },
    pretrain: { width: 4, image_size: 16, epochs: 1, batch_size: 4 },
    finetune: { epochs: 1, batch_size: 4, split: { validation: 0.2, test: 0.4 } },
  };
  const tuned = await run({ kind: "finetune", dataset, name: "tumour", ...tiny });
  const whole = { kind: "evaluate", dataset, model: "tumour" };
  const [first, second] = [await run(whole), await run(whole)];
  await ask(server, "createJob", { json: { ...grid, dry_run: true }, name: "study" });
  const table = await run(grid);
  const { id } = await ask<Job>(server, "createJob", {
    name: "pretrain",
    json: {
      ...{ kind: "pretrain", dataset, method: "moco", arm: "gaze", similarity },
      ...{ cut: { quantile: 0.2 }, config: { queue: 16 }, ...tiny, epochs: 60 },
    },
  });
  await ask(server, "pauseJob", { params: { id } });
  await until(async () => await stateOf(id) === "paused", 60_000, server.log);
  await each("resumeJob cancelJob", { params: { id } });

  const job = { id: tuned.id };
  await ask(server, "getJob", { params: job });
  await ask(server, "listJobs", { query: "?kind=similarity&limit=1" });
  await ask(server, "listJobEvents", { params: job, query: "?limit=2" });
  await ask(server, "listJobEvents", { params: job, query: "?format=stream", lines: 5 });
  for (const query of ["", "?format=csv", "?format=jsonl"]) {
    await ask(server, "listJobMetrics", { params: job, query });
  }
  await ask(server, "getJobCurves", { params: job, query: "?points=2" });
  await each("getSimilarity listSimilarityImages listSimilarityPairs auditSimilarity", {
    params: { id: similarity },
  });
  for (const format of ["json", "csv"]) {
    await ask(server, "getSimilarityMatrix", {
      params: { id: similarity },
      query: `?images=P001_CC,P001_MLO&format=${format}`,
    });
  }
  await each("listSimilarities listModels listEvaluations listStudies", { query: "?limit=1" });

  const model = { id: tuned.result.model };
  await ask(server, "setModelAlias", { params: { ...model, alias: "best" } });
  await each("listModelAliases getModel getInferenceModel getInferenceModelReadiness", {
    params: model,
  });
  await ask(server, "uploadModel", {
    params: { id: "uploaded" },
    query: "?classes=benign,malignant&image_size=16",
    bytes: await (await server.fetch(`/v1/models/${model.id}/weights`)).bytes(),
  });
  const sent = { params: model, bytes: picture };
  await ask(server, "computeSimilarityMap", { ...sent, query: "?x=8&y=8&size=16" });
  await ask(server, "computeSaliency", { ...sent, query: "?size=16" });
  const named = { dataset, images: ["P001_CC", "P001_MLO"] };
  await each("computeEmbeddings predict", { params: model, json: named });
  await ask(server, "findNeighbours", { ...sent, query: "?among=breast&top=2" });
  const pixels = picture.toBase64();
  const input = { name: "images", datatype: "BYTES", shape: [1], data: [pixels] };
  await ask(server, "infer", { params: model, json: { inputs: [input] } });
  keepBody("infer", "application/json", {
    inputs: [{ ...input, data: [`${pixels.slice(0, 60)}...`] }],
  });
  const { data: [{ id: predicted }] } = await ask<{ data: { id: string }[] }>(
    server,
    "listPredictions",
    { query: "?limit=1" },
  );
  await ask(server, "listPredictions", { query: "?format=csv" });
  await ask(server, "getPrediction", { params: { id: predicted } });
  await ask(server, "deletePredictions", { query: `?model=${model.id}&label=none` });
  const version = { ...model, version: "1" };
  await each("getInferenceModelVersion getInferenceModelVersionReadiness", { params: version });
  await ask(server, "inferVersion", { params: version, json: { inputs: [input] } });
  keepBody("inferVersion", "application/json", {
    inputs: [{ ...input, data: [`${pixels.slice(0, 60)}...`] }],
  });
  await recordInstances(server);
  for (const query of ["", "?format=csv"]) {
    await ask(server, "listScores", { params: { id: tuned.result.evaluation }, query });
  }
  await ask(server, "getEvaluation", { params: { id: tuned.result.evaluation } });
  await ask(server, "compareEvaluations", {
    params: { id: first.result.evaluation },
    query: `?to=${second.result.evaluation}`,
  });
  const all = await run({ ...whole, split: "all" });
  await ask(server, "analyseReadings", {
    params: { name: dataset },
    query: `?evaluation=${all.result.evaluation}`,
  });
  await ask(server, "getStudy", { params: { id: table.result.study } });
  await ask(server, "getStudyReport", { params: { id: table.result.study }, query: "?most=2" });
  for (const format of ["json", "csv", "markdown", "latex"]) {
    const query = `?format=${format}`;
    await ask(server, "getStudyTable", { params: { id: table.result.study }, query, lines: 4 });
  }
  await each("getInferenceServer getInferenceLiveness getInferenceReadiness", {});
  const { id: key } = await ask<{ id: string }>(server, "createKey", {
    json: { name: "reader", scopes: ["read"], rate: 10, burst: 50, max_bytes: 1e9 },
  });
  await ask(server, "changeKey", { params: { id: key }, json: { rate: 20 } });
  await ask(server, "listKeys");
  const detail = "Cannot use the GPU: its worker is starting";
  known.getReadiness.answers![503] = {
    "application/json": {
      example: {
        ...{ status: "not ready", gpu: false, predictions: false, disk: true, database: true },
        detail,
      },
    },
  };
}

/** Two readers of all images, who err here and there. */
async function recordReadings(server: TestServer, params: { name: string }): Promise<void> {
  const { data } = await server.json<{ data: { name: string; label: string }[] }>(
    "GET",
    `/v1/datasets/${params.name}/images?limit=1000`,
  );
  const rows = ["R1", "R2"].flatMap((reader, r) =>
    data.map(({ name, label }, i) => {
      const said = (i + r) % 5 > 0 ? label : label === "benign" ? "malignant" : "benign";
      return { image: name, reader, label: said, confidence: (5 + (i + 3 * r) % 5) / 10 };
    })
  );
  await server.json("PUT", `/v1/datasets/${params.name}/readings`, { readings: rows });
  for (const query of ["?limit=2", "?format=csv"]) {
    await ask(server, "listReadings", { params, query });
  }
}

/** All, some and none are stored; in both forms. */
async function recordInstances(server: TestServer): Promise<void> {
  const identified = (uid: string, more = {}) =>
    new Uint8Array(dicomFile({
      ...pixelElements({ width: 3, height: 1, stored: 12 }),
      "00080016 UI": bytes("1.2.840.10008.5.1.4.1.1.1.2"),
      ...{ "00080018 UI": bytes(uid), "0020000d UI": bytes("1.2.826.0.1.1") },
      "7fe00010 OW": u16(0, 100, 4000),
      ...more,
    }));
  const good = identified("1.2.826.0.1.1.1");
  const bad = identified("1.2.826.0.1.1.2", { "00280301 CS": bytes("YES") });
  const params = { name: "copy", study: "1.2.826.0.1.1" };
  for (const id of ["storeInstances", "storeStudyInstances"]) {
    for (const parts of [[good], [good, bad], [bad]]) {
      for (const accept of ["application/json", "application/dicom+json"]) {
        await ask(server, id, {
          params,
          bytes: new Blob([
            ...parts.flatMap((part) => [
              "--part\r\nContent-Type: application/dicom\r\n\r\n",
              ...[part, "\r\n"],
            ]),
            "--part--\r\n",
          ]),
          headers: { "content-type": "multipart/related; boundary=part", accept },
          also: [409],
        });
      }
    }
    known[id].answers![409]["application/problem+json"] = {
      example: {
        ...{ type: "about:blank", title: "Conflict", status: 409 },
        detail: 'Cannot change dataset "copy": job "job_01J8" reads it',
        instance: "urn:uuid:3d1f1a52-6c2e-4b0e-9a3c-5d1c3f0b7a11",
      },
    };
  }
}

await withServer(async (server) => {
  await server.ready();
  await record(server);
});
const lines = Object.keys(known).sort()
  .map((id) => `  ${JSON.stringify(id)}: ${JSON.stringify(known[id])}`);
await Deno.writeTextFile(
  Deno.args[0] ?? fileURLToPath(new URL("../../routes/examples.json", import.meta.url)),
  `{\n${lines.join(",\n")}\n}\n`,
);
