/** Weights that come in and go out. */
import { z } from "zod";
import { limits } from "@/lib/config.ts";
import { datasetName } from "@/lib/datasets/name.ts";
import { InvalidInput } from "@/lib/errors.ts";
import { imageSizeSchema, imageSizeText } from "@/lib/images/image_size.ts";
import { families } from "@/lib/models/specs.ts";
import { uploadModel, type UploadOptions } from "@/lib/models/upload.ts";
import { leavingWeights, onnxOf } from "@/lib/models/weights_thread.ts";
import { problemsOf } from "@/lib/problems.ts";
import type { ModelRow, Store } from "@/lib/store/mod.ts";
import { hubFolder } from "@/lib/training/hub_folder.ts";
import { modelSchema, toModelView } from "@/lib/training/model_view.ts";
import { portableMetadata } from "@/lib/training/portable_model.ts";
import { chunks, isMultipart, readParts } from "./body.ts";
import { HttpError } from "./problem.ts";
import { reply } from "./reply.ts";
import { type Route, route } from "./route.ts";

const MOST_CLASSES = 10_000;
const classNames = z.array(z.string().min(1).max(1000)).max(MOST_CLASSES);

/** Names with commas between, or a JSON array of any texts. */
const classList = z.string().max(100_000).transform((text, context) => {
  if (!text.startsWith("[")) return text.split(",").map((one) => one.trim());
  try {
    return JSON.parse(text) as unknown;
  } catch {
    context.addIssue({ code: "custom", message: "no JSON array of names" });
    return z.NEVER;
  }
}).pipe(classNames);
const numbers = z.string().max(1000)
  .transform((text) => text.split(",").map((one) => one.trim() === "" ? NaN : Number(one)))
  .pipe(z.array(z.number()).max(3));

const query = z.strictObject({
  classes: classList.optional()
    .describe("Names of the classifier's outputs, with commas, or a JSON array of any texts"),
  multi_label: z.enum(["true", "false"]).transform((text) => text === "true").optional()
    .describe("Whether an image may have any number of the classes, each by a sigmoid of its own"),
  image_size: imageSizeText.optional().describe("Of the input in pixels: SIDE, or HEIGHTxWIDTH"),
  mean: numbers.optional().describe("Of pixels in 0 to 1, one number a channel"),
  std: numbers.optional(),
  prefix: z.string().max(200).optional()
    .describe("In front of the network's names, where a file holds several networks"),
});

/** The same in a form, as JSON. */
const settings = z.strictObject({
  classes: classNames.optional(),
  multi_label: z.boolean().optional(),
  image_size: imageSizeSchema.optional(),
  mean: z.array(z.number()).max(3).optional(),
  std: z.array(z.number()).max(3).optional(),
  prefix: z.string().max(200).optional(),
});
type Settings = z.output<typeof settings>;

const attachment = (type: string, name: string) => ({
  "content-type": type,
  "content-disposition": `attachment; filename="${name}"`,
});

async function safetensorsAnswer(store: Store, row: ModelRow): Promise<Response> {
  const metadata = await portableMetadata(store, row);
  const { head, from } = await leavingWeights(store.files, row, metadata);
  const file = await store.files.open(row.file, `model "${row.id}"`);
  const { size } = await file.stat();
  await file.seek(from, Deno.SeekMode.Start);
  const stored = file.readable.getReader();
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (controller) => controller.enqueue(head),
    async pull(controller) {
      const { done, value } = await stored.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => stored.cancel(reason),
  });
  return new Response(stream, {
    headers: {
      ...attachment("application/octet-stream", `${row.id}.safetensors`),
      "content-length": String(head.length + size - from),
    },
  });
}

/** Input `x` [N, C, H, W], normalised as its metadata say; output `logits`, of a backbone `features`. */
async function onnxAnswer(store: Store, row: ModelRow): Promise<Response> {
  const onnx = await onnxOf(store.files, row, await portableMetadata(store, row));
  return new Response(onnx, {
    headers: {
      ...attachment("application/octet-stream", `${row.id}.onnx`),
      "content-length": String(onnx.length),
    },
  });
}

