import { InvalidInput } from "@/lib/errors.ts";
import type { Truth } from "@/lib/evaluation/scores.ts";
import type { DatasetRow, ImageRow } from "@/lib/store/mod.ts";
import { findingsOf, knownOf } from "./multi_label.ts";
import { isLabelled } from "./splits.ts";

/** Images with their class. */
export interface OneLabelled {
  rows: ImageRow[];
  classes: string[];
  /** Index into `classes` of each image. */
  labels: number[];
}

/** Images of a multi-label set of which a finding is known. */
export interface MultiLabelled {
  rows: ImageRow[];
  /** The findings. */
  classes: string[];
  /** Whether each image has each finding; null where that is not known: [N][K] */
  truths: Truth[][];
}

export type Labelled = OneLabelled | MultiLabelled;

/** @throws {InvalidInput} for fewer than two classes */
export function assertClasses(names: string[]): void {
  if (names.length >= 2) return;
  throw new InvalidInput(
    `Cannot train a classifier: two classes are needed, there is [${names.join(", ")}]`,
  );
}

/** Of a multi-label set that nothing can be learnt from. */
export const nothingKnown = ({ name }: Pick<DatasetRow, "name">): InvalidInput =>
  new InvalidInput(
    `Cannot train a classifier: of no image of "${name}" any finding is known; send labels with 0 and 1 first`,
  );

/**
 * The images of a data set that have a label, or of a multi-label set those of which a finding is known.
 * @throws {InvalidInput} for fewer than two classes, or a multi-label set of which nothing is known
 */
export function labelled(
  images: ImageRow[],
  dataset: Pick<DatasetRow, "name" | "meta">,
): Labelled {
  const findings = findingsOf(dataset);
  const rows = images.filter(isLabelled);
  if (findings !== null) {
    if (rows.length === 0) throw nothingKnown(dataset);
    return { rows, classes: findings, truths: truthsOf(rows, findings) };
  }
  const classes = [...new Set(rows.map(({ label }) => label!))].sort();
  assertClasses(classes);
  return { rows, classes, labels: rows.map(({ label }) => classes.indexOf(label!)) };
}

/** @throws {InvalidInput} where one of model and set is multi-label and the other is not */
export function assertSameKind(
  dataset: Pick<DatasetRow, "name" | "meta">,
  { multi_label = false }: { multi_label?: boolean },
): void {
  if (multi_label === (findingsOf(dataset) !== null)) return;
  const [model, set] = multi_label
    ? ["multi-label", "has one label an image"]
    : ["of one label an image", "is multi-label"];
  throw new InvalidInput(
    `Cannot evaluate: the model is ${model}, and dataset "${dataset.name}" ${set}; a model and a set of one kind ` +
      "are needed",
  );
}

/**
 * The same for a model with classes of its own. Findings that the model lacks are not looked at, and of those that the
 * set lacks nothing is known; images of which nothing is known that the model has are left out.
 * @throws {InvalidInput} for a label that is none of the model's, and a model of the other kind
 */
export function labelledFor(
  images: ImageRow[],
  dataset: Pick<DatasetRow, "name" | "meta">,
  { classes, multi_label = false }: { classes: string[]; multi_label?: boolean },
): Labelled {
  assertSameKind(dataset, { multi_label });
  const findings = findingsOf(dataset);
  if (findings !== null) {
    const shared = classes.filter((name) => findings.includes(name));
    if (shared.length === 0) {
      throw new InvalidInput(
        `Cannot evaluate: dataset "${dataset.name}" has none of the model's findings (${
          classes.join(", ")
        }); ` +
          `its own are ${findings.join(", ")}`,
      );
    }
    const rows = images.filter((image) =>
      shared.some((name) => knownOf(image.findings, name) !== undefined)
    );
    return { rows, classes, truths: truthsOf(rows, classes) };
  }
  const rows = images.filter(isLabelled);
  assertClasses(classes);
  const labels = rows.map(({ label, name }) => {
    const index = classes.indexOf(label!);
    if (index < 0) {
      throw new InvalidInput(`Cannot evaluate "${name}": the model has no class "${label}"`);
    }
    return index;
  });
  return { rows, classes, labels };
}

const truthsOf = (rows: ImageRow[], classes: string[]): Truth[][] =>
  rows.map(({ findings }) => classes.map((name) => knownOf(findings, name) ?? null));

/** Of some of the images, what the scores of a classifier say beside the probabilities. */
export function truthOf(
  known: Labelled,
  places: number[],
): { labels: number[] } | { truths: Truth[][] } {
  return "truths" in known
    ? { truths: places.map((i) => known.truths[i]) }
    : { labels: places.map((i) => known.labels[i]) };
}
