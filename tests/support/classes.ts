/** A small two-class data set in a store: bright discs ("malignant") and rings ("benign") on noise. */
import { encodePng } from "@/lib/images/png_encoder.ts";
import type { DatasetRow, ImageRow, Store } from "@/lib/store/mod.ts";
import { newId, now } from "@/lib/store/mod.ts";
import { uniform } from "@/lib/random.ts";

export interface ClassesOptions {
  name?: string;
  images?: number;
  side?: number;
  /** Images of one patient, with the same label. */
  perPatient?: number;
  seed?: number;
  /** Without labels, for pre-training alone. */
  labelled?: boolean;
}

/** [side, side] 8-bit pixels of one image. */
export function drawClass(malignant: boolean, side: number, seed: number): Uint8Array<ArrayBuffer> {
  const draw = (parameter: number) => uniform(seed, parameter);
  const [x, y] = [side * (0.35 + 0.3 * draw(1)), side * (0.35 + 0.3 * draw(2))];
  const radius = side * (0.18 + 0.08 * draw(3));
  return Uint8Array.from({ length: side * side }, (_, at) => {
    const distance = Math.hypot(at % side - x, Math.floor(at / side) - y);
    const lit = malignant ? distance < radius : Math.abs(distance - radius) < side * 0.06;
    return Math.round(60 + 60 * uniform(seed, 4, at) + (lit ? 110 : 0));
  });
}

/** Inserts the set; labels alternate between patients. */
export async function insertClasses(
  store: Store,
  options: ClassesOptions = {},
): Promise<{ dataset: DatasetRow; images: ImageRow[] }> {
  const { name = "discs", images: n = 24, side = 20, perPatient = 2, seed = 1 } = options;
  const dataset: DatasetRow = await store.datasets.insert({
    names: "keep",
    id: newId("ds"),
    name,
    known_digest: `digest of ${name}`,
    structured: false,
    positive_label: "malignant",
    meta: {},
    created_at: now(),
  });
  const images: ImageRow[] = [];
  for (let i = 0; i < n; i++) {
    const patient = Math.floor(i / perPatient);
    const malignant = patient % 2 === 1;
    const png = encodePng({
      width: side,
      height: side,
      channels: 1,
      bits: 8,
      data: drawClass(malignant, side, seed * 1000 + i),
    });
    const { sha256, bytes } = await store.files.put(png);
    images.push(
      await store.commitFiles([sha256], async () =>
        await store.images.insert({
          id: newId("im"),
          dataset_id: dataset.id,
          name: `case ${String(i).padStart(3, "0")}`,
          file: sha256,
          format: "png",
          bytes,
          width: side,
          height: side,
          channels: 1,
          bits: 8,
          label: options.labelled === false ? null : malignant ? "malignant" : "benign",
          patient: `patient ${patient}`,
          split: null,
        })),
    );
  }
  return { dataset, images };
}
