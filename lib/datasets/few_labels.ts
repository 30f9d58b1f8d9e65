/**
 * Few labels: which of the training images a classifier is told the label of. Whole patients are drawn, each class in
 * its share, from the seed alone; of two budgets with one seed the smaller one's patients are mostly among the larger's.
 */
import { InvalidInput } from "@/lib/errors.ts";
import { iterativeDeal } from "./iterative_stratification.ts";
import { draw, type Group, groupsOf, type Split, type SplitImage, strata } from "./splits.ts";

export interface LabelBudget {
  /** A number of images from 2, met exactly; or a share of the training part under 1, met as nearly as patients allow. */
  labels: number;
  seed: number;
  /** Number of the drawing, from 0. */
  repeat: number;
}

/**
 * The split with its training part cut down to those drawn; validation and test stay whole.
 * @param images that the split counts, all with a label
 * @throws {InvalidInput} when there is no such drawing, with what there is
 */
export function withFewLabels(
  images: SplitImage[],
  split: Split,
  { labels, seed, repeat }: LabelBudget,
): Split {
  const available = split.train.length;
  const wanted = labels < 1 ? Math.round(labels * available) : labels;
  const problem = (found: string) =>
    new InvalidInput(
      `Cannot draw ${
        labels < 1 ? `${wanted} (a share of ${labels})` : labels
      } labelled images: ${found}`,
      [{ pointer: "/labels", message: found }],
    );
  if (wanted > available) throw problem(`the training part has ${available}`);
  if (split.train.some((i) => images[i].findings)) {
    const train = withFewFindings(images, split.train, { wanted, seed, repeat });
    const short = labels < 1 ? train.length < 1 : train.length !== wanted;
    if (!short) return { ...split, train };
    throw problem(
      `patients are drawn whole, which gives ${train.length}; ask for another number, or for a share`,
    );
  }
  const levels = strata(images, split.train, draw(seed, "labels", repeat));
  if (wanted < levels.length) {
    throw problem(
      `its ${available} training images are of ${levels.length} classes, one each is the least`,
    );
  }
  const sizes = levels.map((groups) => groups.reduce((sum, group) => sum + group.images.length, 0));
  const targets = apportioned(wanted, sizes);
  const drawn = levels.map((groups, level) => taken(groups, targets[level]));
  // Where two classes lack a part of a patient each, one of them can have a whole one.
  const lacking = (level: number) => wanted * sizes[level] / available - drawn[level].length;
  const order = levels.map((_, level) => level).sort((a, b) => lacking(b) - lacking(a));
  for (const level of order) {
    const rest = levels[level].filter(({ images }) => !drawn[level].includes(images[0]));
    drawn[level].push(...taken(rest, wanted - drawn.flat().length));
  }
  const count = drawn.flat().length;
  const bare = drawn.findIndex((images) => images.length === 0);
  if (bare >= 0 || (labels >= 1 && count !== wanted)) {
    const told = levels.map(([{ label }], level) =>
      `${drawn[level].length} of ${targets[level]} of class "${label}"`
    );
    throw problem(
      `patients are drawn whole, which gives ${told.join(", ")}: ${count}; ` +
        "ask for another number, or for a share",
    );
  }
  return { ...split, train: drawn.flat().sort((a, b) => a - b) };
}

/** Of a multi-label set: by iterative stratification, then whole patients more or fewer, as they were drawn. */
function withFewFindings(
  images: SplitImage[],
  train: number[],
  { wanted, seed, repeat }: { wanted: number; seed: number; repeat: number },
): number[] {
  const groups = groupsOf(images, train, draw(seed, "labels", repeat));
  const share = wanted / train.length;
  const [drawn, others] = iterativeDeal(
    groups,
    (i) => Object.entries(images[i].findings ?? {}).flatMap(([name, is]) => is ? [name] : []),
    [share, 1 - share],
  );
  let count = drawn.reduce((sum, group) => sum + group.images.length, 0);
  while (count > wanted) count -= drawn.pop()!.images.length;
  for (const group of others) {
    if (count + group.images.length > wanted) continue;
    drawn.push(group);
    count += group.images.length;
  }
  return drawn.flatMap((group) => group.images).sort((a, b) => a - b);
}

/** `total` divided in proportion to `sizes`, by largest remainders; at least 1 each, and no more than there are. */
function apportioned(total: number, sizes: number[]): number[] {
  const all = sizes.reduce((sum, size) => sum + size, 0);
  const exact = sizes.map((size) => total * size / all);
  const parts = exact.map((part) => Math.max(1, Math.floor(part)));
  let left = total - parts.reduce((sum, part) => sum + part, 0);
  while (left !== 0) {
    const step = Math.sign(left);
    const places = parts.map((_, i) => i)
      .filter((i) => step > 0 ? parts[i] < sizes[i] : parts[i] > 1)
      .sort((a, b) => step * ((exact[b] - parts[b]) - (exact[a] - parts[a])));
    parts[places[0]] += step;
    left -= step;
  }
  return parts;
}

/** Groups in their drawn order as long as they fit. */
function taken(groups: Group[], most: number): number[] {
  const images: number[] = [];
  for (const group of groups) {
    if (images.length + group.images.length <= most) images.push(...group.images);
  }
  return images;
}

/** The splits as they are trained on: one drawing of labelled images or several of each, or the whole. */
export function drawings(
  { labels, repeats, seed }: { labels: number | null; repeats: number; seed: number },
  rows: SplitImage[],
  splits: Split[],
): { split: Split; of: number }[] {
  if (labels === null) return splits.map((split, of) => ({ split, of }));
  return splits.flatMap((split, of) =>
    Array.from({ length: repeats }, (_, repeat) => ({
      split: withFewLabels(rows, split, { labels, seed, repeat }),
      of,
    }))
  );
}
