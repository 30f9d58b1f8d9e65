/** Finds the image that a table or gaze file means: by id, by file name, by the end of its path. */

import { unescapeFormula } from "@/lib/csv.ts";

const extension = /\.(png|jpe?g|dcm|dicom|pgm|ppm|pnm|tiff?|bmp)$/i;

/** A name without a picture's file ending. */
export const withoutExtension = (name: string): string => name.replace(extension, "");

/** INbreast's files, which are joined by the number before the first underscore. */
const inbreast = /^(\d+)_[0-9a-f]{8,}_MG_[LR]_/i;

const lastPart = (name: string) => name.slice(name.lastIndexOf("/") + 1);

/** Whether one path ends in the whole of the other. */
const endsIn = (path: string, end: string) => path === end || path.endsWith(`/${end}`);

export class ImageNames<T extends { name: string }> {
  readonly #byName = new Map<string, T>();
  /** By the last part of the name and of the place. */
  readonly #byLastPart = new Map<string, T[]>();

  /** @param placeOf the path under which an image was sent, where that is known and is not its name */
  constructor(images: Iterable<T>, readonly placeOf: (image: T) => string | undefined = () => {}) {
    for (const image of images) {
      this.#byName.set(image.name, image);
      const lasts = new Set(this.#places(image).map(lastPart));
      for (const last of lasts) {
        const others = this.#byLastPart.get(last);
        if (others) others.push(image);
        else this.#byLastPart.set(last, [image]);
      }
    }
  }

  #places(image: T): string[] {
    const place = this.placeOf(image);
    // In an archive without a place of their own, pictures stand under images/.
    return [image.name, place === undefined ? `images/${image.name}` : withoutExtension(place)];
  }

  /** Only by the whole name. */
  exact(name: string): T | undefined {
    return this.#byName.get(name.normalize("NFC"));
  }

  /**
   * The image of a row of gaze: trackers know where a picture lay on the machine that showed it, so folders are
   * left aside where the image has none.
   */
  find(reference: string): T | undefined {
    return this.findInFolder(reference) ?? this.#withoutFolders(reference);
  }

  /** The image that a row of labels names; another folder's picture of that name is another picture. */
  findInFolder(reference: string): T | undefined {
    const name = this.#plain(reference);
    const bare = withoutExtension(name);
    const exact = this.#byName.get(name) ?? this.#byName.get(bare);
    if (exact) return exact;
    const fitting = [...new Set([name, bare])].map((path) =>
      (this.#byLastPart.get(lastPart(path)) ?? []).filter((image) =>
        this.#places(image).some((place) =>
          endsIn(place, path) || (place.includes("/") && endsIn(path, place))
        )
      )
    ).find((images) => images.length > 0);
    if (fitting) return fitting.length === 1 ? fitting[0] : undefined;
    const number = inbreast.exec(lastPart(bare))?.[1];
    return number === undefined ? undefined : this.#byName.get(number);
  }

  #withoutFolders(reference: string): T | undefined {
    const last = lastPart(this.#plain(reference));
    const images = this.#byLastPart.get(last) ?? this.#byLastPart.get(withoutExtension(last)) ?? [];
    return images.length === 1 && !images[0].name.includes("/") ? images[0] : undefined;
  }

  #plain(reference: string): string {
    return unescapeFormula(reference.normalize("NFC")).replaceAll("\\", "/").trim()
      .replace(/^(\.\/)+/, "");
  }
}
