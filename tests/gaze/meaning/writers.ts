/** A writer for every format. */
import { eyelink_dataviewer, mcgip, miceye, plain, remodnav } from "./plain_writers.ts";
import { eyetribe, i2mc, imotions, smiEvents, webgazer } from "./more_writers.ts";
import { gazepoint, pupil_core, pupil_neon, reflacx } from "./surface_writers.ts";
import { tobii_prolab } from "./tobii_writer.ts";
import { bids, eyelink_asc, smi_begaze, tobii_sdk } from "./tracker_writers.ts";
import type { Writer } from "./written.ts";

export const writers: Record<string, Writer> = {
  bids,
  eyelink_asc,
  eyelink_dataviewer,
  eyetribe,
  gazepoint,
  i2mc,
  imotions,
  mcgip,
  miceye,
  plain,
  pupil_core,
  pupil_neon,
  reflacx,
  remodnav,
  smi_begaze: (scene, dice) => (dice.chance(0.6) ? smi_begaze : smiEvents)(scene, dice),
  tobii_prolab,
  tobii_sdk,
  webgazer,
};
