/** Fixation filters: samples become fixations. A filter is one file, and one entry here. */
import { z } from "zod";
import type { Fixation } from "../gaze.ts";
import { fixedDistance, fixedDistanceSpec } from "./fixed_distance.ts";
import { idt, idtSpec } from "./idt.ts";
import { ivt, ivtSpec } from "./ivt.ts";
import { oneEye } from "./one_eye.ts";
import type { Track } from "./track.ts";

/** A filter and those of its parameters that differ from the defaults: `{kind: "ivt", velocity_deg_s: 100}`. */
export const filterSpec = z.discriminatedUnion("kind", [ivtSpec, idtSpec, fixedDistanceSpec]);
export type FilterSpec = z.input<typeof filterSpec>;
/** With every default filled in. */
export type Filter = z.output<typeof filterSpec>;

/** What a filter has to know of the recording. */
export interface Scale {
  /** Image pixels per degree of visual angle. */
  px_per_degree: number;
  /** Of the image, px. */
  width?: number;
}

export function fixationsOf(track: Track, filter: Filter, scale: Scale): Fixation[] {
  switch (filter.kind) {
    case "ivt":
      return ivt(track, filter, scale.px_per_degree).fixations;
    case "idt":
      return idt(oneEye(track, fillOf(filter)), filter, scale.px_per_degree);
    case "fixed_distance":
      return fixedDistance(oneEye(track, fillOf(filter)), filter, scale.width);
  }
}

/** Gaps of one eye up to this long are filled before both are averaged, s. */
export function fillOf(filter: Filter): number {
  switch (filter.kind) {
    case "ivt":
      return filter.fill_s;
    case "idt":
      return filter.gap_s;
    case "fixed_distance":
      return 0.075;
  }
}

/** What the filter assumes, in words. */
export function describe(filter: Filter): string {
  switch (filter.kind) {
    case "ivt":
      return `fixations by I-VT: ${filter.velocity_deg_s} deg/s over ${
        ms(filter.window_s)
      }, gaps filled to ` +
        `${ms(filter.fill_s)}, merged within ${ms(filter.merge_s)} and ${filter.merge_deg} deg, ` +
        `at least ${ms(filter.minimum_s)}`;
    case "idt": {
      const size = filter.dispersion_px
        ? `${filter.dispersion_px} px`
        : `${filter.dispersion_deg} deg`;
      return `fixations by I-DT: ${size}, at least ${ms(filter.minimum_s)}`;
    }
    case "fixed_distance":
      return `fixations by fixed distance: ${filter.distance_px} px of 800` +
        (filter.parity ? ", as published" : "");
  }
}

function ms(seconds: number): string {
  return `${Math.round(seconds * 1e6) / 1e3} ms`;
}
