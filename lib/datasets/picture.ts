/** Pictures on their way into the store: decoded once to the end, so that only good ones are kept. */
import { createHash } from "node:crypto";
import { InvalidInput } from "@/lib/errors.ts";
import { decodePool, type ImageHeader } from "@/lib/images/decode_pool.ts";
import { sniffImage } from "@/lib/images/sniff.ts";
import type { ImageFormat } from "@/lib/images/sniff.ts";
import type { Files } from "@/lib/store/files.ts";

export interface StoredPicture extends ImageHeader {
  file: string;
  bytes: number;
  format: ImageFormat;
}

/**
 * Checks a picture (its buffer is used up, see `DecodePool.check`) and puts it into the files (which then pin it, see `Files.put`). Of DICOM only
 * the pixels are kept, as PNG. Without `files` nothing is stored. Throws InvalidInput.
 */
export async function storePicture(
  bytes: Uint8Array<ArrayBuffer>,
  files?: Files,
): Promise<StoredPicture> {
  const format = sniffImage(bytes);
  if (!format) {
    throw new InvalidInput("Cannot decode the picture: it is not PNG, JPEG, PGM, PPM or DICOM");
  }
  let header: ImageHeader;
  let kept = bytes;
  if (format === "dicom") ({ header, png: kept } = await decodePool.toPng(bytes));
  else ({ header, bytes: kept } = await decodePool.check(bytes));
  const { sha256, bytes: size } = files
    ? await files.put(kept)
    : { sha256: createHash("sha256").update(kept).digest("hex"), bytes: kept.length };
  return { ...header, file: sha256, bytes: size, format };
}
