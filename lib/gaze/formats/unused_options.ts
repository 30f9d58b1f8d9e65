/** Options that were given and had no effect: said, so that nobody trusts them. */
import type { GazeOptions } from "./format.ts";

/** Why an option may go unused. */
const WHY = {
  screen: "the file's positions are not of the screen, and no angle was needed",
  viewing_distance_mm: "no angle was needed, or `screen` has no `width_mm`",
  coordinates: "only plain tables leave that open",
  shown_height_px: "only MicEye's logs of version 1 leave that open",
  filter: "the file holds fixations, and these are kept",
  eye: "the file does not tell the eyes apart",
  image_pattern: "no message of an EyeLink or SMI file fits it",
  image: "the file names its images itself",
  reader: "the file names its readers itself",
} satisfies Partial<Record<keyof GazeOptions, string>>;

export function unusedOptions(options: GazeOptions, used: Set<string>): string[] {
  const names = Object.keys(WHY) as (keyof typeof WHY)[];
  const unused = names
    .filter((name) => options[name] !== undefined && !used.has(name))
    // One position of an unknown eye is the average, as far as anybody can tell.
    .filter((name) => name !== "eye" || options.eye !== "average")
    .map((name) => `the option \`${name}\` was not used: ${WHY[name]}`);
  const roles = Object.keys(options.columns ?? {}).filter((role) => !used.has(`columns.${role}`));
  return roles.length === 0 ? unused : [
    ...unused,
    `\`columns\`: ${roles.join(", ")} not used, this format has headers of its own`,
  ];
}
