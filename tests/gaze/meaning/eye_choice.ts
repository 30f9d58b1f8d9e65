/** Which eye a reader of the file asks for, and what must come of it. */
import type { Dice } from "./dice.ts";
import type { SceneTrial } from "./scene.ts";
import { type Expected, meanSamples } from "./written.ts";

/** Which eye is asked for, and what comes of it. */
export function eyeOf(dice: Dice) {
  const eye = dice.pick([undefined, "average", "left", "right"] as const);
  const samples = (trial: SceneTrial): Expected["samples"] =>
    eye === "left" || eye === "right"
      ? trial.samples.map((sample) => ({ t: sample.t, point: sample[eye] }))
      : meanSamples(trial);
  return { eye, samples };
}
