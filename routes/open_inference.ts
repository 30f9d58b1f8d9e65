/** The Open Inference Protocol, version 2: https://github.com/kserve/open-inference-protocol */
import { z } from "zod";
import { limits } from "@/lib/config.ts";
import { InvalidInput, Unavailable } from "@/lib/errors.ts";
import { encodedPicture, type PictureInput, predictAll } from "@/lib/inference/predict_client.ts";
import { needClasses } from "@/lib/inference/protocol.ts";
import { encodedFiles, tensorPictures } from "@/lib/inference/tensor.ts";
import {
  inferenceAnswerSchema,
  inferenceModelSchema,
  toInferenceModelView,
  toInferenceView,
} from "@/lib/inference/open_inference.ts";
import type { ModelSpec } from "@/lib/store/mod.ts";
import { version } from "@/lib/version.ts";
import { type Call, type Route, route } from "./route.ts";

const MOST_PICTURES = 64;

const parameters = z.record(z.string(), z.unknown()).optional();

const request = z.strictObject({
  id: z.string().max(200).optional(),
  parameters,
  inputs: z.array(z.strictObject({
    name: z.enum(["pixels", "images"]),
    datatype: z.enum(["FP32", "BYTES"]),
    shape: z.array(z.int().min(1).max(4096)).min(1).max(4),
    parameters,
    data: z.custom<unknown[]>(Array.isArray, "an array is needed"),
  })).length(1),
  outputs: z.array(z.strictObject({
    name: z.enum(["probabilities", "labels"]),
    parameters,
  })).min(1).optional(),
});

type InferRequest = z.output<typeof request>;

/** The pictures of a request. Throws InvalidInput. */
function picturesOf({ inputs: [input] }: InferRequest, spec: ModelSpec): PictureInput[] {
  const { name, datatype, shape, data } = input;
  const [N] = shape;
  const expected = name === "pixels" ? "FP32" : "BYTES";
  if (datatype !== expected) {
    throw new InvalidInput(`Cannot take "${name}" as ${datatype}: ${expected} is needed`);
  }
  if (N > MOST_PICTURES) {
    throw new InvalidInput(`Cannot take ${N} pictures at once: at most ${MOST_PICTURES}`);
  }
  const tensor = { pointer: "/inputs/0", shape, data };
  return name === "pixels"
    ? tensorPictures(tensor, spec).map((raster) => ({ raster: () => Promise.resolve(raster) }))
    : encodedFiles(tensor).map((bytes) => encodedPicture(() => Promise.resolve(bytes)));
}

async function infer({ services, params, body }: Call<unknown, InferRequest>) {
  const { store, supervisor: worker } = services;
  const model = store.models.resolve(params.id);
  needClasses(model);
  const rows = await predictAll({ store, model, worker }, picturesOf(body, model.spec));
  const outputs = body.outputs?.map(({ name }) => name) ?? ["probabilities", "labels"];
  return toInferenceView(model, rows, { id: body.id, outputs });
}

/** Throws Unavailable while there is no GPU. */
function needWorker({ services: { supervisor } }: Pick<Call, "services">): void {
  if (!supervisor.ready) throw new Unavailable(supervisor.unavailable() ?? "Cannot use the GPU");
}

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
    handle: () => ({ name: "mcgip", version, extensions: [] as string[] }),
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
    answers: { 200: z.object({ ready: z.boolean() }) },
    handle(call) {
      needWorker(call);
      return { ready: true };
    },
  }),
  route({
    method: "GET",
    path: "/v2/models/{id}",
    operationId: "getInferenceModel",
    errors: [422],
    summary: "Open Inference Protocol: what a classifier takes and gives",
    scope: "read",
    answers: { 200: inferenceModelSchema },
    handle({ services: { store }, params: { id } }) {
      const row = store.models.resolve(id);
      needClasses(row);
      return toInferenceModelView(row);
    },
  }),
  route({
    method: "GET",
    path: "/v2/models/{id}/ready",
    operationId: "getInferenceModelReadiness",
    errors: [422],
    summary: "Open Inference Protocol: whether a classifier can be used",
    scope: "read",
    answers: { 200: z.object({ name: z.string(), ready: z.boolean() }) },
    handle(call) {
      const row = call.services.store.models.resolve(call.params.id);
      needClasses(row);
      needWorker(call);
      return { name: row.id, ready: true };
    },
  }),
  route({
    method: "POST",
    path: "/v2/models/{id}/infer",
    operationId: "infer",
    errors: [429],
    summary:
      "Open Inference Protocol: predicts `pixels` (FP32 [N, C, S, S], 0 to 1, not normalised) or `images` (BYTES, files in base64)",
    scope: "write",
    json: request,
    jsonBytes: limits.tensorBytes,
    answers: { 200: inferenceAnswerSchema },
    handle: infer,
  }),
];
