/** McGIP: images that were looked at alike. */
import type { Arm } from "./arm.ts";

export const gaze: Arm = {
  title: "Gaze",
  about: "Images whose gaze is similar are positive (McGIP); needs a similarity.",
  row: (method) => `McGIP + ${method}`,
  needs: "similarity",
  positives: ({ cut }) => cut(),
};
