/** The layout of the HTTP contract: images/, labels.csv, gaze/, heatmaps/, dataset.json. */
import { InvalidInput } from "@/lib/errors.ts";
import { withoutExtension } from "../image_names.ts";
import { readLabels } from "../labels.ts";
import { document, emptyPlan, skip, takeCommon } from "./shared_parts.ts";
import type { Layout } from "./layout.ts";

export const standard: Layout = {
  title: "images/, labels.csv, gaze/, heatmaps/, dataset.json",
  detect: () => true,
  async plan(source) {
    const { names, read, full } = source;
    const plan = emptyPlan(full("labels.csv"));
    for (const name of names.toSorted()) {
      const rest = name.slice("images/".length);
      if (await takeCommon(plan, source, name)) continue;
      if (name === "labels.csv") plan.labels = readLabels(await read(name), full(name));
      else if (!name.startsWith("images/")) skip(plan, source, name, "not a part of the layout");
      else if (document.test(rest)) skip(plan, source, name, "a document among the images");
      else plan.images.push({ name: withoutExtension(rest), path: name });
    }
    if (plan.images.length === 0) {
      throw new InvalidInput("Cannot find images: the archive has no file under images/");
    }
    return plan;
  },
};
