/** The Open Inference Protocol, version 2: https://github.com/kserve/open-inference-protocol */
import { z } from "zod";
import { limits } from "@/lib/config.ts";
import { InvalidInput, NotFound, Unavailable } from "@/lib/errors.ts";
import { tensorBytes } from "@/lib/inference/binary_tensor.ts";
import {
  type InferenceAnswer,
  inferenceAnswerSchema,
  inferenceModelSchema,
  outputsOf,
  toInferenceModelView,
  toInferenceView,
  versionOf,
} from "@/lib/inference/open_inference.ts";
import { encodedPicture, type PictureInput, predictAll } from "@/lib/inference/predict_client.ts";
import { needClasses } from "@/lib/inference/protocol.ts";
import {
  parameter,
  type TensorRequest,
  tensorRequestSchema,
} from "@/lib/inference/tensor_request.ts";
import { readTensorRequest } from "@/lib/inference/tensor_thread.ts";
import type { ModelRow, ModelSpec, Store } from "@/lib/store/mod.ts";
import { version } from "@/lib/version.ts";
import { digestOf } from "./auth.ts";
import { needJson, readBytes } from "./body.ts";
import { refused } from "./problem.ts";
import { type Call, type Route, route } from "./route.ts";

/** Names of parameters that nothing depends on, with their places. */
function unusedOf({ parameters, inputs, outputs }: TensorRequest): string[] {
  const others = (given: TensorRequest["parameters"], own: string, place: string) =>
    Object.keys(given ?? {}).filter((name) => name !== own).map((name) => place + name);
  return [
    ...others(parameters, "binary_data_output", ""),
    ...inputs.flatMap((input) => others(input.parameters, "binary_data_size", `${input.name}.`)),
    ...(outputs ?? []).flatMap((one) => others(one.parameters, "binary_data", `${one.name}.`)),
  ];
}

/**
 * The request without its data, its pictures, and a digest of all. Throws HttpError, InvalidInput, Overloaded.
 */
async function readRequest({ request: sent }: Call, spec: ModelSpec): Promise<{
  body: TensorRequest;
  pictures: PictureInput[];
  digest: () => Promise<string>;
}> {
  const header = sent.headers.get("inference-header-content-length");
  if (header === null) needJson(sent);
  const bytes = await readBytes(sent, limits.tensorBytes);
  // The bytes are gone once they are read.
  const digest = sent.headers.has("idempotency-key") ? await digestOf(header ?? "", bytes) : "";
  const read = await readTensorRequest({ bytes, header, spec });
  if ("refusal" in read) throw refused(read.refusal);
  const pictures = read.pictures.map((picture) =>
    "file" in picture
      ? encodedPicture(() => Promise.resolve(picture.file))
      : { raster: () => Promise.resolve(picture.raster) }
  );
  return { body: read.body, pictures, digest: () => Promise.resolve(digest) };
}

/** Which outputs go as bytes. */
function binaryOutputs(
  { parameters, outputs }: TensorRequest,
  names: ("probabilities" | "labels")[],
): Set<string> {
  const all = parameter(parameters, {
    ...{ name: "binary_data_output", schema: z.boolean(), pointer: "" },
  }) ?? false;
  const asked = outputs?.length ? outputs : names.map((name) => ({ name, parameters: undefined }));
  return new Set(
    asked.filter(({ parameters }, i) =>
      parameter(parameters, {
        name: "binary_data",
        schema: z.boolean(),
        pointer: `/outputs/${i}`,
      }) ??
        all
    ).map(({ name }) => name),
  );
}

/** The answer with some outputs as bytes behind its JSON. */
function withBytes(answer: InferenceAnswer, binary: Set<string>, headers: Headers): Response {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const outputs = answer.outputs.map(({ data, ...output }) => {
    if (!binary.has(output.name)) return { ...output, data };
    const bytes = tensorBytes(data);
    parts.push(bytes);
    return { ...output, parameters: { binary_data_size: bytes.length } };
  });
  const json = new TextEncoder().encode(JSON.stringify({ ...answer, outputs }));
  headers.set("content-type", "application/octet-stream");
  // That of the JSON alone.
  headers.delete("content-length");
  headers.set("inference-header-content-length", String(json.length));
  return new Response(new Blob([json, ...parts]).stream(), { headers });
}

