/** The size of a network's input as requests and models give it. */
import { z } from "zod";

const side = z.int().min(16).max(1024);

/** A side in pixels for a square, or `[height, width]`. */
export const imageSizeSchema = z.union([side, z.tuple([side, side])]);
export type ImageSize = z.output<typeof imageSizeSchema>;

/** The same in a query: `224`, or `300x600` for height and width. */
export const imageSizeText = z.string().regex(
  /^\d{1,4}(x\d{1,4})?$/,
  "SIDE or HEIGHTxWIDTH, pixels",
)
  .transform((text) => {
    const sides = text.split("x").map(Number);
    return sides.length === 1 ? sides[0] : sides;
  }).pipe(imageSizeSchema);

/** Height and width in pixels. */
export interface Size {
  height: number;
  width: number;
}

export function sizeOf(image_size: ImageSize): Size {
  const [height, width] = typeof image_size === "number" ? [image_size, image_size] : image_size;
  return { height, width };
}
