/** Decodes any picture that the server reads. */
import { InvalidInput } from "@/lib/errors.ts";
import { decodeDicom } from "./dicom.ts";
import { decodeJpeg } from "./jpeg.ts";
import { checkPng, decodePng } from "./png.ts";
import { decodePnm } from "./pnm.ts";
import type { ImageHeader, Raster } from "./raster.ts";
import { resize } from "./resize.ts";
import { sniffImage } from "./sniff.ts";
import { viewed, type ViewOptions } from "./view.ts";

export interface ImageOptions {
  /** Width and height to resize to. */
  size?: [number, number];
  /** What of it is shown, and how. */
  view?: ViewOptions;
}

/** In this thread; for bytes from outside use `decodePool`. Throws InvalidInput. */
export async function decodeImage(bytes: Uint8Array, options: ImageOptions = {}): Promise<Raster> {
  return (await openImage(bytes, options)).raster;
}

/** The same, with what the picture was before it was resized. Throws InvalidInput. */
export async function openImage(
  bytes: Uint8Array,
  { size, view }: ImageOptions = {},
): Promise<{ header: ImageHeader; raster: Raster }> {
  // Large ones of this kind are resized while they are read, and never held whole.
  if (sniffImage(bytes) === "png" && !view) return await decodePng(bytes, size);
  const whole = await decodeWhole(bytes, view);
  const { data: _, ...header } = whole;
  return { header, raster: size ? resize(whole, ...size) : whole };
}

/** Decodes to the end, and keeps only what the picture is. Throws InvalidInput. */
export async function checkImage(bytes: Uint8Array): Promise<ImageHeader> {
  if (sniffImage(bytes) === "png") return await checkPng(bytes);
  return (await openImage(bytes)).header;
}

async function decodeWhole(bytes: Uint8Array, view: ViewOptions = {}): Promise<Raster> {
  switch (sniffImage(bytes)) {
    case "png":
      return viewed((await decodePng(bytes)).raster, view);
    case "jpeg":
      return viewed(await decodeJpeg(bytes), view);
    case "pnm":
      return viewed(decodePnm(bytes), view);
    case "dicom":
      return await decodeDicom(bytes, view);
    default:
      throw new InvalidInput("Cannot decode the picture: it is not PNG, JPEG, PGM, PPM or DICOM");
  }
}
