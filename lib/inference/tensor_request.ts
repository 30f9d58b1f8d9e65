/** A request of the Open Inference Protocol as it is sent: JSON, and bytes that may follow it; and its pictures. */
import { z } from "zod";
import { limits } from "@/lib/config.ts";
import { InvalidInput } from "@/lib/errors.ts";
import type { Raster } from "@/lib/images/raster.ts";
import { parseBody, type Refusal } from "@/lib/json_text.ts";
import type { ModelSpec } from "@/lib/store/models.ts";
import { readElements, readFloats } from "./binary_tensor.ts";
import { encodedFiles, tensorPictures } from "./tensor.ts";

const MOST_PICTURES = 64;

/** Optional fields may be null: the protocol's own clients send them so. */
const parameters = z.record(z.string(), z.unknown()).nullish();

export const tensorRequestSchema = z.strictObject({
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

export type TensorRequest = z.output<typeof tensorRequestSchema>;
type Input = TensorRequest["inputs"][number];

/** A parameter that counts at its place; undefined without it. Throws InvalidInput for another type. */
export function parameter<Schema extends z.ZodType>(
  given: TensorRequest["parameters"],
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

/** A picture of numbers, or a file of one. */
export type SentPicture = { raster: Raster } | { file: Uint8Array<ArrayBuffer> };

/** The pictures of a request. Throws InvalidInput. */
function picturesOf(
  { inputs: [input] }: TensorRequest,
  binary: Uint8Array<ArrayBuffer>,
  spec: PictureSpec,
): SentPicture[] {
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
    ? tensorPictures(tensor, spec).map((raster) => ({ raster }))
    : encodedFiles(tensor).map((file) => ({ file }));
}

/** What of a model says what pictures it takes. */
export type PictureSpec = Pick<ModelSpec, "channels" | "image_size">;

export interface SentTensors {
  bytes: Uint8Array<ArrayBuffer>;
  /** Of the Inference-Header-Content-Length: where the JSON ends; all is JSON without it. */
  header: string | null;
  spec: PictureSpec;
}

export type ReadTensors =
  | { refusal: Refusal }
  /** The request without its data, and what they are. */
  | { body: TensorRequest; pictures: SentPicture[] };

/** Reads a request. Throws InvalidInput. */
export function readTensors({ bytes, header, spec }: SentTensors): ReadTensors {
  const refuse = (status: number, message: string) => ({
    refusal: { status, message, errors: [] },
  });
  let json = bytes;
  let binary: Uint8Array<ArrayBuffer> = new Uint8Array();
  if (header !== null) {
    const length = Number(header);
    if (!/^\d{1,9}$/.test(header) || length > bytes.length) {
      return refuse(
        400,
        `Cannot use this Inference-Header-Content-Length: a number of bytes up to ${bytes.length} is needed`,
      );
    }
    if (length === 0) {
      return refuse(
        400,
        "Cannot take tensors alone: JSON before them must say whether they are pixels or images",
      );
    }
    if (length > limits.jsonBytes && length < bytes.length) {
      return refuse(413, `Cannot take JSON of more than ${limits.jsonBytes} bytes`);
    }
    json = bytes.subarray(0, length);
    binary = bytes.subarray(length);
  }
  const parsed = parseBody(json, tensorRequestSchema);
  if ("refusal" in parsed) return parsed;
  const body = parsed.value;
  const pictures = picturesOf(body, binary, spec);
  return { body: { ...body, inputs: body.inputs.map(({ data: _, ...input }) => input) }, pictures };
}
