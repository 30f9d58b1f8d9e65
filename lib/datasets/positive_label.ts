/** Whether the positive label of a data set is one of its classes: without it there are no figures of that class. */
import { closest } from "@/lib/closest.ts";

const MOST_CLASSES = 20;

/** In a part of a sentence, with the class that may be meant. */
export function notAClass(label: string, classes: string[]): string {
  const meant = closest(label, classes);
  const quoted = classes.slice(0, MOST_CLASSES).map((name) => `"${name}"`).join(", ");
  const more = classes.length > MOST_CLASSES ? ` and ${classes.length - MOST_CLASSES} more` : "";
  return `the positive label "${label}" is no class of the data set, ` +
    `${meant === undefined ? "" : `"${meant}" may be meant; `}its classes are ${quoted}${more}`;
}

/** A warning where no image has the positive label; undefined where one has it, or there are no labels yet. */
export function positiveMissing(
  label: string | null,
  images: Iterable<{ label: string | null }>,
): string | undefined {
  if (label === null) return undefined;
  const classes = [...new Set(Array.from(images, ({ label }) => label ?? []).flat())].sort();
  if (classes.length === 0 || classes.includes(label)) return undefined;
  return notAClassWarning(label, classes);
}

/** The same as a warning of a data set. */
export function notAClassWarning(label: string, classes: string[]): string {
  const said = notAClass(label, classes);
  return `${said[0].toUpperCase()}${
    said.slice(1)
  }. M-AUC, operating points and curves of it are left out; ` +
    "name a class as positive_label in dataset.json";
}
