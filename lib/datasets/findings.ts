/** Tables with a row for each finding (CBIS-DDSM, VinDr-CXR): one class for each image. */

/** An image with its class so far. */
interface Labelled {
  image: string;
  label?: string | null;
}

/** From the least to the worst. */
const severity = ["normal", "benign_without_callback", "benign", "malignant"];

export const NO_FINDING = /^(no[ _-]?findings?|normal|none|no[ _-]?abnormality|healthy|negative)$/i;

/** The worst of several; undefined where they are no degrees of one scale. */
export function worstOf(classes: Iterable<string>): string | undefined {
  let worst: string | undefined;
  for (const name of classes) {
    const degree = severity.indexOf(name.toLowerCase());
    if (degree < 0) return undefined;
    if (worst === undefined || degree > severity.indexOf(worst.toLowerCase())) worst = name;
  }
  return worst;
}

/**
 * Gives every image one class, where some have rows of several: the worst of a scale; otherwise "finding" or
 * "No finding", for all images alike.
 * @param findings the classes of each image that has several
 * @returns what was done, for a warning
 */
export function classOfFindings(labels: Labelled[], findings: Map<string, Set<string>>): string {
  const [[example, classes]] = findings;
  const several = `${findings.size} ${findings.size === 1 ? "image has" : "images have"} rows of ` +
    `several classes ("${example}": ${[...classes].slice(0, 4).join(", ")})`;
  const all = new Set([...findings.values()].flatMap((names) => [...names]));
  if (worstOf(all) !== undefined) {
    for (const label of labels) {
      const names = findings.get(label.image);
      if (names) label.label = worstOf(names)!;
    }
    return `${several}: the worst counts`;
  }
  for (const label of labels) {
    if (!label.label) continue;
    const names = findings.get(label.image) ?? [label.label];
    label.label = [...names].every((name) => NO_FINDING.test(name)) ? "No finding" : "finding";
  }
  return `${several}: the classes became "finding", where a row names one, and "No finding"`;
}
