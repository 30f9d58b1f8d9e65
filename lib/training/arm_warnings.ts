/** Whether the positive pairs of a training are what the name of its arm says. */
import type { Arm } from "@/lib/gaze/arms/arm.ts";
import { type ArmName, arms } from "@/lib/gaze/arms/mod.ts";
import { partnersOf, type Positives } from "@/lib/gaze/positives.ts";

interface PairedImage {
  label: string | null;
  patient: string | null;
}

/** Calls `take` with every positive pair i < j, until it says that it has seen enough. */
function forEachPair(positives: Positives, take: (i: number, j: number) => boolean): void {
  const partners = partnersOf(positives);
  for (let i = 0; i < positives.n; i++) {
    for (const j of Array.from(partners(i))) if (j > i && !take(i, j)) return;
  }
}

function every(positives: Positives, test: (i: number, j: number) => boolean): boolean {
  let all = true;
  forEachPair(positives, (i, j) => all = test(i, j));
  return all;
}

/** The image that every pair has, if there is one. */
function hubOf(positives: Positives): number | undefined {
  let candidates: number[] | undefined;
  forEachPair(positives, (i, j) => {
    candidates = (candidates ?? [i, j]).filter((image) => image === i || image === j);
    return candidates.length > 0;
  });
  return candidates?.[0];
}

function equal(a: Positives, b: Positives): boolean {
  const partners = partnersOf(b);
  const ours = partnersOf(a);
  for (let i = 0; i < a.n; i++) {
    if (Array.from(ours(i)).join() !== Array.from(partners(i)).join()) return false;
  }
  return true;
}

/** Settings of pairs, by what an arm makes its pairs from. */
const USED: Record<NonNullable<Arm["needs"]> | "nothing", string[]> = {
  similarity: ["similarity", "component", "soft", "drop", "pack"],
  features: ["soft", "drop", "pack"],
  labels: ["drop", "pack"],
  patients: ["drop", "pack"],
  nothing: [],
};

/**
 * In words, which settings of pairs a training was given that its arm does not look at; undefined without any.
 * @param spec with null, false and 0 where nothing was said
 */
export function idleSettings(
  spec: { arm: ArmName } & Partial<Record<string, unknown>>,
): string | undefined {
  const used = USED[arms[spec.arm].needs ?? "nothing"];
  const idle = USED.similarity.filter((name) => spec[name] && !used.includes(name));
  if (idle.length === 0) return undefined;
  return `arm "${spec.arm}" does not look at ${idle.join(", ")}: its pairs are the same without`;
}

/**
 * In words, why the pairs of an arm are not what a reader of a table will take them for.
 * @param arm its name
 * @param unshuffled of a control: the pairs of the arm that it is the control of
 */
export function armWarnings(
  arm: string,
  positives: Positives,
  images: PairedImage[],
  unshuffled?: Positives,
): string[] {
  const { pairs, n } = positives;
  const all = n * (n - 1) / 2;
  const is = `arm "${arm}"`;
  if (pairs === 0) {
    return [`${is} has no positive pair among its ${n} images: it is the same as arm "none"`];
  }
  const warnings: string[] = [];
  if (pairs === all) {
    warnings.push(`${is} takes all ${all} pairs of its ${n} images as positive: they tell nothing`);
  }
  if (pairs === 1 && n > 2) {
    warnings.push(
      `${is} has one positive pair among its ${n} images: it is hardly more than "none"`,
    );
  }
  const hub = pairs > 1 && n > 2 ? hubOf(positives) : undefined;
  if (hub !== undefined) warnings.push(`${is}: all of its ${pairs} pairs are pairs of one image`);
  const ofOnePatient = every(
    positives,
    (i, j) => images[i].patient !== null && images[i].patient === images[j].patient,
  );
  // What one arm is about is another one's fault.
  if (ofOnePatient && arms[arm as ArmName]?.needs !== "patients") {
    warnings.push(`${is} pairs images of the same patient only: it tells patients apart`);
  }
  if (unshuffled && pairs === unshuffled.pairs && equal(positives, unshuffled)) {
    warnings.push(`${is} has the very pairs that it is to be a control of: it is no control`);
  }
  return warnings;
}

/** How often a pair has one label: what an audit of the training part alone would find. */
export function labelPrecision(
  positives: Positives,
  images: PairedImage[],
): { precision: number | null; base_rate: number | null } {
  let [known, same] = [0, 0];
  forEachPair(positives, (i, j) => {
    const [a, b] = [images[i].label, images[j].label];
    if (a !== null && b !== null) {
      known++;
      if (a === b) same++;
    }
    return true;
  });
  const counts = [...Map.groupBy(images.flatMap(({ label }) => label ?? []), (label) => label)]
    .map(([, list]) => list.length);
  const labelled = counts.reduce((sum, count) => sum + count, 0);
  const pairsOf = (count: number) => count * (count - 1) / 2;
  return {
    precision: known > 0 ? same / known : null,
    base_rate: labelled > 1
      ? counts.reduce((sum, count) => sum + pairsOf(count), 0) / pairsOf(labelled)
      : null,
  };
}
