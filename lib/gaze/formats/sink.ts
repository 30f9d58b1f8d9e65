/** What comes out of a file while it is read: scanpaths, assumptions, warnings, problems. */
import { InvalidInput, type Problem } from "@/lib/errors.ts";
import type { GazeOptions, ParsedGaze } from "./format.ts";
import { BETWEEN_PARTS, finishScanpath } from "./finish_scanpath.ts";
import { nameByFile, type Named } from "./named_by_file.ts";
import { compose, ofRectangle, Scanpath } from "./scanpath.ts";
import { unlikely } from "./unlikely.ts";
import { unusedOptions } from "./unused_options.ts";
import { describe, type Filter, type FilterSpec, filterSpec } from "../filters/mod.ts";
import type { Gaze, Mapping, Rectangle, Size } from "../gaze.ts";
import { packed } from "../packed_fixations.ts";
import { placeImage, type Screen } from "../screen.ts";

/** A file is given up after so many problems; warnings beyond are only counted. */
const MOST = 100;
/** Images times readers, and images that the data set does not know, of one file. */
const SCANPATHS = 100_000;
const UNKNOWN = 1000;
/** Samples that a scanpath must have before its share of gaze in fixations says something. */
const ENOUGH = 50;

/** Where positions on the screen lie in the image. */
interface OnScreen {
  mapping: Mapping;
  imagePxPerScreenPx: number;
}

export class GazeSink {
  readonly file: string;
  filter: Filter;
  /** Whether times are counted from a scanpath's first sample or fixation (clocks of trackers). */
  rebase = false;
  /** The file's unit of time, for reports. */
  timeUnit = "s";
  /** Which eye, for reports. */
  eye = "as recorded";
  /** What times are counted from on the tracker's clock, s, where that is too far away for a double. */
  epoch = 0;
  /** Screen px per degree that the file tells. */
  toldPxPerDegree?: number;
  /** Role to header of the columns that were found, for tables. */
  readonly columns: Record<string, string> = {};
  readonly #scanpaths = new Map<string, Scanpath>();
  readonly #unknown = new Map<string, { line: number; rows: number }>();
  readonly #assumed = new Set<string>();
  readonly #warnings: Problem[] = [];
  readonly #tallies = new Map<string, { rows: number; line?: number; column?: number }>();
  readonly #problems: Problem[] = [];
  readonly #endings: (() => void)[] = [];
  readonly #guesses = new Set<string>();
  /** What no eyes do, and on which images. */
  readonly #unlikely = new Map<string, string[]>();
  readonly #used = new Set<string>();
  #unheard = 0;
  #leftOut = false;
  #named?: Named;

  constructor(readonly options: GazeOptions, readonly format: string) {
    this.file = options.file;
    this.filter = filterSpec.parse(options.filter ?? { kind: "ivt" });
  }

  /** Keeps what was taken for granted, once. */
  assume(what: string): void {
    this.#assumed.add(what);
  }

  /** Something to look at, that does not stop the import. */
  warn(message: string, line?: number, column?: number): void {
    if (this.#warnings.length < MOST) {
      this.#warnings.push({ file: this.file, line, column, message });
    } else this.#unheard++;
  }

  /** Why the whole file was left out, on purpose. */
  leaveOut(why: string): void {
    this.#leftOut = true;
    this.warn(why);
  }

  /** A warning that many rows give: told once, with their number and where they begin. */
  tally(message: string, line?: number, column?: number): void {
    const known = this.#tallies.get(message);
    if (known) known.rows++;
    else this.#tallies.set(message, { rows: 1, line, column });
  }

