/** The registry of models: where they come from, what they look at, their weights. */
import { z } from "zod";
import { limits } from "@/lib/config.ts";
import { families } from "@/lib/models/specs.ts";
import { uploadModel } from "@/lib/models/upload.ts";
import { onnxOf } from "@/lib/models/weights_thread.ts";
import { datasetName } from "@/lib/datasets/name.ts";
import { Conflict } from "@/lib/errors.ts";
import { imageSizeText } from "@/lib/images/image_size.ts";
import { type ModelRow, type Store } from "@/lib/store/mod.ts";
import { modelSchema, toModelView } from "@/lib/training/model_view.ts";
import { chunks } from "./body.ts";
import { mapPage, pageOf, pageQuery } from "./pages.ts";
import { reply } from "./reply.ts";
import { type Route, route } from "./route.ts";

/** Numbers or names with commas between. */
const list = z.string().max(10_000).transform((text) => text.split(",").map((one) => one.trim()));
const numbers = list.transform((texts) => texts.map(Number))
  .pipe(z.array(z.number()).max(3));

/** Input `x` [N, C, H, W], normalised as the spec says; output `logits`, of a backbone `features`. */
async function onnxAnswer(store: Store, { id, file, spec }: ModelRow): Promise<Response> {
  const onnx = await onnxOf({ path: store.files.path(file), spec });
  return new Response(onnx, {
    headers: {
      "content-type": "application/octet-stream",
      "content-length": String(onnx.length),
      "content-disposition": `attachment; filename="${id}.onnx"`,
    },
  });
}

export const models: Route[] = [
  route({
    method: "GET",
    path: "/v1/models",
    operationId: "listModels",
    summary: "Lists models, the newest first",
    scope: "read",
    query: z.strictObject(pageQuery),
    answers: { 200: pageOf(modelSchema) },
    handle: ({ services: { store }, query }) =>
      mapPage(store.models.list(query), (row) => toModelView(store, row)),
  }),
  route({
    method: "GET",
    path: "/v1/models/{id}",
    operationId: "getModel",
    summary: "One model by id, alias or name (then the newest version)",
    scope: "read",
    answers: { 200: modelSchema },
    handle: ({ services: { store }, params: { id } }) =>
      toModelView(store, store.models.resolve(id)),
  }),
  route({
    method: "GET",
    path: "/v1/models/{id}/weights",
    operationId: "downloadWeights",
    headers: ["Content-Disposition"],
    errors: [422, 429],
    summary: "The weights as safetensors under torchvision's names, or the network as ONNX",
    scope: "read",
    answers: { 200: ["application/octet-stream"] },
    formats: {
      safetensors: "application/octet-stream",
      onnx: ["application/octet-stream", "application/x-onnx"],
    },
    async handle({ services: { store }, params: { id }, format }) {
      const row = store.models.resolve(id);
      if (format === "onnx") return await onnxAnswer(store, row);
      const file = await Deno.open(store.files.path(row.file));
      const { size } = await file.stat();
      return new Response(file.readable, {
        headers: {
          "content-type": "application/octet-stream",
          "content-length": String(size),
          "content-disposition": `attachment; filename="${row.id}.safetensors"`,
        },
      });
    },
  }),
  route({
    method: "PUT",
    path: "/v1/models/{id}",
    operationId: "uploadModel",
    headers: ["Location"],
    errors: [422, 429],
    summary: `Uploads weights (safetensors or .pth) of a ${
      families.map(({ title }) => title).join(" or ")
    } as the next version of a name`,
    scope: "write",
    query: z.strictObject({
      classes: list.optional().describe("Names of the classifier's outputs, with commas"),
      image_size: imageSizeText.optional().describe(
        "Of the input in pixels: SIDE, or HEIGHTxWIDTH",
      ),
      mean: numbers.optional().describe("Of pixels in 0 to 1, one number a channel"),
      std: numbers.optional(),
      prefix: z.string().max(200).optional()
        .describe("In front of the network's names, where a file holds several networks"),
    }),
    accepts: ["application/octet-stream"],
    answers: { 201: modelSchema },
    async handle({ services: { store }, params, query, request }) {
      const name = datasetName(params.id);
      const { sha256 } = await store.files.put(chunks(request, limits.weightsBytes));
      try {
        const row = await uploadModel(store, store.files.path(sha256), { ...query, name });
        return reply(201, toModelView(store, row), { location: `/v1/models/${row.id}` });
      } finally {
        // What came stays only where it is what is kept.
        store.discard([sha256]);
      }
    },
  }),
  route({
    method: "DELETE",
    path: "/v1/models/{id}",
    operationId: "deleteModel",
    errors: [409],
    summary: "Deletes a model; its evaluations and predictions stay",
    scope: "write",
    answers: { 204: null },
    handle({ services: { store }, params: { id } }) {
      const row = store.models.get(id);
      const job = store.db.get<{ id: string }>(
        `SELECT id FROM jobs WHERE state IN ('queued', 'running', 'paused')
         AND (json_extract(spec, '$.model') = ?1 OR json_extract(spec, '$.init') = ?1) LIMIT 1`,
        row.id,
      );
      if (job) throw new Conflict(`Cannot delete model "${row.id}": job "${job.id}" needs it`);
      store.models.remove(row.id);
      store.collectGarbage([row.file]);
      return reply(204, null);
    },
  }),
];
