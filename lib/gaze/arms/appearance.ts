/** Images that look alike to the network before it is pre-trained: what gaze has to know more than. */
import type { Arm } from "./arm.ts";

export const appearance: Arm = {
  title: "Similar appearance",
  about:
    "Images are positive whose features, by the network that training starts from, are most similar (cosine); " +
    "cut as gaze is, and needs none.",
  row: (method) => `${method}, similar appearance`,
  needs: "features",
  positives: ({ cut }) => cut(),
};