async function infer(call: Call) {
  const { services: { store, workers: worker } } = call;
  const model = await modelOf(call);
  needClasses(model);
  const { body, pictures, digest } = await readRequest(call, model.spec);
  const names = outputsOf(model);
  const bytes = binaryOutputs(body, names);
  const absent = body.outputs?.findIndex(({ name }) => !names.includes(name)) ?? -1;
  if (absent >= 0) {
    const message = "a multi-label model gives no one label an image; ask for probabilities";
    throw new InvalidInput(`Cannot give "${body.outputs![absent].name}": ${message}`, [
      { pointer: `/outputs/${absent}/name`, message },
    ]);
  }
  const answer = await call.once(digest, async () => {
    const rows = await predictAll({ store, model, worker }, pictures);
    const outputs = body.outputs?.length ? body.outputs.map(({ name }) => name) : names;
    return toInferenceView(model, rows, {
      ...{ id: body.id ?? undefined, outputs, unused: unusedOf(body) },
    });
  });
  // What is kept for an Idempotency-Key is text.
  return bytes.size > 0 ? withBytes(await answer.json(), bytes, answer.headers) : answer;
}

/** All versions of a model's name, the oldest first; of one without a name itself. */
const versionsOf = async (models: Store["models"], row: ModelRow): Promise<ModelRow[]> =>
  row.name === null ? [row] : (await models.versionsOf(row.name)).toReversed();

/** The model that a path means: of an id, an alias or a name, and of a version of the same name. Throws NotFound. */
async function modelOf(
  { services: { store: { models } }, params }: Pick<Call, "services" | "params">,
): Promise<ModelRow> {
  const row = await models.resolve(params.id);
  if (params.version === undefined) return row;
  const versions = await versionsOf(models, row);
  const found = versions.find((one) => versionOf(one) === params.version);
  if (found) return found;
  throw new NotFound(
    `Cannot find version "${params.version}" of model "${params.id}": there is ${
      versions.map(versionOf).join(", ")
    }`,
  );
}

/** Throws Unavailable while there is no GPU. */
function needWorker({ services: { workers } }: Pick<Call, "services">): void {
  if (!workers.ready) throw new Unavailable(workers.unavailable() ?? "Cannot use the GPU");
}

/** The same of the newest version (or of what an id or an alias names), and of one version. */
const ofModel = (path: string, named: string, what: string): Route[] => [
  route({
    method: "GET",
    path,
    operationId: `get${named}`,
    errors: [422],
    summary: `Open Inference Protocol: what ${what} takes and gives`,
    scope: "read",
    answers: { 200: inferenceModelSchema },
    async handle(call) {
      const row = await modelOf(call);
      needClasses(row);
      return toInferenceModelView(row, await versionsOf(call.services.store.models, row));
    },
  }),
  route({
    method: "GET",
    path: `${path}/ready`,
    operationId: `get${named}Readiness`,
    errors: [422],
    summary: `Open Inference Protocol: whether ${what} can be used`,
    scope: "read",
    answers: { 200: z.object({ name: z.string(), ready: z.boolean() }) },
    async handle(call) {
      const row = await modelOf(call);
      needClasses(row);
      needWorker(call);
      return { name: row.id, ready: true };
    },
  }),
  route({
    method: "POST",
    path: `${path}/infer`,
    operationId: named === "InferenceModel" ? "infer" : "inferVersion",
    headers: ["Inference-Header-Content-Length"],
    errors: [415, 429],
    summary:
      `Open Inference Protocol: predicts \`pixels\` (FP32 [N, C, H, W], 0 to 1, not normalised) or \`images\` (BYTES, files in base64) with ${what}`,
    description:
      "With the binary tensor data extension: bytes of an input may follow the JSON (files then as they " +
      "are, not in base64), and those of outputs that of the answer.",
    scope: "write",
    described: tensorRequestSchema,
    accepts: ["application/json", "application/octet-stream"],
    answers: { 200: [inferenceAnswerSchema, "application/octet-stream"] },
    handle: infer,
  }),
];

export const openInference: Route[] = [
  route({
    method: "GET",
    path: "/v2",
    operationId: "getInferenceServer",
    summary: "Open Inference Protocol: the server",
    scope: "read",
    answers: {
      200: z.object({ name: z.string(), version: z.string(), extensions: z.array(z.string()) }),
    },
    handle: () => ({ name: "mcgip", version, extensions: ["binary_tensor_data"] as string[] }),
  }),
  route({
    method: "GET",
    path: "/v2/health/live",
    operationId: "getInferenceLiveness",
    summary: "Open Inference Protocol: whether the server answers",
    scope: "read",
    answers: { 200: z.object({ live: z.boolean() }) },
    handle: () => ({ live: true }),
  }),
  route({
    method: "GET",
    path: "/v2/health/ready",
    operationId: "getInferenceReadiness",
    summary: "Open Inference Protocol: whether models can be used; 503 if not",
    scope: "read",
    answers: {
      200: z.object({
        ready: z.boolean(),
        live: z.boolean().describe("What the protocol's text calls it here, too"),
      }),
    },
    handle(call) {
      needWorker(call);
      return { ready: true, live: true };
    },
  }),
  ...ofModel("/v2/models/{id}", "InferenceModel", "a classifier"),
  ...ofModel(
    "/v2/models/{id}/versions/{version}",
    "InferenceModelVersion",
    "one version of a classifier",
  ),
];
