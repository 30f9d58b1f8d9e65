/** An image's earlier keys, which only a queue holds. */
import { noPositives } from "../top_positives.ts";
import type { Arm } from "./arm.ts";

export const self: Arm = {
  title: "Own keys",
  about: "An image's earlier keys in the queue are positive too; the same as none without a queue.",
  row: (method) => `${method}, own keys only`,
  positives: ({ n }) => noPositives(n),
  ownKeys: true,
};
