/** Draws gaze pictures in a thread of their own. */
import { footprintOf } from "@/lib/images/footprint.ts";
import { limits } from "@/lib/threads/limits.ts";
import { ThreadPool } from "@/lib/threads/pool.ts";
import type { GazePictureRequest } from "./gaze_picture.ts";

const pool = new ThreadPool(import.meta.resolve("./gaze_picture_worker.ts"), limits.drawing);

/** The PNG; throws InvalidInput for a file that does not decode, Overloaded when too many wait. */
export async function drawGaze(request: GazePictureRequest): Promise<Uint8Array<ArrayBuffer>> {
  const files = [request.bytes, ...request.maps].map((bytes) => footprintOf(bytes));
  const sum = (of: "memory" | "megapixels") => files.reduce((all, file) => all + file[of], 0);
  // The picture in colour, its rows as PNG, and these compressed.
  const drawn = 9 * request.most ** 2;
  return await pool.run<Uint8Array<ArrayBuffer>>(request, {
    memory: sum("memory") + drawn,
    size: sum("megapixels"),
  });
}
