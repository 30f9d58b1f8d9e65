/** What the network lately gave for some of the images, kept as training passes them: no run of its own. */
import { rowBank } from "@/gpu/ops/row_bank.ts";
import type { ParameterStore } from "@/gpu/parameters.ts";
import type { Tape } from "@/gpu/tape.ts";
import type { Built } from "@/lib/ssl/method.ts";
import { permutation, stream } from "@/lib/random.ts";

/** Images that are kept: enough for a gauge, and few enough that all their pairs are soon compared. */
const ROWS = 256;
const NOWHERE = 0xffffffff;
const FEATURES = "cache.features";
const EMBEDDINGS = "cache.embeddings";

/** The input of the tape that says where each view of a batch is kept: [2N] u32. */
export const CACHE_SLOTS = "cache.slots";

/** What was kept, row by row; zeros of a row where its image was not seen yet. */
export interface Cached {
  /** Image of each row: [R]. */
  images: Uint32Array;
  /** Of view 0: [R, F]. */
  features: Float32Array;
  /** Of view 0 and of view 1, each [R, D]. */
  embeddings: [Float32Array, Float32Array];
}

/** Lets every step keep its features and embeddings; a checkpoint holds them. */
export function appendEmbeddingCache(tape: Tape, built: Built, batch: number): void {
  const slots = tape.input(CACHE_SLOTS, [2 * batch], "u32");
  // Slots of view 1 lie behind the last row of features.
  rowBank(tape, built.features, slots, { name: FEATURES, rows: ROWS });
  let first = 0;
  for (const embeddings of built.embeddings) {
    rowBank(tape, embeddings, slots, { name: EMBEDDINGS, rows: 2 * ROWS, first });
    first += embeddings.shape[0];
  }
}

export class EmbeddingCache {
  /** Row to image: all images, or as many of them, drawn once, as there are rows. */
  private readonly images: Uint32Array;
  private readonly rows: Uint32Array;

  constructor(readonly store: ParameterStore, images: number, seed: number) {
    this.images = permutation(images, seed, stream("cache")).subarray(0, ROWS);
    this.rows = new Uint32Array(images).fill(NOWHERE);
    this.images.forEach((image, row) => this.rows[image] = row);
  }

  /** Where the views of a batch are kept: [2N]. */
  slotsOf(batch: ArrayLike<number>): Uint32Array<ArrayBuffer> {
    const N = batch.length;
    const slots = new Uint32Array(2 * N);
    for (let i = 0; i < N; i++) {
      const row = this.rows[batch[i]];
      slots[i] = row;
      slots[N + i] = row === NOWHERE ? NOWHERE : ROWS + row;
    }
    return slots;
  }

  async read(): Promise<Cached> {
    const { images, store } = this;
    const kept = await store.read(({ name }) => name === FEATURES || name === EMBEDDINGS);
    const part = (name: string, row: number) => {
      const { shape: [, width], data } = kept.get(name)!;
      return data.subarray(row * width, (row + images.length) * width);
    };
    return {
      images,
      features: part(FEATURES, 0),
      embeddings: [part(EMBEDDINGS, 0), part(EMBEDDINGS, ROWS)],
    };
  }
}
