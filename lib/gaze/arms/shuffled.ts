/** As many pairs as by gaze, without what gaze tells. */
import { permutation, stream } from "@/lib/random.ts";
import type { Arm } from "./arm.ts";

export const shuffled: Arm = {
  title: "Shuffled gaze",
  about: "As gaze, with the gaze of another image each: as many pairs, without the information.",
  row: (method) => `${method}, shuffled gaze`,
  needs: "similarity",
  // A shuffled reader looks at image i, and is taken to have looked at image place[i].
  positives: ({ n, seed, cut }) => cut(permutation(n, seed, stream("shuffled"))),
  control: {
    of: "gaze",
    shows:
      "Shuffled gaze pairs as many images without any information: what gaze gains over it is " +
      "gained by its information.",
  },
};
