/** Reads labels for a data set that exists; large files in a thread, so that the caller's thread goes on answering. */
import { limits } from "@/lib/threads/limits.ts";
import { ThreadPool } from "@/lib/threads/pool.ts";
import { ImageNames } from "./image_names.ts";
import { readKnownLabels } from "./labels.ts";

export interface LabelsRequest {
  bytes: Uint8Array<ArrayBuffer>;
  file: string;
  /** Names of the data set's images. */
  images: string[];
  /** By which some were hashed. */
  secret: Uint8Array;
  /** The findings of a multi-label set. */
  classes?: string[];
}

const pool = new ThreadPool(import.meta.resolve("./labels_worker.ts"), limits.labels);

/** Smaller files take less time than a thread takes to start. */
const SMALL = 2 ** 18;
export const isSmall = (bytes: Uint8Array) => bytes.length <= SMALL;

/** As `readKnownLabels`; throws InvalidInput, Overloaded. The bytes of a large file are gone afterwards. */
export async function readLabelsFile(
  request: LabelsRequest,
): Promise<ReturnType<typeof readKnownLabels>> {
  const { bytes } = request;
  if (isSmall(bytes)) return readLabelsOf(request);
  // The file, its text, and what of it becomes labels.
  return await pool.run(request, {
    memory: 4 * bytes.length,
    size: bytes.length / 1e6,
    transfer: [bytes.buffer],
  });
}

export function readLabelsOf({ bytes, file, images, secret, classes }: LabelsRequest) {
  const names = new ImageNames(images.map((name) => ({ name })), { keyed: { secret } });
  return readKnownLabels(bytes, file, (image) => names.findInFolder(image), { classes });
}
