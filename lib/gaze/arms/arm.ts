/** What an arm of an experiment is: which pairs of images count as positive, and what it is to be compared with. */
import type { Described } from "@/lib/choice.ts";
import type { Positives } from "../positives.ts";

/** What positives are made from, all of one list of images. */
export interface PairSource {
  /** Images. */
  n: number;
  /** Of draws. */
  seed: number;
  /** Class of every image, null where unknown: [n]. */
  labels: (string | null)[];
  /** Patient of every image, null where unknown: [n]. */
  patients: (string | null)[];
  /**
   * Pairs of images above the cut of a similarity; there for an arm that needs one, or features to make one from.
   * @param place the image whose gaze image i is taken to have, [n]; without it each has its own
   */
  cut(place?: Uint32Array): Positives;
}

export interface Arm extends Described {
  /** Its row in a study's table, for a method of this name. */
  row(method: string): string;
  /**
   * What its pairs are made from, besides the images themselves: a stored similarity of gaze, classes, patients, or
   * feature vectors by the network that training starts from.
   */
  needs?: "similarity" | "labels" | "patients" | "features";
  /** The positive pairs; an image is always positive with itself. */
  positives(source: PairSource): Positives;
  /** Keys of an image itself are positive too, where a method keeps keys of earlier batches. */
  ownKeys?: boolean;
  /** The arm that the others of a study are compared with. */
  baseline?: boolean;
  /** Of an arm that has the same pairs but for one thing: which arm it is a control of, and what that shows. */
  control?: { of: string; shows: string };
}

/** Whether an arm's pairs are those above a cut. */
export function isCut({ needs }: Pick<Arm, "needs">): boolean {
  return needs === "similarity" || needs === "features";
}
