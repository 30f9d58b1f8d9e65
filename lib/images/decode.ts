/** Decodes any picture that the server reads. */
import { InvalidInput } from "@/lib/errors.ts";
import { decodeDicom } from "./dicom.ts";
import { decodeJpeg } from "./jpeg.ts";
import { decodePng } from "./png.ts";
import { decodePnm } from "./pnm.ts";
import type { Raster } from "./raster.ts";
import { sniffImage } from "./sniff.ts";

/** In this thread; for bytes from outside use `decodePool`. Throws InvalidInput. */
export async function decodeImage(bytes: Uint8Array): Promise<Raster> {
  switch (sniffImage(bytes)) {
    case "png":
      return decodePng(bytes);
    case "jpeg":
      return await decodeJpeg(bytes);
    case "pnm":
      return decodePnm(bytes);
    case "dicom":
      return await decodeDicom(bytes);
    default:
      throw new InvalidInput("Cannot decode the picture: it is not PNG, JPEG, PGM, PPM or DICOM");
  }
}
