/** Which network a file of weights holds. */
import { InvalidInput } from "@/lib/errors.ts";
import type { Detected, Weights } from "./backbone_spec.ts";
import { families } from "./specs.ts";

/**
 * The network in a file from elsewhere, without wrappers, heads and copies around it.
 * @param prefix what stands in front of the wanted network's names; needed where there are several
 * @param named the backbone as the file itself calls it, where it does
 * @throws {InvalidInput} when there is none that can be run, or several and none is named
 */
export function detect(weights: Weights, prefix?: string, named?: string): Detected {
  for (const family of families) {
    const found = family.detect?.(weights, prefix, named);
    if (found) {
      refuseNumbers(found.network);
      return found;
    }
  }
  const known = families.filter((family) => family.detect);
  throw new InvalidInput(
    `Cannot use these weights: ${
      known.map(({ title, signature }) => `no ${title} is in them (${signature})`).join(", ")
    }`,
  );
}

/** Whole numbers are a quantised network's, and a variance below 0 is nobody's. */
function refuseNumbers(network: Weights): void {
  for (const [name, { data, integer }] of network) {
    if (integer) {
      throw new InvalidInput(
        `Cannot use these weights: "${name}" holds whole numbers; floating-point weights are needed`,
      );
    }
    const at = name.endsWith(".running_var") ? data.findIndex((value) => value < 0) : -1;
    if (at >= 0) {
      throw new InvalidInput(
        `Cannot use these weights: element ${at} of "${name}" is ${
          data[at]
        }, and a variance is never below 0`,
      );
    }
  }
}
