/** The checks that every decoder makes before it allocates. */
import { InvalidInput } from "@/lib/errors.ts";
import { maxPixels } from "./raster.ts";

/** Throws InvalidInput for an empty or too large picture; `what` names the format. */
export function checkSize(what: string, width: number, height: number): void {
  if (!(width > 0 && height > 0)) {
    throw new InvalidInput(`Cannot decode ${what}: it is ${width} x ${height} pixels`);
  }
  if (width * height > maxPixels) {
    throw new InvalidInput(
      `Cannot decode ${what}: ${width} x ${height} pixels are more than the allowed ${maxPixels}`,
    );
  }
}