/** The file of a request, stored, and what a form says of it. The caller drops the file again. */
async function receive(store: Store, request: Request): Promise<{ file: string; told: Settings }> {
  if (!isMultipart(request)) {
    const { sha256 } = await store.files.put(chunks(request, limits.weightsBytes));
    return { file: sha256, told: {} };
  }
  const files: string[] = [];
  let told: Settings = {};
  try {
    await readParts(request, limits.weightsBytes, async (part) => {
      if ("file" in part) files.push((await store.files.put(part.file)).sha256);
      else if (part.name === "settings") told = settingsOf(part.value);
      else {throw new InvalidInput(
          `Cannot use the field "${part.name}": file and settings are known`,
        );}
    });
    if (files.length !== 1) {
      throw new InvalidInput(
        `Cannot use a form of ${files.length} files: one file of weights is needed`,
      );
    }
  } catch (error) {
    await store.discard(files);
    throw error;
  }
  return { file: files[0], told };
}

function settingsOf(text: string): Settings {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new HttpError(400, 'Cannot read the field "settings": it is no JSON');
  }
  const parsed = settings.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new HttpError(422, "Cannot accept the settings", {}, problemsOf(parsed.error));
}

/** Query and form together. Throws InvalidInput where both say something of the same. */
function together(query: Settings, told: Settings): Omit<UploadOptions, "name"> {
  for (const name of Object.keys(told) as (keyof Settings)[]) {
    if (query[name] !== undefined && told[name] !== undefined) {
      throw new InvalidInput(`Cannot take ${name} twice: it stands in the query and in the form`);
    }
  }
  return { ...query, ...told };
}

export const modelWeights: Route[] = [
  route({
    method: "GET",
    path: "/v1/models/{id}/weights",
    operationId: "downloadWeights",
    headers: ["Content-Disposition"],
    errors: [422, 429, 500],
    summary:
      "The weights as safetensors under torchvision's names, the network as ONNX, or a folder for the Hub",
    description:
      "Each holds what the model's use needs and where it comes from as JSON: safetensors and ONNX in their " +
      "metadata under `mcgip`, the folder (`hf`, a ZIP) in timm's `config.json` and a model card. Safetensors, " +
      "also that of the folder, come back in by `PUT /v1/models/{id}` without parameters.",
    scope: "read",
    answers: { 200: ["application/octet-stream", "application/zip"] },
    formats: {
      safetensors: "application/octet-stream",
      onnx: ["application/octet-stream", "application/x-onnx"],
      hf: "application/zip",
    },
    async handle({ services: { store }, params: { id }, format }) {
      const row = await store.models.resolve(id);
      if (format === "onnx") return await onnxAnswer(store, row);
      if (format === "safetensors") return await safetensorsAnswer(store, row);
      const folder = await hubFolder(store, row);
      return new Response(folder, { headers: attachment("application/zip", `${row.id}.zip`) });
    },
  }),
  route({
    method: "PUT",
    path: "/v1/models/{id}",
    operationId: "uploadModel",
    stores: true,
    headers: ["Location"],
    errors: [409, 422, 429],
    summary: `Uploads weights (safetensors or .pth) of a ${
      families.map(({ title }) => title).join(" or ")
    } as the next version of a name`,
    description:
      "A file that this server wrote says itself what it is; a parameter that says otherwise is refused. Of other " +
      "files, the classifier stays only where its classes are named. In a form, `file` holds the weights and " +
      "`settings` the parameters as JSON.",
    scope: "write",
    query,
    form: z.object({
      file: z.file().describe("The weights"),
      settings: settings.optional().describe("The parameters of the query, as JSON"),
    }),
    accepts: ["application/octet-stream", "multipart/form-data"],
    answers: { 201: modelSchema },
    async handle({ services: { store }, params, query, request }) {
      const name = datasetName(params.id, "model's name");
      const { file, told } = await receive(store, request);
      try {
        const options = { ...together(query, told), name };
        const row = await uploadModel(store, store.files.path(file), options);
        return reply(201, await toModelView(store, row), { location: `/v1/models/${row.id}` });
      } finally {
        // What came stays only where it is what is kept.
        await store.discard([file]);
      }
    },
  }),
];
