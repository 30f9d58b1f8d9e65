/** What comes out of a file while it is read: scanpaths, assumptions, warnings, problems. */
import { InvalidInput, type Problem } from "@/lib/errors.ts";
import type { GazeOptions, ParsedGaze } from "./format.ts";
import { finishScanpath } from "./finish_scanpath.ts";
import { compose, ofRectangle, Scanpath } from "./scanpath.ts";
import { describe, type Filter, type FilterSpec, filterSpec } from "../filters/mod.ts";
import type { Rectangle, Size } from "../gaze.ts";
import { placeImage, type Screen } from "../screen.ts";

/** A file is given up after so many problems; warnings beyond are only counted. */
const MOST = 100;
/** Images times readers, and images that the data set does not know, of one file. */
const SCANPATHS = 100_000;
const UNKNOWN = 1000;

export class Recording {
  readonly file: string;
  filter: Filter;
  /** Whether times are counted from a scanpath's first sample or fixation (clocks of trackers). */
  rebase = false;
  /** Role to header of the columns that were found, for tables. */
  readonly columns: Record<string, string> = {};
  private readonly scanpaths = new Map<string, Scanpath>();
  private readonly unknown = new Map<string, { line: number; rows: number }>();
  private readonly assumed = new Set<string>();
  private readonly warnings: Problem[] = [];
  private readonly problems: Problem[] = [];
  private readonly endings: (() => void)[] = [];
  private unheard = 0;
  private fromName?: { image: string; reader: string };

  constructor(readonly options: GazeOptions, readonly format: string) {
    this.file = options.file;
    this.filter = filterSpec.parse(options.filter ?? { kind: "ivt" });
  }

  /** Keeps what was taken for granted, once. */
  assume(what: string): void {
    this.assumed.add(what);
  }

  /** Something to look at, that does not stop the import. */
  warn(message: string, line?: number, column?: number): void {
    if (this.warnings.length < MOST) this.warnings.push({ file: this.file, line, column, message });
    else this.unheard++;
  }

  /** Something that makes the file unacceptable. */
  problem(message: string, line?: number, column?: number): void {
    this.problems.push({ file: this.file, line, column, message });
    if (this.problems.length >= MOST) this.stopIfWrong();
  }

  /** @throws InvalidInput if there has been a problem */
  stopIfWrong(): void {
    if (this.problems.length === 0) return;
    const { line, column, message } = this.problems[0];
    const place = (line ? `, line ${line}` : "") + (column ? `, column ${column}` : "");
    throw new InvalidInput(`Cannot read ${this.file}${place}: ${message}`, this.problems);
  }

  /**
   * The scanpath of a reader on an image, made when first asked for; undefined where the data set has no such image.
   * @param image name in the file; "" for the image (and reader) that the options or the file's name tell
   */
  scanpath(image: string, reader: string, line: number): Scanpath | undefined {
    if (image === "" || reader === "") {
      const named = this.namedByFile();
      if (image === "") {
        image = named.image;
        if (this.options.image === undefined) this.assume(`image "${image}" by the file's name`);
      }
      if (reader === "" && named.reader !== "") {
        reader = named.reader;
        if (this.options.reader === undefined) this.assume("reader by the file's name");
      }
    }
    const key = `${reader}\n${image}`;
    const known = this.scanpaths.get(key);
    if (known) return known;
    const size = this.options.imageSize?.(image);
    if (this.options.imageSize && !size) {
      const rows = this.unknown.get(image);
      if (rows) rows.rows++;
      else if (this.unknown.size < UNKNOWN) this.unknown.set(image, { line, rows: 1 });
      return undefined;
    }
    const name = size?.name ?? image;
    const same = this.scanpaths.get(`${reader}\n${name}`);
    if (!same && this.scanpaths.size >= 2 * SCANPATHS) {
      this.problem(`more than ${SCANPATHS} pairs of image and reader`, line);
      this.stopIfWrong();
    }
    const scanpath = same ?? new Scanpath(name, reader, size);
    this.scanpaths.set(key, scanpath);
    this.scanpaths.set(`${reader}\n${name}`, scanpath);
    return scanpath;
  }

  /** The one image of the file, by the options or because the data set knows an image of the file's name. */
  imageOfFile(): string | undefined {
    const { image, imageSize } = this.options;
    if (image !== undefined) return image;
    const { image: named } = this.namedByFile();
    return imageSize?.(named) ? named : undefined;
  }

  /** The longest end of a path (of any system) that names an image of the data set; without one the file's name. */
  imageByPath(path: string): string {
    const parts = path.trim().split(/[\\/]+/);
    for (let from = 0; this.options.imageSize && from < parts.length; from++) {
      const name = parts.slice(from).join("/");
      if (this.options.imageSize(name)) return name;
    }
    return parts.at(-1)!;
  }

  /** A filter that suits the format, unless one is asked for. */
  preferFilter(filter: FilterSpec): void {
    if (!this.options.filter) this.filter = filterSpec.parse(filter);
  }

  /** Positions of this scanpath are 0..1 of the image. */
  normalised(scanpath: Scanpath, line: number): void {
    if (scanpath.size) {
      scanpath.mapping = ofRectangle({ x: 0, y: 0, width: 1, height: 1 }, scanpath.size);
    } else this.problem(`normalised positions need the size of image "${scanpath.image}"`, line);
  }

