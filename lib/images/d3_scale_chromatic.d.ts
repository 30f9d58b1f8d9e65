/** The part of d3-scale-chromatic that is used. */

/** The colour "#rrggbb" of a number between 0 and 1. */
export function interpolateInferno(value: number): string;
