/** Layouts of feature vectors in a thread of their own: thousands take seconds. */
import { InvalidInput } from "@/lib/errors.ts";
import { limits } from "@/lib/threads/limits.ts";
import { ThreadPool } from "@/lib/threads/pool.ts";
import type { Projection, ProjectionMethod } from "./projection.ts";

export interface ProjectionRequest {
  /** [n][F], at least three. */
  vectors: Float32Array<ArrayBuffer>[];
  method: ProjectionMethod;
  seed: number;
}

const pool = new ThreadPool(import.meta.resolve("./projection_worker.ts"), limits.projection);

/** Throws InvalidInput for fewer than three vectors, Overloaded while others are laid out. */
export async function projectVectors(request: ProjectionRequest): Promise<Projection> {
  const { vectors } = request;
  if (vectors.length < 3) throw new InvalidInput("Cannot lay out fewer than three pictures");
  // The vectors as sent, and as numbers of 8 bytes.
  return await pool.run<Projection>(request, {
    memory: 12 * vectors.length * vectors[0].length,
    size: vectors.length / 1000,
  });
}
