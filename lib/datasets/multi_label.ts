/**
 * Sets whose images have any number of findings, each present, absent or not known. Such a set names its findings,
 * `classes` in dataset.json, which is how it is known to be one; its images have no `label`.
 */
import { InvalidInput } from "@/lib/errors.ts";
import type { DatasetRow, Findings, ImageRow } from "@/lib/store/mod.ts";

/** What a table says of an image; null: that it is not known. */
export type SaidFindings = Record<string, 0 | 1 | null>;

/** The findings of a multi-label set in their order; null for a set of one label an image. */
export function findingsOf({ meta }: Pick<DatasetRow, "meta">): string[] | null {
  const classes = meta.classes as string[] | undefined;
  return classes ?? null;
}

/** Whether an image has a finding; undefined where that is not known. Names such as `constructor` are findings too. */
export function knownOf<V extends 0 | 1 | null>(
  findings: Record<string, V> | null | undefined,
  name: string,
): V | undefined {
  return findings && Object.hasOwn(findings, name) ? findings[name] : undefined;
}

/** What is known of an image once a table has spoken; null where that is nothing. */
export function mergedFindings(
  known: Findings | null | undefined,
  said: SaidFindings,
): Findings | null {
  const all: SaidFindings = { ...known, ...said };
  const kept = Object.entries(all).filter(([, value]) => value !== null);
  return kept.length > 0 ? Object.fromEntries(kept) as Findings : null;
}

/** Findings that two statements on one image contradict each other in. */
export function contradicted(a: SaidFindings | Findings, b: SaidFindings | Findings): string[] {
  return Object.keys(b).filter((name) => {
    const first = knownOf<0 | 1 | null>(a, name) ?? null;
    return first !== null && b[name] !== null && first !== b[name];
  });
}

/** The findings that are present, in the order of the set's. */
export function present(findings: Findings | null | undefined, classes: string[]): string[] {
  return classes.filter((name) => knownOf(findings, name) === 1);
}

/** The findings that are not known, in the order of the set's. */
export function unknown(findings: Findings | null | undefined, classes: string[]): string[] {
  return classes.filter((name) => knownOf(findings, name) === undefined);
}

/** What an image without any finding is called where sets of findings are compared. */
export const NO_FINDINGS = "no finding";

/** In a list with + between: in quotes where it could be read as another list, so that no two lists are one text. */
const compared = (name: string): string =>
  /[+"]/.test(name) || name === NO_FINDINGS ? JSON.stringify(name) : name;

/**
 * What two images have to share to count as alike, in audits, in the arm `labels` and for neighbours' votes: the
 * class, or in a multi-label set all findings, which must be known. Null where it is not known.
 */
export function comparedLabel(
  { label, findings }: Pick<ImageRow, "label" | "findings">,
  classes: string[] | null,
): string | null {
  if (classes === null) return label;
  if (unknown(findings, classes).length > 0) return null;
  const names = present(findings, classes);
  return names.length > 0 ? names.map(compared).join(" + ") : NO_FINDINGS;
}

/** @throws {InvalidInput} for a multi-label set, with what to do */
export function assertSingleLabel(dataset: Pick<DatasetRow, "name" | "meta">, what: string): void {
  const classes = findingsOf(dataset);
  if (classes === null) return;
  throw new InvalidInput(
    `Cannot ${what}: dataset "${dataset.name}" is multi-label (${classes.length} findings), and this needs one label ` +
      "an image; make a set of one finding, with a column `label`, for it",
  );
}