  /** Something that makes the file unacceptable. */
  problem(message: string, line?: number, column?: number): void {
    this.#problems.push({ file: this.file, line, column, message });
    if (this.#problems.length >= MOST) this.stopIfWrong();
  }

  /** @throws InvalidInput if there has been a problem */
  stopIfWrong(): void {
    if (this.#problems.length === 0) return;
    const { line, column, message } = this.#problems[0];
    const place = (line ? `, line ${line}` : "") + (column ? `, column ${column}` : "");
    throw new InvalidInput(`Cannot read ${this.file}${place}: ${message}`, this.#problems);
  }

  /** Says that an option (or a role of `columns`: `columns.x`) had an effect; others are told as unused. */
  use(option: keyof GazeOptions | `columns.${string}`): void {
    this.#used.add(option);
  }

  /** Which eye the reports name: the one asked for, or the average of both. */
  useEye(): "average" | "left" | "right" {
    this.use("eye");
    return this.eye = this.options.eye ?? "average";
  }

  /**
   * The scanpath of a reader on an image, made when first asked for; undefined where the data set has no such image.
   * @param image name in the file; "" for the image (and reader) that the options or the file's name tell
   */
  scanpath(image: string, reader: string, line: number): Scanpath | undefined {
    if (image === "" || reader === "") {
      const named = this.#namedByFile();
      if (image === "") {
        image = named.image;
        this.use("image");
        if (this.options.image === undefined) this.assume(`image "${image}" by the file's name`);
      }
      if (reader === "") {
        this.use("reader");
        reader = named.reader;
        if (reader !== "" && this.options.reader === undefined) {
          this.assume("reader by the file's name");
        }
      }
    }
    if (image === this.options.image) this.use("image");
    if (reader === this.options.reader) this.use("reader");
    const key = `${reader}\n${image}`;
    const known = this.#scanpaths.get(key);
    if (known) return known;
    const size = this.options.imageSize?.(image);
    if (this.options.imageSize && !size) {
      const rows = this.#unknown.get(image);
      if (rows) rows.rows++;
      else if (this.#unknown.size < UNKNOWN) this.#unknown.set(image, { line, rows: 1 });
      return undefined;
    }
    const name = size?.name ?? image;
    const same = this.#scanpaths.get(`${reader}\n${name}`);
    if (!same && this.#scanpaths.size >= 2 * SCANPATHS) {
      this.problem(
        `more than ${SCANPATHS} pairs of image and reader: send the file in several parts`,
        line,
      );
      this.stopIfWrong();
    }
    const scanpath = same ?? new Scanpath(name, reader, size);
    this.#scanpaths.set(key, scanpath);
    this.#scanpaths.set(`${reader}\n${name}`, scanpath);
    return scanpath;
  }

  /** The one image of the file, by the options or because the data set knows an image of the file's name. */
  imageOfFile(): string | undefined {
    const { image, imageSize } = this.options;
    if (image !== undefined) return image;
    const { image: named } = this.#namedByFile();
    return imageSize?.(named) ? named : undefined;
  }

  /** Whether the data set has an image of this name; without a data set, whether it is the name of a picture. */
  isImage(name: string): boolean {
    const { imageSize } = this.options;
    return imageSize
      ? imageSize(this.imageByPath(name)) !== undefined
      : /\.(png|jpe?g|bmp|tiff?|gif|dcm|dicom|pgm)$/i.test(name.trim());
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
    scanpath.positions = "share of the image";
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
    scanpath.positions = normalised ? "share of the screen" : "px of the screen";
    if (normalised && (!screen || !size)) {
      this.normalised(scanpath, line);
      scanpath.positions = "share of the screen";
      if (size) {
        this.assume(
          "positions relative to the screen: the image taken to have filled it (no screen given)",
        );
        this.#withoutScreen("the image taken to have filled the screen");
      }
      return;
    }
    if (!size || (!screen && !on)) {
      this.assume("screen px taken for image px (no screen given)");
      if (size) this.#withoutScreen("screen px taken for image px");
      return;
    }
    const { mapping, imagePxPerScreenPx } = this.mappingOf(size, screen, on, normalised);
    scanpath.mapping = mapping;
    scanpath.imagePxPerScreenPx = imagePxPerScreenPx;
  }

  /** Where the picture stood is a guess that moves all gaze. */
  #withoutScreen(guess: string): void {
    const told = '1920x1080, or JSON {"width_px", "height_px", "image"}';
    this.#guesses.add(`${guess}: the option \`screen\` (${told}) says where else it stood`);
  }

  /** From the screen's px (or 0..1 of it) to px of an image that stood `on` it, by default where `screen` says. */
  mappingOf(size: Size, screen?: Screen, on?: Rectangle, normalised = false): OnScreen {
    const toImage = ofRectangle(on ?? this.#placed(size, screen!), size);
    const toPx = { ax: screen?.width_px ?? 1, bx: 0, ay: screen?.height_px ?? 1, by: 0 };
    return {
      mapping: normalised ? compose(toPx, toImage) : toImage,
      imagePxPerScreenPx: toImage.ax,
    };
  }

  /** The screen by the options, else by the file. */
  screen(told?: Size): Screen | undefined {
    if (this.options.screen) {
      this.use("screen");
      const { width_px, height_px } = this.options.screen;
      if (told && (told.width !== width_px || told.height !== height_px)) {
        this.tally(
          `the file says a screen of ${told.width} x ${told.height} px, the option \`screen\` ${width_px} x ` +
            `${height_px} px: the option is taken`,
        );
      }
      return this.options.screen;
    }
    if (!told) return undefined;
    this.assume(`screen of ${told.width} x ${told.height} px, as the file says`);
    return { width_px: told.width, height_px: told.height };
  }

  /** Whether a sample at `t` can follow the last one; a row that cannot is left out with a warning. */
  inTime(scanpath: Scanpath, t: number, line: number, column?: number): boolean {
    if (!(t < scanpath.lastTime)) return true;
    this.tally("time goes backwards: rows left out", line, column);
    return false;
  }

  /** Time of a part (a trial, a recording) with a clock of its own; parts on one image follow one another. */
  timeIn(
    scanpath: Scanpath,
    part: string,
    t: number,
    { origin = "any", pause = BETWEEN_PARTS, line }: {
      origin?: "zero" | "any";
      pause?: number;
      line?: number;
    } = {},
  ): number {
    const { t: time, joined } = scanpath.timeIn(part, t, origin, pause);
    if (joined) {
      this.assume("several trials on an image joined, one after the other");
      this.tally(
        `several trials or recordings of one reader on an image (first "${scanpath.image}"): joined, one after ` +
          "the other",
        line,
      );
    }
    return time;
  }

  /** Has something done when the file is read. */
  atEnd(ending: () => void): void {
    this.#endings.push(ending);
  }

  /** Scanpaths become gaze. @throws InvalidInput if there has been a problem */
  finish(): ParsedGaze {
    for (const ending of this.#endings) ending();
    this.stopIfWrong();
    for (const [image, { line, rows }] of this.#unknown) {
      const left = `${rows} ${rows === 1 ? "row" : "rows"} left out`;
      const several = this.options.candidates?.(image) ?? [];
      const shown = several.slice(0, 4).map((name) => `"${name}"`).join(", ") +
        (several.length > 4 ? ", ..." : "");
      this.warn(
        several.length === 0
          ? `image "${image}" is not in the data set: ${left}`
          : `image "${image}" may mean ${shown}: name its folder too; ${left}`,
        line,
      );
    }
    const off = { fixations: 0, of: 0, samples: 0, images: new Set<string>() };
    const gaze = [...new Set(this.#scanpaths.values())].flatMap((scanpath) => {
      const { sampleCount, fixationCount, away } = scanpath;
      if (sampleCount + fixationCount + away === 0) return [];
      const done = finishScanpath(scanpath, this);
      off.fixations += done.off_image;
      off.of += done.fixations.length + done.dropped;
      off.samples += scanpath.off;
      if (done.off_image > 0) off.images.add(done.image);
      this.#flag(done, scanpath);
      return [packed(done)];
    });
    if (off.fixations > 0) {
      const what = this.options.off_image === "clamp" ? "moved to the edge" : "dropped";
      const where = [...off.images].slice(0, 5).map((image) => `"${image}"`).join(", ");
      this.warn(
        `${off.fixations} of ${off.of} fixations lie off the image: ${what} ` +
          `(on ${where}${off.images.size > 5 ? ", ..." : ""})`,
      );
    }
    for (const guess of this.#guesses) this.warn(guess);
    for (const [message, [first, ...others]] of this.#unlikely) {
      const more = others.length > 0 ? ` and ${others.length} more` : "";
      this.warn(`image "${first}"${more}: ${message}`);
    }
    for (const [message, { rows, line, column }] of this.#tallies) {
      this.warn(rows === 1 ? message : `${message} (${rows} rows, from here)`, line, column);
    }
    if (gaze.length === 0 && this.#unknown.size === 0 && !this.#leftOut) {
      this.warn(
        this.#warnings.length === 0
          ? "no gaze on a named image: the file holds none, or names no image, which the option `image` does"
          : "no gaze was kept of this file: the other warnings and what was assumed say why",
      );
    }
    if (off.samples > 0) this.warn(`${off.samples} samples lie off the image: kept as they are`);
    if (gaze.length > 0 || this.#unknown.size > 0) {
      for (const message of unusedOptions(this.options, this.#used)) this.warn(message);
    }
    if (this.#unheard > 0) {
      this.#warnings.push({ file: this.file, message: `${this.#unheard} more warnings` });
    }
    const assumptions = [...this.#assumed];
    for (const one of gaze) one.assumptions = assumptions;
    const { columns, format } = this;
    const unknown = [...this.#unknown.keys()];
    return { gaze, format, columns, assumptions, unknown, warnings: this.#warnings };
  }

  /** Says which filter made the fixations. */
  assumeFilter(): void {
    this.use("filter");
    this.assume(describe(this.filter));
  }

  /** Flags a recording that is mostly lost, or whose fixations hold little of its gaze. */
  #flag(gaze: Gaze, scanpath: Scanpath): void {
    const { image, data_loss, facts } = gaze;
    const { found } = scanpath;
    for (const message of unlikely(gaze, scanpath)) {
      const images = this.#unlikely.get(message);
      if (images) images.push(image);
      else this.#unlikely.set(message, [image]);
    }
    const percent = (share: number) => `${Math.round(share * 100)} %`;
    if (data_loss > 0.25) {
      this.warn(`image "${image}": ${percent(data_loss)} of the recording is without gaze`);
    }
    const inside = facts.share_in_fixations;
    if (inside !== null && inside < 0.5 && found >= ENOUGH) {
      this.warn(
        `image "${image}": fixations hold only ${
          percent(inside)
        } of the gaze; look at the unit of time, the ` +
          "screen's geometry and the filter",
      );
    }
  }

  #placed(size: Size, screen: Screen): Rectangle {
    const { on, assumed } = placeImage(size, screen);
    this.assume(assumed);
    return on;
  }

  #namedByFile(): Named {
    return this.#named ??= nameByFile(this.options);
  }
}
