/** The arms of an experiment. An arm is one file, and two lines here. */
import { appearance } from "./appearance.ts";
import type { Arm } from "./arm.ts";
import { gaze } from "./gaze.ts";
import { labels } from "./labels.ts";
import { none } from "./none.ts";
import { patient } from "./patient.ts";
import { self } from "./self.ts";
import { shuffled } from "./shuffled.ts";

const registry = {
  none,
  self,
  shuffled,
  gaze,
  patient,
  appearance,
  labels,
};

export type ArmName = keyof typeof registry;

export const arms: Record<ArmName, Arm> = registry;
