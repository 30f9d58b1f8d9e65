/** The Open Inference Protocol, version 2: https://github.com/kserve/open-inference-protocol */
import { z } from "zod";
import { limits } from "@/lib/config.ts";
import { InvalidInput, NotFound, Unavailable } from "@/lib/errors.ts";
import { readElements, readFloats, tensorBytes } from "@/lib/inference/binary_tensor.ts";
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
import { encodedFiles, tensorPictures } from "@/lib/inference/tensor.ts";
import { problemsOf } from "@/lib/problems.ts";
import type { ModelRow, ModelSpec, Store } from "@/lib/store/mod.ts";
import { version } from "@/lib/version.ts";
import { digestOf } from "./auth.ts";
import { parseJson, readBytes, readJson } from "./body.ts";
import { HttpError } from "./problem.ts";
import { type Call, type Route, route } from "./route.ts";

const MOST_PICTURES = 64;

/** Optional fields may be null: the protocol's own clients send them so. */
const parameters = z.record(z.string(), z.unknown()).nullish();

const request = z.strictObject({
  id: z.string().max(200).nullish(),
  parameters: parameters.describe(
    "`binary_data_output`: all outputs as bytes behind the answer's JSON",
  ),
  inputs: z.array(z.strictObject({
    name: z.enum(["pixels", "images"]),
    datatype: z.enum(["FP32", "BYTES"]),
    shape: z.array(z.int().min(1).max(4096)).min(1).max(4),
    parameters: parameters.describe("`binary_data_size`: bytes of the data behind the JSON"),
    // Not an array with null beside it: that would be described by an empty part of a union.
    data: z.custom<unknown[] | null>(
      (value) => value === null || Array.isArray(value),
      "an array is needed",
    ).optional(),
  })).length(1),
  outputs: z.array(z.strictObject({
    name: z.enum(["probabilities", "labels"]),
    parameters: parameters.describe("`binary_data`: as bytes behind the answer's JSON"),
  })).nullish().describe("All without it"),
});

type InferRequest = z.output<typeof request>;
type Input = InferRequest["inputs"][number];

/** A parameter that counts at its place; undefined without it. Throws InvalidInput for another type. */
function parameter<Schema extends z.ZodType>(
  given: InferRequest["parameters"],
  { name, schema, pointer }: { name: string; schema: Schema; pointer: string },
): z.output<Schema> | undefined {
  const value = given?.[name];
  if (value === undefined || value === null) return undefined;
  const { success, data } = schema.safeParse(value);
  if (success) return data;
  const message = `Cannot use "${name}": ${
    schema instanceof z.ZodBoolean ? "a boolean" : "a number of bytes"
  } is needed`;
  throw new InvalidInput(message, [{ pointer: `${pointer}/parameters/${name}`, message }]);
}

/** Names of parameters that nothing depends on, with their places. */
function unusedOf({ parameters, inputs, outputs }: InferRequest): string[] {
  const others = (given: InferRequest["parameters"], own: string, place: string) =>
    Object.keys(given ?? {}).filter((name) => name !== own).map((name) => place + name);
  return [
    ...others(parameters, "binary_data_output", ""),
    ...inputs.flatMap((input) => others(input.parameters, "binary_data_size", `${input.name}.`)),
    ...(outputs ?? []).flatMap((one) => others(one.parameters, "binary_data", `${one.name}.`)),
  ];
}

