/** Pictures as tensors of the Open Inference Protocol: numbers, or files in base64. */
import { InvalidInput } from "@/lib/errors.ts";
import { type Raster, raster } from "@/lib/images/raster.ts";
import { sizeOf } from "@/lib/images/image_size.ts";
import type { ModelSpec } from "@/lib/store/mod.ts";

/** Where a tensor stands in its request, for messages: "/inputs/0". */
interface Placed {
  pointer: string;
  shape: number[];
  /** Row by row, nested or not. */
  data: unknown[] | Float32Array;
}

const refuse = (message: string, pointer: string): never => {
  throw new InvalidInput(message, [{ pointer, message }]);
};

/**
 * Pictures of `[N, C, H, W]` numbers of 0 to 1 (black to white; the model's normalisation comes later), kept
 * to 16 bits. Throws InvalidInput.
 */
export function tensorPictures(
  { pointer, shape, data }: Placed,
  { channels: C, image_size }: Pick<ModelSpec, "channels" | "image_size">,
): Raster[] {
  const { height: H, width: W } = sizeOf(image_size);
  const [N] = shape;
  if (shape.join() !== [N, C, H, W].join()) {
    refuse(`Cannot take shape [${shape.join(", ")}]: [N, ${C}, ${H}, ${W}] expected`, pointer);
  }
  const pictures = Array.from({ length: N }, () => raster(W, H, C, 16));
  let at = 0;
  const take = (value: unknown) => {
    if (typeof value !== "number" || !(value >= 0 && value <= 1)) {
      refuse("Cannot take the data: numbers of 0 to 1 are needed", `${pointer}/data`);
    }
    const picture = pictures[Math.floor(at / (C * H * W))];
    const [channel, pixel] = [Math.floor(at / (H * W)) % C, at % (H * W)];
    if (picture) picture.data[pixel * C + channel] = Math.round(value as number * 65535);
    at++;
  };
  const wanted = N * C * H * W;
  checkNesting(data, shape, pointer);
  walk(data, take);
  if (at !== wanted) {
    refuse(`Cannot take ${at} numbers: the shape has ${wanted}`, `${pointer}/data`);
  }
  return pictures;
}

/** Files of pictures, `[N]` texts in base64, or bytes. Throws InvalidInput. */
export function encodedFiles({ pointer, shape, data }: Placed): Uint8Array<ArrayBuffer>[] {
  const files: Uint8Array<ArrayBuffer>[] = [];
  checkNesting(data, shape, pointer);
  walk(data, (value) => {
    if (value instanceof Uint8Array) {
      files.push(value as Uint8Array<ArrayBuffer>);
      return;
    }
    try {
      files.push(Uint8Array.fromBase64(value as string));
    } catch {
      refuse("Cannot take the data: files in base64 are needed", `${pointer}/data/${files.length}`);
    }
  });
  if (shape.reduce((product, size) => product * size, 1) !== files.length) {
    refuse(`Cannot take ${files.length} files: the shape is [${shape.join(", ")}]`, pointer);
  }
  return files;
}

/**
 * Numbers may come row by row in one list, or nested as the shape says: anything between would put them in
 * other places than was meant. @throws {InvalidInput} naming the first list of another length
 */
function checkNesting(data: Placed["data"], shape: number[], pointer: string): void {
  if (data instanceof Float32Array || !data.some(Array.isArray)) return;
  const check = (value: unknown, level: number, at: string): void => {
    if (level === shape.length) {
      if (Array.isArray(value)) {
        refuse(
          `Cannot take the data: it is nested deeper than the shape [${shape.join(", ")}]`,
          at,
        );
      }
      return;
    }
    if (!Array.isArray(value) || value.length !== shape[level]) {
      const found = Array.isArray(value) ? `${value.length} entries` : "no list";
      refuse(
        `Cannot take the data: ${shape[level]} entries are needed here by the shape ` +
          `[${shape.join(", ")}], found ${found}`,
        at,
      );
    }
    (value as unknown[]).forEach((inner, i) => check(inner, level + 1, `${at}/${i}`));
  };
  check(data, 0, `${pointer}/data`);
}

/** Calls `take` with everything that is no array, in order. */
function walk(data: Placed["data"], take: (value: unknown) => void): void {
  for (const value of data) {
    if (Array.isArray(value)) walk(value, take);
    else take(value);
  }
}
