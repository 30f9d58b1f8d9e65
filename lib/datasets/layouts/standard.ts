/** The layout of the HTTP contract: images/, labels.csv, readings.csv, gaze/, heatmaps/, dataset.json. */
import { withoutExtension } from "../image_names.ts";
import { readLabels } from "../labels.ts";
import { nothingFits } from "./found.ts";
import { document, emptyPlan, skip, takeCommon } from "./shared_parts.ts";
import { isText, takeGaze, takeTexts } from "./tables.ts";
import type { Layout } from "./layout.ts";

const noPart = (name: string) =>
  `not a part of the layout${isText(name) ? "; where it is gaze, put it under gaze/" : ""}`;

export const standard: Layout = {
  title: "images/, labels.csv, gaze/, heatmaps/, dataset.json",
  detect: (names) => names.some((name) => name.startsWith("images/")),
  async plan(source) {
    const { names, read, full } = source;
    const plan = emptyPlan(full("labels.csv"));
    const others: string[] = [];
    for (const name of names.toSorted()) {
      const rest = name.slice("images/".length);
      if (await takeCommon(plan, source, name)) continue;
      if (name === "labels.csv") {
        const { labels, warnings, classes } = readLabels(await read(name), full(name), {
          classes: source.classes ?? plan.description.classes,
        });
        plan.labels = labels;
        plan.classes = classes;
        plan.notes.push(...warnings);
      } else if (!name.startsWith("images/")) others.push(name);
      else if (document.test(rest)) skip(plan, source, name, "a document among the images");
      else plan.images.push({ name: withoutExtension(rest), path: name });
    }
    if (plan.images.length === 0 && !source.adding) throw nothingFits(names.map(full));
    if (!names.includes("labels.csv")) await takeTexts(plan, source, others);
    else {
      // With a folder gaze/, a table beside it may well say the same again.
      const rest = plan.gaze.length > 0 ? others : await takeGaze(plan, source, others);
      for (const name of rest) skip(plan, source, name, noPart(name));
    }
    return plan;
  },
};
