/** What is said of images and classifiers of a multi-label set, beside those of one label an image. */

/** What an image shows, in words; null where nothing is known. */
export function labelOf({ label, labels, unknown = [] }) {
  if (!labels) return label;
  if (labels.length > 0) return labels.join(", ");
  return unknown.length > 0 ? null : "no finding";
}

/** What a prediction says, in words. */
export function saidOf({ label, labels }) {
  return label ?? (labels?.length > 0 ? labels.join(", ") : "no finding");
}

/** The largest probability behind it. */
export function sureOf({ label, probabilities }) {
  return label === null ? Math.max(...Object.values(probabilities)) : probabilities[label];
}

/** The AUC of an evaluation that is told first: of a multi-label one the macro average. */
export const aucOf = ({ m_auc, auc_macro_one_vs_rest, macro }) =>
  (macro ? macro.auc : m_auc ?? auc_macro_one_vs_rest) ?? null;

export const accuracyOf = ({ accuracy, macro }) => (macro ? macro.accuracy : accuracy) ?? null;

/** The names that a set's images can be looked for by. */
export const namesIn = ({ labels, findings }) => Object.keys(findings ?? labels);

/** Images that have each of them. */
export const countsIn = ({ labels, findings }) =>
  findings
    ? Object.entries(findings).map(([name, { present }]) => [name, present])
    : Object.entries(labels);

/** What images are compared by, as in audits: all findings, where all are known. */
export function comparedOf({ label, labels, unknown = [] }) {
  if (!labels) return label;
  if (unknown.length > 0) return null;
  return labels.length > 0 ? labels.map(compared).join(" + ") : "no finding";
}

/** As the server's `comparedLabel` has it: in quotes where it could be read as another list. */
const compared = (name) => /[+"]/.test(name) || name === "no finding" ? JSON.stringify(name) : name;

/** Whether an image has it, or is known to lack it, by a name such as `no edema`. */
export function has({ label, labels, unknown = [] }, name) {
  if (!labels) return label === name;
  if (labels.includes(name)) return true;
  const lacked = name.startsWith("no ") ? name.slice(3) : undefined;
  return lacked !== undefined && !labels.includes(lacked) && !unknown.includes(lacked);
}

/** Whether a classifier was wrong about an image: of several findings, about one that is known. */
export function isWrong({ label, labels, unknown, predicted }) {
  if (!labels) return predicted !== label;
  const told = predicted.filter((name) => !unknown.includes(name));
  return told.length !== labels.length || told.some((name) => !labels.includes(name));
}

/** Whether no class of an image is known, or of a multi-label set not every finding. */
export const isUnlabelled = ({ label, labels, unknown = [] }) =>
  labels ? unknown.length > 0 : label === null;
