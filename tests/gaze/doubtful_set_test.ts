import assert from "node:assert/strict";
import { doubtsOf, type PlacedGaze } from "@/lib/gaze/doubtful_set.ts";

/** Gaze on `images` pictures of 100 x 200 px, ten fixations each: over this share of the width and height. */
const set = (
  { images = 6, from = [0, 0], to = [1, 1], duration = 0.25, filter = null }: {
    images?: number;
    from?: number[];
    to?: number[];
    duration?: number;
    filter?: string | null;
  },
): PlacedGaze[] =>
  Array.from({ length: images }, (_, i) => ({
    image: `im${i}`,
    size: { width: 100, height: 200 },
    filter,
    fixations: Array.from({ length: 10 }, (_, k) => ({
      x: 100 * (from[0] + (to[0] - from[0]) * (k + 0.5) / 10),
      y: 200 * (from[1] + (to[1] - from[1]) * (k + 0.5) / 10),
      start: k,
      duration,
    })),
  }));

Deno.test("gaze of many images in one quarter of each is told, with the quarter", () => {
  assert.match(doubtsOf(set({ to: [0.5, 0.5] }))[0], /only the upper left quarter of all 6 images/);
  assert.match(doubtsOf(set({ from: [0.5, 0.5] }))[0], /lower right/);
  assert.deepEqual(doubtsOf(set({})), []);
  assert.deepEqual(doubtsOf(set({ to: [0.5, 1] })), [], "one half is no quarter");
  assert.deepEqual(doubtsOf(set({ to: [0.5, 0.5], images: 4 })), [], "of few images it may be so");
  assert.deepEqual(doubtsOf([]), []);
});

Deno.test("durations that no fixations have are told, where the file held them", () => {
  assert.match(doubtsOf(set({ duration: 2 }))[0], /last more than 2.0 s/);
  assert.match(doubtsOf(set({ duration: 0.02 }))[0], /last less than 0.020 s/);
  assert.deepEqual(doubtsOf(set({ duration: 2, filter: "ivt" })), []);
  assert.deepEqual(doubtsOf(set({ duration: 0.04 })), []);
  assert.deepEqual(doubtsOf(set({ duration: 300 })), [], "each recording is told of by itself");
});
