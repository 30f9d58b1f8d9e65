/** Reads gaze files; large ones in a thread of their own, so that the caller's thread goes on answering. */
import { ImageNames } from "./image_names.ts";
import { InvalidInput, type Problem } from "@/lib/errors.ts";
import type { GazeOptions, ParsedGaze } from "@/lib/gaze/formats/format.ts";
import { parseGaze } from "@/lib/gaze/formats/mod.ts";

/** What can be sent to a thread. */
export type GazeFileOptions = Omit<GazeOptions, "imageSize" | "beside">;

export interface GazeRequest {
  bytes: Uint8Array<ArrayBuffer>;
  options: GazeFileOptions;
  images: { name: string; width: number; height: number }[];
}

export type GazeReply =
  | { parsed: ParsedGaze }
  | { refused: { message: string; problems: Problem[] } }
  | { failed: string };

/** Smaller files take less time than a thread takes to start. */
const SMALL = 2 ** 18;

/** Throws InvalidInput as `parseGaze`. The bytes of a large file are gone afterwards. */
export async function readGazeFile(request: GazeRequest): Promise<ParsedGaze> {
  const { bytes, options, images } = request;
  // A small file may unzip to a large one: gzip, and workbooks of Excel.
  const zipped = (bytes[0] === 0x1f && bytes[1] === 0x8b) ||
    (bytes[0] === 0x50 && bytes[1] === 0x4b);
  if (bytes.length <= SMALL && !zipped) return await parseGazeOf({ bytes, options, images });
  const worker = new Worker(import.meta.resolve("./gaze_worker.ts"), { type: "module" });
  try {
    return await new Promise<ParsedGaze>((resolve, reject) => {
      worker.onmessage = ({ data: reply }: MessageEvent<GazeReply>) => {
        if ("parsed" in reply) resolve(reply.parsed);
        else if ("refused" in reply) {
          reject(new InvalidInput(reply.refused.message, reply.refused.problems));
        } else reject(new Error(reply.failed));
      };
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(`Cannot read ${options.file}: ${event.message}`));
      };
      worker.postMessage(request, [bytes.buffer]);
    });
  } finally {
    worker.terminate();
  }
}

/** As `parseGaze`, with the images of a data set. */
export function parseGazeOf({ bytes, options, images }: GazeRequest): Promise<ParsedGaze> {
  const names = new ImageNames(images);
  return parseGaze(bytes, { ...options, imageSize: (name) => names.find(name) });
}
