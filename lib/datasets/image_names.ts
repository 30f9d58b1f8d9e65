/** Finds the image that a table or gaze file means: by id, by file name, by the last part of either. */

import { unescapeFormula } from "@/lib/csv.ts";

const extension = /\.(png|jpe?g|dcm|dicom|pgm|ppm|pnm|tiff?|bmp)$/i;

/** A name without a picture's file ending. */
export const withoutExtension = (name: string): string => name.replace(extension, "");

const lastPart = (name: string) => name.slice(name.lastIndexOf("/") + 1);

export class ImageNames<T extends { name: string }> {
  readonly #byName = new Map<string, T>();
  /** By the last part of the name; null where several images share it. */
  readonly #byLastPart = new Map<string, T | null>();

  constructor(images: Iterable<T>) {
    for (const image of images) {
      this.#byName.set(image.name, image);
      const last = lastPart(image.name);
      this.#byLastPart.set(last, this.#byLastPart.has(last) ? null : image);
    }
  }

  /** Only by the whole name. */
  exact(name: string): T | undefined {
    return this.#byName.get(name.normalize("NFC"));
  }

  find(reference: string): T | undefined {
    const name = unescapeFormula(reference.normalize("NFC")).replaceAll("\\", "/").trim();
    const bare = withoutExtension(name);
    // INbreast joins by the number before the first underscore.
    const number = /^(\d{3,})_/.exec(lastPart(bare))?.[1];
    return this.#byName.get(name) ?? this.#byName.get(bare) ??
      this.#byLastPart.get(lastPart(name)) ?? this.#byLastPart.get(lastPart(bare)) ??
      (number ? this.#byName.get(number) : undefined) ?? undefined;
  }
}
