/** What the set and the model already know of a picture that is tried: then an answer is no test. */

/** From this cosine of features on, a network sees the same picture. */
const SAME = 0.99999;
const PARTS = {
  train: "the classifier was trained on it: that it is right here says nothing of other pictures",
  validation: "the classifier's training was stopped by it: its answer here is no test",
  test: "it is in the classifier's test part",
};

/**
 * The image of the set that a picture is.
 * @param {string | undefined} image its name, where it is one of the set
 * @param {{image: string, similarity: number}[]} nearest
 */
export function sameInSet(image, nearest) {
  return image ?? nearest.find(({ similarity }) => similarity >= SAME)?.image;
}

/**
 * @param {{image: string, dropped: boolean, label: string | null, split?: Record<string, string[]>}} known `split`: names
 *   of the images that the model was made with, where it is of this set
 * @returns {string} a sentence; "" where there is nothing to say
 */
export function knownWords({ image, dropped, label, split = {} }) {
  const part = Object.keys(PARTS).find((one) => split[one]?.includes(image));
  const told = [label !== null && `its label is ${label}`, part && PARTS[part]].filter(Boolean);
  if (dropped) {
    return [`To the network this is the same as ${image} of the set`, ...told].join("; ") + ".";
  }
  return told.length > 0 ? `${image} is of the set: ${told.join("; ")}.` : "";
}
