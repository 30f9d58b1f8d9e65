/** Whether the images that a classifier is tested on can tell anything about it. */

/** Fewer patients than these give intervals as wide as the scale. */
const FEW_PATIENTS = 10;

/**
 * In words, what speaks against figures on this part.
 * @param labels class of each image
 */
export function testPartWarnings(
  images: { patient: string | null; name: string }[],
  labels: number[],
  classes: string[],
): string[] {
  const warnings: string[] = [];
  const n = images.length;
  const counts = classes.map((_, c) => labels.filter((label) => label === c).length);
  const lacking = classes.filter((_, c) => counts[c] === 0);
  const single = classes.filter((_, c) => counts[c] === 1);
  if (lacking.length > 0) {
    warnings.push(
      `the tested part of ${n} images has none of class ${quoted(lacking)}: ` +
        "its figures say nothing of how the classes are told apart",
    );
  }
  if (single.length > 0) {
    warnings.push(`the tested part of ${n} images has one image alone of class ${quoted(single)}`);
  }
  const patients = new Set(
    images.map(({ patient, name }) => patient === null ? `image ${name}` : `patient ${patient}`),
  ).size;
  if (patients < FEW_PATIENTS) {
    warnings.push(
      `the tested part holds ${patients} patients (images without a patient count as one each): ` +
        `of fewer than ${FEW_PATIENTS} no figure is to be relied on`,
    );
  }
  return warnings;
}

const quoted = (names: string[]) => names.map((name) => JSON.stringify(name)).join(", ");
