/** Finds the image that a table or gaze file means: by id, by file name, by the end of its path. */

import { unescapeFormula } from "@/lib/csv.ts";
import { dicomName, isHashedImage, type Keyed } from "./pseudonym.ts";

const extension = /\.(png|jpe?g|dcm|dicom|pgm|ppm|pnm|tiff?|bmp)$/i;

/** A name without a picture's file ending. */
export const withoutExtension = (name: string): string => name.replace(extension, "");

/** INbreast's files, which are joined by the number before the first underscore. */
const inbreast = /^(\d+)_[0-9a-f]{8,}_MG_[LR]_/i;

const lastPart = (name: string) => name.slice(name.lastIndexOf("/") + 1);

/** Whether one path ends in the whole of the other. */
const endsIn = (path: string, end: string) => path === end || path.endsWith(`/${end}`);

/** Names that a sentence shows, and characters of each. */
const SHOWN = 4;
const MOST_CHARACTERS = 100;

/** Names in quotes, the first few of them. */
export function shownNames(names: string[]): string {
  const shown = names.slice(0, SHOWN).map((name) => `"${name.slice(0, MOST_CHARACTERS)}"`);
  return shown.join(", ") + (names.length > SHOWN ? ", ..." : "");
}

export interface ImageNamesOptions<T> {
  /** By whose secret names were hashed. */
  keyed: Keyed;
  /** The path under which an image was sent, where that is known and is not its name. */
  placeOf?: (image: T) => string | undefined;
}

/** A reference without what tables and operating systems add to a name. */
function plainReference(reference: string): string {
  return unescapeFormula(reference.normalize("NFC")).replaceAll("\\", "/").trim()
    .replace(/^(\.\/)+/, "");
}

/** Names under which an image may be kept that a reference names wholly, the most likely first. */
export function exactNames(keyed: Keyed, reference: string): string[] {
  const name = plainReference(reference);
  return [name, withoutExtension(name), dicomName(keyed, withoutExtension(name))];
}

/** What people may call an image that is kept under a hash: parts of a path as they are hashed, "images/" left as it is. */
export function hashedReference(keyed: Keyed, reference: string): string {
  const bare = withoutExtension(reference);
  const folder = bare.startsWith("images/") ? "images/" : "";
  return folder + dicomName(keyed, bare.slice(folder.length));
}

export class ImageNames<T extends { name: string }> {
  readonly #byName = new Map<string, T>();
  /** By the last part of the name and of the place. */
  readonly #byLastPart = new Map<string, T[]>();

  /** Whether some image is called after a hash. */
  #hashed = false;

  constructor(images: Iterable<T>, readonly options: ImageNamesOptions<T>) {
    for (const image of images) {
      this.#hashed ||= isHashedImage(image.name);
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
    const place = this.options.placeOf?.(image);
    // In an archive without a place of their own, pictures stand under images/.
    return [image.name, place === undefined ? `images/${image.name}` : withoutExtension(place)];
  }

  /** Only by the whole name. */
  exact(name: string): T | undefined {
    const kept = name.normalize("NFC");
    return this.#byName.get(kept) ??
      (this.#hashed ? this.#byName.get(hashedReference(this.options.keyed, kept)) : undefined);
  }

  /**
   * The image of a row of gaze: trackers know where a picture lay on the machine that showed it, so folders are
   * left aside where the image has none.
   */
  find(reference: string): T | undefined {
    return this.findInFolder(reference) ?? this.#withoutFolders(plainReference(reference)) ??
      (this.#hashed ? this.#withoutFolders(this.#hash(reference)) : undefined);
  }

  /** The image that a row of labels names; another folder's picture of that name is another picture. */
  findInFolder(reference: string): T | undefined {
    return this.#inFolder(plainReference(reference)) ??
      (this.#hashed ? this.#inFolder(this.#hash(reference)) : undefined);
  }

  #hash(reference: string): string {
    return hashedReference(this.options.keyed, plainReference(reference));
  }

  #inFolder(name: string): T | undefined {
    const bare = withoutExtension(name);
    const exact = this.#byName.get(name) ?? this.#byName.get(bare);
    if (exact) return exact;
    const fitting = this.#fitting(name, bare);
    if (fitting) return fitting.length === 1 ? fitting[0] : undefined;
    const number = inbreast.exec(lastPart(bare))?.[1];
    return number === undefined ? undefined : this.exact(number);
  }

  /** Images by their folders, where the reference fits at least one. */
  #fitting(name: string, bare: string): T[] | undefined {
    return [...new Set([name, bare])].map((path) =>
      (this.#byLastPart.get(lastPart(path)) ?? []).filter((image) =>
        this.#places(image).some((place) =>
          endsIn(place, path) || (place.includes("/") && endsIn(path, place))
        )
      )
    ).find((images) => images.length > 0);
  }

  /** The images that a reference may mean, where it fits several and so finds none. */
  candidates(reference: string): string[] {
    if (this.find(reference)) return [];
    const name = plainReference(reference);
    const hashed = this.#hashed ? this.#hash(reference) : name;
    const fitting = this.#fitting(name, withoutExtension(name)) ?? this.#fitting(hashed, hashed) ??
      [];
    return fitting.length > 1 ? fitting.map((image) => image.name).sort() : [];
  }

  /** Why a row of labels or gaze finds no image, in a sentence. */
  missing(reference: string): string {
    const several = this.candidates(reference);
    return several.length === 0
      ? `there is no image "${reference}"`
      : `"${reference}" may mean ${shownNames(several)}: name its folder too`;
  }

  /** Of a table that names no image of the set; `said` are the names that it has. */
  noneNamed(file: string, said: string[]): string {
    const called = shownNames([...this.#byName.keys()]);
    const whom = said.length === 1
      ? `The one image that ${file} names is not in the set`
      // Files of gaze tell no more than the first thousand.
      : `None of the ${
        said.length < 1000 ? `${said.length} ` : ""
      }images that ${file} names is in the set`;
    return `${whom}: its images are called ${called}; the file says ${shownNames(said)}`;
  }

  #withoutFolders(path: string): T | undefined {
    const last = lastPart(path);
    const images = this.#byLastPart.get(last) ?? this.#byLastPart.get(withoutExtension(last)) ?? [];
    return images.length === 1 && !images[0].name.includes("/") ? images[0] : undefined;
  }
}
