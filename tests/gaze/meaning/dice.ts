/** Random choices by a seed, the same on every run. */
import { uniform } from "@/lib/random.ts";

export class Dice {
  #throws = 0;

  constructor(readonly seed: number) {}

  /** 0 <= number < 1 */
  next(): number {
    return uniform(this.seed, this.#throws++);
  }

  chance(share: number): boolean {
    return this.next() < share;
  }

  between(least: number, most: number): number {
    return least + this.next() * (most - least);
  }

  /** A whole number, both ends included. */
  whole(least: number, most: number): number {
    return Math.min(most, Math.floor(this.between(least, most + 1)));
  }

  pick<T>(from: readonly T[]): T {
    return from[this.whole(0, from.length - 1)];
  }

  /** In another order. */
  shuffled<T>(from: readonly T[]): T[] {
    const left = [...from];
    return Array.from(from, () => left.splice(this.whole(0, left.length - 1), 1)[0]);
  }
}
