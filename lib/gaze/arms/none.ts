/** The method as it was published. */
import { noPositives } from "../top_positives.ts";
import type { Arm } from "./arm.ts";

export const none: Arm = {
  title: "No gaze",
  about: "Only the two views of an image are positive: the method as it was published.",
  row: (method) => method,
  positives: ({ n }) => noPositives(n),
  baseline: true,
};
