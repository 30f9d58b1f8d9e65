/**
 * The Tufts dental set as it is published: `Radiographs/N.JPG`, `Expert/expert.json` and the
 * expert's gaze maps in `Expert/gaze_map/gray/N.jpg`. Labels: abnormal or normal.
 */
import { z } from "zod";
import { InvalidInput } from "@/lib/errors.ts";
import { withoutExtension } from "../image_names.ts";
import type { ImageLabel } from "../labels.ts";
import { emptyPlan, skip, takeCommon } from "./shared_parts.ts";
import type { Layout } from "./layout.ts";
import { decodeText } from "../csv_table.ts";

const picture = /^Radiographs\/([^/]+\.(?:jpe?g|png))$/i;
const map = /^Expert\/gaze_map\/gray\/([^/]+\.(?:jpe?g|png))$/i;
const table = "Expert/expert.json";

/** Masks, quantised maps and the student's part, of which nothing is needed. */
const unused = /^(Segmentation|Student|Expert)\//i;

/** The fields that are used; the file has more. */
const expertSchema = z.array(z.object({
  "External ID": z.string(),
  Description: z.string().nullish(),
  Label: z.object({ objects: z.array(z.object({ title: z.string().nullish() })).nullish() })
    .nullish(),
}));

export const tufts: Layout = {
  title: "Tufts dental",
  published: true,
  detect: (names) => names.includes(table) && names.some((name) => picture.test(name)),
  async plan(source) {
    const plan = emptyPlan(source.full(table));
    plan.description.structured = true;
    // One panoramic radiograph of each person.
    plan.patientsKnown = true;
    for (const name of source.names.toSorted()) {
      const image = picture.exec(name)?.[1];
      const mapped = map.exec(name)?.[1];
      if (image) plan.images.push({ name: withoutExtension(image), path: name });
      else if (mapped) {
        const names = [{ image: withoutExtension(mapped), reader: "" }];
        plan.heatmaps.push({ path: name, names });
      } else if (!unused.test(name) && !(await takeCommon(plan, source, name))) {
        skip(plan, source, name, "not a part of the Tufts set");
      }
    }
    plan.description.positive_label ??= "abnormal";
    plan.labels = readExpert(await source.read(table), source.full(table));
    return plan;
  },
};

function readExpert(bytes: Uint8Array, file: string): ImageLabel[] {
  const refuse = (message: string) =>
    new InvalidInput(`Cannot read ${file}`, [{ file, message: `Cannot use it: ${message}` }]);
  let value: unknown;
  try {
    value = JSON.parse(decodeText(bytes, file));
  } catch (error) {
    if (error instanceof InvalidInput) throw error;
    throw refuse((error as Error).message);
  }
  const parsed = expertSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw refuse(`${issue.path.join(".")}: ${issue.message}`);
  }
  return parsed.data.map((entry, i) => ({
    image: entry["External ID"],
    line: i + 1,
    label: isAbnormal(entry) ? "abnormal" : "normal",
  }));
}

/** A radiograph is abnormal when something is outlined, unless it is described as normal. */
function isAbnormal(entry: z.infer<typeof expertSchema>[number]): boolean {
  if (/within normal limits/i.test(entry.Description ?? "")) return false;
  const titles = (entry.Label?.objects ?? []).map(({ title }) => (title ?? "").toLowerCase());
  return titles.some((title) => title !== "none" && title !== "normal");
}
