/** Pictures on their way into the store: decoded once to the end, so that only good ones are kept. */
import { createHash } from "node:crypto";
import { InvalidInput } from "@/lib/errors.ts";
import { decodePool, type ImageHeader } from "@/lib/images/decode_pool.ts";
import { sniffImage } from "@/lib/images/sniff.ts";
import type { ImageFormat } from "@/lib/images/sniff.ts";
import type { ViewOptions } from "@/lib/images/view.ts";
import type { Files } from "@/lib/store/files.ts";
import { Gate } from "@/lib/turns.ts";

/**
 * Of pictures that come one by one a few at a time are stored. As long as many small steps are ready the runtime looks
 * at its sockets in every sixty-first turn only: beside eight clients a read waited 10 ms at the median, and now 3.
 */
export const storing = new Gate(2);

export interface StoredPicture extends Omit<ImageHeader, "notes"> {
  file: string;
  bytes: number;
  format: ImageFormat;
}

export interface StoreOptions {
  /** What of a DICOM file is taken; other pictures are stored as they are. */
  view?: ViewOptions;
}

/**
 * Checks a picture (its buffer is used up, see `DecodePool.check`) and puts it into the files (which then pin it, see `Files.put`). Of DICOM only
 * the pixels are kept, as PNG, of PNG and JPEG the pixels as they are compressed; `notes` say what was left out. Without `files` nothing is stored. Throws
 * InvalidInput, also for a view of another kind of picture.
 */
export async function storePicture(
  bytes: Uint8Array<ArrayBuffer>,
  files?: Files,
  { view }: StoreOptions = {},
): Promise<{ picture: StoredPicture; notes: string[] }> {
  const format = sniffImage(bytes);
  if (!format) {
    throw new InvalidInput("Cannot decode the picture: it is not PNG, JPEG, PGM, PPM or DICOM");
  }
  if (format !== "dicom" && (view?.frame || view?.window || view?.fullRange)) {
    throw new InvalidInput(
      `Cannot use a frame, a window or the full range: they are for DICOM files, this is ${format}`,
    );
  }
  let header: ImageHeader;
  let kept = bytes;
  if (format === "dicom") ({ header, png: kept } = await decodePool.toPng(bytes, { view }));
  else ({ header, bytes: kept } = await decodePool.check(bytes));
  const { sha256, bytes: size } = files
    ? await storing.pass(() => files.put(kept))
    : { sha256: createHash("sha256").update(kept).digest("hex"), bytes: kept.length };
  const { notes = [], ...shape } = header;
  return { picture: { ...shape, file: sha256, bytes: size, format }, notes };
}
