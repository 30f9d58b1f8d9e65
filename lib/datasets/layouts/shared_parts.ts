/** What every layout takes beside its own files: gaze/, heatmaps/, readings.csv, dataset.json. */
import { descriptionSchema, readDescription } from "../description.ts";
import { withoutExtension } from "../image_names.ts";
import type { Plan, Source } from "./layout.ts";
import { companionOf } from "@/lib/gaze/formats/mod.ts";

/** By the end of their names. */
export const isPicture = (name: string): boolean =>
  /\.(png|jpe?g|dcm|dicom|pgm|ppm|pnm)$/i.test(name);

/** Pictures of other formats, of which a sentence says what to do. */
export const isForeignPicture = (name: string): boolean =>
  /\.(tiff?|bmp|gif|webp|nii|nrrd|mha|svs)$/i.test(name);

/** A file's name without folders and ending. */
export const lastName = (path: string): string =>
  withoutExtension(path.slice(path.lastIndexOf("/") + 1));

/** Texts about the data. */
export const document = /(^|\/)(readme|licen[cs]e|changes|source)[^/]*$|\.(md|pdf|docx?|html?)$/i;

export function emptyPlan(labelsFile: string): Plan {
  return {
    images: [],
    labels: [],
    labelsFile,
    gaze: [],
    heatmaps: [],
    readings: [],
    description: descriptionSchema.parse({}),
    skipped: [],
    notes: [],
  };
}

export function note(plan: Plan, message: string, file?: string): void {
  plan.notes.push(file === undefined ? { message } : { file, message });
}

export function skip(plan: Plan, source: Source, name: string, why: string): void {
  plan.skipped.push({ file: source.full(name), message: `Skipped: ${why}` });
}

/** Puts one file into the plan; false when it is none of those above. Throws InvalidInput. */
export async function takeCommon(plan: Plan, source: Source, name: string): Promise<boolean> {
  const rest = name.slice(name.indexOf("/") + 1);
  if (name === "dataset.json") {
    plan.description = readDescription(await source.read(name), source.full(name));
  } else if (name.startsWith("gaze/")) {
    const companion = companionOf(name, source.names);
    if (companion?.read) return true;
    if (companion) skip(plan, source, name, companion.why);
    else if (document.test(rest)) skip(plan, source, name, "a document among the gaze files");
    else plan.gaze.push(name);
  } else if (name.startsWith("heatmaps/")) {
    const image = withoutExtension(rest);
    const slash = image.indexOf("/");
    const names = [{ image, reader: "" }];
    if (slash > 0) names.push({ image: image.slice(slash + 1), reader: image.slice(0, slash) });
    plan.heatmaps.push({ path: name, names });
  } else if (name === "readings.csv") plan.readings.push(name);
  else return false;
  return true;
}