/** The data of the input: of the JSON, or of the bytes behind it. Throws InvalidInput. */
function dataOf(
  { datatype, parameters, data }: Input,
  binary: Uint8Array<ArrayBuffer>,
): unknown[] | Float32Array {
  const pointer = "/inputs/0";
  const size = parameter(parameters, { name: "binary_data_size", schema: z.int().min(0), pointer });
  const refuse = (message: string): never => {
    throw new InvalidInput(message, [{ pointer, message }]);
  };
  if (size === undefined) {
    if (binary.length > 0) {
      refuse(`Cannot use ${binary.length} bytes behind the JSON: no input has "binary_data_size"`);
    }
    return data ?? refuse('Cannot take this input: it has neither "data" nor "binary_data_size"');
  }
  if (data) refuse('Cannot take both: the input has "data" and "binary_data_size"');
  if (size !== binary.length) {
    refuse(`Cannot take ${size} bytes: ${binary.length} follow the JSON`);
  }
  return datatype === "FP32" ? readFloats(binary, pointer) : readElements(binary, pointer);
}

/** The pictures of a request. Throws InvalidInput. */
function picturesOf(
  { inputs: [input] }: InferRequest,
  binary: Uint8Array<ArrayBuffer>,
  spec: ModelSpec,
): PictureInput[] {
  const { name, datatype, shape } = input;
  const [N] = shape;
  const expected = name === "pixels" ? "FP32" : "BYTES";
  if (datatype !== expected) {
    throw new InvalidInput(`Cannot take "${name}" as ${datatype}: ${expected} is needed`);
  }
  if (N > MOST_PICTURES) {
    throw new InvalidInput(`Cannot take ${N} pictures at once: at most ${MOST_PICTURES}`);
  }
  const tensor = { pointer: "/inputs/0", shape, data: dataOf(input, binary) };
  return name === "pixels"
    ? tensorPictures(tensor, spec).map((raster) => ({ raster: () => Promise.resolve(raster) }))
    : encodedFiles(tensor).map((bytes) => encodedPicture(() => Promise.resolve(bytes)));
}

/** JSON and the bytes behind it, which an Inference-Header-Content-Length parts. Throws HttpError. */
async function readRequest({ request: sent }: Call): Promise<{
  body: InferRequest;
  binary: Uint8Array<ArrayBuffer>;
  digest: () => Promise<string>;
}> {
  const length = sent.headers.get("inference-header-content-length");
  let value: unknown;
  let binary = new Uint8Array();
  let digest: () => Promise<string>;
  if (length === null) {
    const read = await readJson(sent, limits.tensorBytes);
    [value, digest] = [read.value, () => digestOf(read.text)];
  } else {
    const bytes = await readBytes(sent, limits.tensorBytes);
    if (!/^\d{1,9}$/.test(length) || Number(length) > bytes.length) {
      throw new HttpError(
        400,
        `Cannot use this Inference-Header-Content-Length: a number of bytes up to ${bytes.length} is needed`,
      );
    }
    if (Number(length) === 0) {
      throw new HttpError(
        400,
        "Cannot take tensors alone: JSON before them must say whether they are pixels or images",
      );
    }
    if (Number(length) > limits.jsonBytes && Number(length) < bytes.length) {
      throw new HttpError(413, `Cannot take JSON of more than ${limits.jsonBytes} bytes`);
    }
    const json = bytes.subarray(0, Number(length));
    ({ value } = parseJson(json));
    binary = bytes.slice(json.length);
    digest = () => digestOf(json, binary);
  }
  const parsed = request.safeParse(value);
  if (!parsed.success) {
    throw new HttpError(422, "Cannot accept this request", {}, problemsOf(parsed.error));
  }
  return { body: parsed.data, binary, digest };
}

/** Which outputs go as bytes. */
function binaryOutputs({ parameters, outputs }: InferRequest, names: string[]): Set<string> {
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
  headers.set("inference-header-content-length", String(json.length));
  return new Response(new Blob([json, ...parts]).stream(), { headers });
}

async function infer(call: Call) {
  const { services: { store, workers: worker } } = call;
  const { body, binary, digest } = await readRequest(call);
  const model = await modelOf(call);
  needClasses(model);
  const bytes = binaryOutputs(body, outputsOf(model));
  const pictures = picturesOf(body, binary, model.spec);
  const names = outputsOf(model);
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
    described: request,
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
