/** Decodes any picture that the server reads. */
import { InvalidInput } from "@/lib/errors.ts";
import { decodeDicom, type DicomOptions } from "./dicom.ts";
import { decodeJpeg } from "./jpeg.ts";
import { checkPng, decodePng } from "./png.ts";
import { decodePnm } from "./pnm.ts";
import type { ImageHeader, Raster } from "./raster.ts";
import { resize } from "./resize.ts";
import { sniffImage } from "./sniff.ts";

export interface ImageOptions {
  /** Width and height to resize to. */
  size?: [number, number];
  /** What to take of a DICOM file; other pictures have none of it. */
  dicom?: DicomOptions;
}

/** In this thread; for bytes from outside use `decodePool`. Throws InvalidInput. */
export async function decodeImage(bytes: Uint8Array, options: ImageOptions = {}): Promise<Raster> {
  return (await openImage(bytes, options)).raster;
}

/** The same, with what the picture was before it was resized. Throws InvalidInput. */
export async function openImage(
  bytes: Uint8Array,
  { size, dicom }: ImageOptions = {},
): Promise<{ header: ImageHeader; raster: Raster }> {
  // Large ones of this kind are resized while they are read, and never held whole.
  if (sniffImage(bytes) === "png") return await decodePng(bytes, size);
  const whole = await decodeWhole(bytes, dicom);
  const { data: _, ...header } = whole;
  return { header, raster: size ? resize(whole, ...size) : whole };
}

/** Decodes to the end, and keeps only what the picture is. Throws InvalidInput. */
export async function checkImage(
  bytes: Uint8Array,
  { dicom }: Omit<ImageOptions, "size"> = {},
): Promise<ImageHeader> {
  if (sniffImage(bytes) === "png") return await checkPng(bytes);
  return (await openImage(bytes, { dicom })).header;
}

async function decodeWhole(bytes: Uint8Array, dicom?: DicomOptions): Promise<Raster> {
  switch (sniffImage(bytes)) {
    case "jpeg":
      return await decodeJpeg(bytes);
    case "pnm":
      return decodePnm(bytes);
    case "dicom":
      return await decodeDicom(bytes, dicom);
    default:
      throw new InvalidInput("Cannot decode the picture: it is not PNG, JPEG, PGM, PPM or DICOM");
  }
}
