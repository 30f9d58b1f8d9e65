/** An order of an epoch in which positive pairs meet: a pair counts only when both are in one batch. */
import { stream, uniform } from "@/lib/random.ts";

export interface Packing {
  /** Images positive with one, itself left out. */
  partnersOf(image: number): ArrayLike<number>;
  /** Partners that each image brings into its batch at most. */
  most: number;
  batch: number;
  seed: number;
  epoch: number;
}

/**
 * Takes the images in `order`; each brings some of its partners that were not taken yet, drawn afresh every
 * epoch, as long as its batch has room. Every image stays in the epoch once.
 */
export function packed(
  order: Uint32Array<ArrayBuffer>,
  options: Packing,
): Uint32Array<ArrayBuffer> {
  const { partnersOf, most, batch, seed, epoch } = options;
  const result = new Uint32Array(order.length);
  const taken = new Uint8Array(order.length);
  let at = 0;
  const take = (image: number) => {
    taken[image] = 1;
    result[at++] = image;
  };
  for (const image of order) {
    if (taken[image]) continue;
    take(image);
    const room = Math.min(most, (batch - at % batch) % batch);
    if (room === 0) continue;
    Array.from(partnersOf(image)).filter((partner) => !taken[partner])
      .map((partner) => ({ partner, draw: uniform(seed, PACKING, epoch, image, partner) }))
      .sort((a, b) => a.draw - b.draw || a.partner - b.partner)
      .slice(0, room)
      .forEach(({ partner }) => take(partner));
  }
  return result;
}

const PACKING = stream("packing");
