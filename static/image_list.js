/**
 * The images of a data set, read once in a light form and narrowed here: filters answer at once, and the viewer goes
 * through the same images in the same order as the gallery.
 */
import { get } from "./api.js";
import { has, isUnlabelled, isWrong, labelOf, saidOf } from "./findings.js";

/**
 * @typedef {object} LightImage
 * @property {string} name
 * @property {string | null} label
 * @property {string[]} [labels] in a multi-label set
 * @property {string[]} [unknown]
 * @property {string | null} patient
 * @property {"train" | "validation" | "test" | null} split
 * @property {8 | 16} bits
 * @property {{reader: string, fixations: number}[]} readers
 * @property {string[]} maps readers of ready-made maps
 * @property {Score & {times: number, of: number}} [score] of the evaluations that are looked at: the first that is meant,
 *   how many are, and how many tested the image
 */
/**
 * @typedef {{predicted: string, findings?: string[], probability: number, wrong: boolean, fold?: number}} Score
 *   `findings`: those that a multi-label classifier says are present
 */

const FIELDS = "fields=name,label,labels,unknown,patient,split,bits,readers,maps";
const PAGE = 1000;

/** The list that was read last. @type {{key: string, images: LightImage[]} | undefined} */
let kept;

/**
 * All images in the order of their names.
 * @param {{name: string, digest: string}} set
 * @param {(part: LightImage[]) => void} [onPart] hears of the first ones, where there are more to come
 * @returns {Promise<LightImage[]>}
 */
export async function imagesOf({ name, digest }, signal, onPart) {
  const key = `${name} ${digest}`;
  if (kept?.key === key) return kept.images;
  const images = [];
  let after = "";
  do {
    const page = await get(
      `/v1/datasets/${encodeURIComponent(name)}/images?limit=${PAGE}&${FIELDS}${after}`,
      signal,
    );
    images.push(...page.data);
    if (after === "" && page.has_more) onPart?.([...images]);
    after = page.has_more ? `&after=${encodeURIComponent(page.next)}` : "";
  } while (after !== "");
  kept = { key, images };
  return images;
}

/** By evaluation. @type {Map<string, Promise<[image: string, score: Score][]>>} */
const scores = new Map();

/**
 * What the classifiers of one or several evaluations said, by the images' names.
 * @param {string} evaluations ids with commas
 * @returns {Promise<Map<string, Score[]>>}
 */
export async function scoresOf(evaluations, signal) {
  const read = await Promise.all(evaluations.split(",").map((id) => scoresOfOne(id, signal)));
  const byImage = Map.groupBy(read.flat(), ([image]) => image);
  return new Map([...byImage].map(([image, own]) => [image, own.map(([, score]) => score)]));
}

function scoresOfOne(evaluation, signal) {
  if (!scores.has(evaluation)) {
    const read = get(`/v1/evaluations/${encodeURIComponent(evaluation)}/scores`, signal)
      .then(({ data }) => data.map((one) => [one.image, judged(one)]));
    read.catch(() => scores.delete(evaluation));
    scores.set(evaluation, read);
  }
  return scores.get(evaluation);
}

/** What a classifier said of an image, and of a multi-label one which findings. */
function judged(one) {
  const { labels, predicted, probabilities, fold } = one;
  const shared = { wrong: isWrong(one), fold };
  if (!labels) return { ...shared, predicted, probability: probabilities[predicted] };
  return {
    ...shared,
    predicted: saidOf({ label: null, labels: predicted }),
    findings: predicted,
    probability: Math.max(...Object.values(probabilities)),
  };
}

/** What the address can narrow a gallery by. */
export const FILTERS = [
  "label",
  "unlabelled",
  "split",
  "patient",
  "reader",
  "gaze",
  "q",
  "evaluation",
  "fold",
  "wrong",
  "truth",
  "predicted",
  "images",
];

/** The part of a query that says which images are meant, and in which order. */
export function listQuery(query) {
  return Object.fromEntries([...query].filter(([name]) => [...FILTERS, "sort"].includes(name)));
}

/** Whether anybody's gaze on the image is known, as fixations or as a ready-made map. */
export const hasGaze = ({ readers, maps }) => readers.length + maps.length > 0;

const fixations = ({ readers }) => readers.reduce((sum, one) => sum + one.fixations, 0);
const byText = new Intl.Collator("en", { numeric: true }).compare;

/** What a search looks into: made once, as every letter that is typed asks for it. @type {WeakMap<object, string>} */
const texts = new WeakMap();

function textOf(image) {
  let text = texts.get(image);
  if (text === undefined) {
    text = `${image.name} ${image.patient ?? ""} ${labelOf(image) ?? ""}`.toLowerCase();
    texts.set(image, text);
  }
  return text;
}

const isReadBy = ({ readers, maps }, reader) =>
  readers.some((one) => one.reader === reader) || maps.includes(reader);

/** Orders; what is equal stays in the order of names. */
const ORDERS = {
  name: (a, b) => byText(a.name, b.name),
  label: (a, b) => byText(labelOf(a) ?? "\uffff", labelOf(b) ?? "\uffff"),
  patient: (a, b) => byText(a.patient ?? "\uffff", b.patient ?? "\uffff"),
  fixations: (a, b) => fixations(b) - fixations(a),
  certain: (a, b) => certainty(b) - certainty(a),
};

/** The most certain mistakes come first, then the least certain right answers. */
function certainty({ score }) {
  if (!score) return -2;
  return score.wrong ? score.probability : score.probability - 1 - 2 * score.probability;
}

/**
 * @param {LightImage[]} images
 * @param {URLSearchParams} query
 * @param {Map<string, Score[]>} [said] of the evaluations in the query
 * @returns {LightImage[]}
 */
export function narrowed(images, query, said) {
  const asked = (name) => query.get(name) || undefined;
  const words = asked("q")?.toLowerCase().split(/\s+/).filter(Boolean) ?? [];
  const named = asked("images") === undefined
    ? undefined
    : new Set(asked("images").split(",").map(decodeURIComponent));
  const [label, split, patient, reader, gaze, fold, truth, predicted] = [
    "label",
    "split",
    "patient",
    "reader",
    "gaze",
    "fold",
    "truth",
    "predicted",
  ].map(asked);
  const scored = said !== undefined;
  const judged = scored && (query.has("wrong") || fold || truth || predicted);
  const found = images.flatMap((image) => {
    if (label !== undefined && !has(image, label)) return [];
    if (query.has("unlabelled") && !isUnlabelled(image)) return [];
    if (split !== undefined && image.split !== split) return [];
    if (patient !== undefined && image.patient !== patient) return [];
    if (reader !== undefined && !isReadBy(image, reader)) return [];
    if (gaze === "none" && hasGaze(image)) return [];
    if (gaze === "some" && !hasGaze(image)) return [];
    if (named && !named.has(image.name)) return [];
    if (words.length > 0) {
      const text = textOf(image);
      if (!words.every((word) => text.includes(word))) return [];
    }
    if (!scored) return [image];
    if (truth !== undefined && !has(image, truth)) return [];
    const own = said.get(image.name) ?? [];
    const meant = own.filter((score) =>
      (score.wrong || !query.has("wrong")) &&
      (fold === undefined || String(score.fold) === fold) &&
      (predicted === undefined ||
        has({ label: score.predicted, labels: score.findings }, predicted))
    );
    if (judged && meant.length === 0) return [];
    const score = meant[0] && { ...meant[0], times: meant.length, of: own.length };
    return [{ ...image, score }];
  });
  const order = ORDERS[query.get("sort")];
  return order ? found.toSorted(order) : found;
}
