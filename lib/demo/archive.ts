/** Packs images, labels and fixations into the ZIP layout that the service takes. */
import { csvLine } from "@/lib/csv.ts";
import { writeZip, type ZipFile } from "@/lib/datasets/zip_writer.ts";
import { encodePng } from "@/lib/images/png_encoder.ts";
import type { Raster } from "@/lib/images/raster.ts";

/** One image of a set to be packed: pixels, or a file as it is. */
export interface DemoImage {
  /** File name under `images/`. */
  name: string;
  raster?: Raster;
  file?: Uint8Array;
  label: string;
  patient?: string;
}

export interface DemoSet {
  images: DemoImage[];
  /** Files for `gaze/`, as text. */
  gaze: { name: string; text: string }[];
  /** null: no class is the one that is looked for. */
  positiveLabel: string | null;
  /** Do all images show the same scene (a knee), or not (a breast)? Selects the similarity. */
  structured: boolean;
}

/** The same set gives the same bytes. */
export async function zipSet(set: DemoSet): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(
    await new Response(ReadableStream.from(writeZip(filesOf(set)))).arrayBuffer(),
  );
}

function* filesOf(set: DemoSet): Generator<ZipFile> {
  for (const image of set.images) {
    yield { name: `images/${image.name}`, data: image.file ?? encodePng(image.raster!) };
  }
  yield text("labels.csv", labelsCsv(set));
  for (const file of set.gaze) yield text(`gaze/${file.name}`, file.text);
  const { structured, positiveLabel } = set;
  const named = positiveLabel === null ? {} : { positive_label: positiveLabel };
  yield text("dataset.json", JSON.stringify({ structured, ...named }));
}

function text(name: string, content: string): ZipFile {
  return { name, data: new TextEncoder().encode(content) };
}

function labelsCsv(set: DemoSet): string {
  const lines = set.images.map(({ name, label, patient }) =>
    csvLine(stem(name), label, patient ?? stem(name))
  );
  return csvLine("image", "label", "patient") + lines.join("");
}

/** File name without its ending: the image's id. */
export function stem(name: string): string {
  return name.replace(/\.[^.]+$/, "");
}