  /**
   * Positions of this scanpath are those of the screen: px, or 0..1 of it.
   * @param told size of the screen by the file
   * @param on where the image stood, by the file
   */
  onScreen(
    scanpath: Scanpath,
    line: number,
    { told, on, normalised = false }: { told?: Size; on?: Rectangle; normalised?: boolean } = {},
  ): void {
    const { size } = scanpath;
    const screen = this.screen(told);
    if (normalised && (!screen || !size)) {
      this.normalised(scanpath, line);
      if (size) {
        this.assume(
          "positions relative to the screen: the image taken to have filled it (no screen given)",
        );
      }
      return;
    }
    if (!size || (!screen && !on)) {
      this.assume("screen px taken for image px (no screen given)");
      return;
    }
    const place = on ?? this.placed(size, screen!);
    const toPx = normalised
      ? { ax: screen!.width_px, bx: 0, ay: screen!.height_px, by: 0 }
      : undefined;
    const toImage = ofRectangle(place, size);
    scanpath.mapping = toPx ? compose(toPx, toImage) : toImage;
    scanpath.imagePxPerScreenPx = toImage.ax;
  }

  /** The screen by the options, else by the file. */
  screen(told?: Size): Screen | undefined {
    if (this.options.screen) return this.options.screen;
    if (!told) return undefined;
    this.assume(`screen of ${told.width} x ${told.height} px, as the file says`);
    return { width_px: told.width, height_px: told.height };
  }

  /** Has something done when the file is read. */
  atEnd(ending: () => void): void {
    this.endings.push(ending);
  }

  /** Scanpaths become gaze. @throws InvalidInput if there has been a problem */
  finish(): ParsedGaze {
    for (const ending of this.endings) ending();
    this.stopIfWrong();
    for (const [image, { line, rows }] of this.unknown) {
      this.warn(
        `image "${image}" is not in the data set: ${rows} ${rows === 1 ? "row" : "rows"} left out`,
        line,
      );
    }
    const off = { fixations: 0, of: 0, samples: 0, images: new Set<string>() };
    const gaze = [...new Set(this.scanpaths.values())].flatMap((scanpath) => {
      if (scanpath.sampleCount + scanpath.fixations.length + scanpath.lost === 0) return [];
      const done = finishScanpath(scanpath, this);
      off.fixations += done.off_image;
      off.of += done.fixations.length + done.dropped;
      off.samples += scanpath.off;
      if (done.off_image > 0) off.images.add(done.image);
      if (done.data_loss > 0.25) {
        this.warn(
          `image "${done.image}": ${
            Math.round(done.data_loss * 100)
          } % of the recording is without gaze`,
        );
      }
      return [done];
    });
    if (off.fixations > 0) {
      const what = this.options.off_image === "clamp" ? "moved to the edge" : "dropped";
      const where = [...off.images].slice(0, 5).map((image) => `"${image}"`).join(", ");
      this.warn(
        `${off.fixations} of ${off.of} fixations lie off the image: ${what} ` +
          `(on ${where}${off.images.size > 5 ? ", ..." : ""})`,
      );
    }
    if (gaze.length === 0 && this.unknown.size === 0 && this.warnings.length === 0) {
      this.warn("no gaze on a named image: where the file names none, the option `image` does");
    }
    if (off.samples > 0) this.warn(`${off.samples} samples lie off the image: kept as they are`);
    if (this.unheard > 0) {
      this.warnings.push({ file: this.file, message: `${this.unheard} more warnings` });
    }
    const assumptions = [...this.assumed];
    for (const one of gaze) one.assumptions = assumptions;
    const { columns, format, warnings } = this;
    return { gaze, format, columns, assumptions, warnings };
  }

  /** Says which filter made the fixations. */
  assumeFilter(): void {
    this.assume(describe(this.filter));
  }

  private placed(size: Size, screen: Screen): Rectangle {
    const { on, assumed } = placeImage(size, screen);
    this.assume(assumed);
    return on;
  }

  /**
   * Image and reader by the options or the file's name: `gaze/1001.csv` is image 1001; where the data set knows no
   * such image, the longest beginning that it knows is the image and the rest the reader: `1001_anna.csv`.
   */
  private namedByFile(): { image: string; reader: string } {
    if (this.fromName) return this.fromName;
    const { file, imageSize, image, reader } = this.options;
    const path = file.replace(/^(.*\/)?gaze\//, "").replace(/(\.gz)?$/, "").replace(
      /\.[^./]*$/,
      "",
    );
    const stem = path.slice(path.lastIndexOf("/") + 1);
    let found = { image: image ?? stem, reader: reader ?? "" };
    if (image === undefined && imageSize) {
      for (const name of [path, stem]) {
        const cuts = [
          name.length,
          ...[...name.matchAll(/[/_\-. ]+/g)].map((mark) => mark.index).reverse(),
        ];
        const cut = cuts.find((end) => imageSize(name.slice(0, end)));
        if (cut === undefined) continue;
        const rest = name.slice(cut).replace(/^[/_\-. ]+/, "").replace(/^roi[\d-]+$/, "");
        found = { image: name.slice(0, cut), reader: reader ?? rest };
        break;
      }
    }
    return this.fromName = found;
  }
}
