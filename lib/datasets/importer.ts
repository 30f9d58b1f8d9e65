/** Everything that an archive's plan names, read and checked. */
import { createHash } from "node:crypto";
import { InvalidInput, type Problem } from "@/lib/errors.ts";
import type { Content } from "./write_content.ts";
import { ImageNames, withoutExtension } from "./image_names.ts";
import { checkSplits } from "./labels.ts";
import type { Plan, Source } from "./layouts/layout.ts";
import { type ArchiveLimits, defaultLimits } from "./limits.ts";
import { storePicture } from "./picture.ts";
import { readerName } from "./reader_name.ts";
import { Recordings } from "./recording.ts";
import { maxProblems } from "./csv_table.ts";
import type { Zip } from "./zip.ts";
import { parseGaze } from "@/lib/gaze/formats/mod.ts";
import { sniffImage } from "@/lib/images/sniff.ts";
import { type ViewFields, viewOf, type ViewOptions } from "@/lib/images/view.ts";
import type { Store } from "@/lib/store/mod.ts";

export interface ImportOptions {
  /** Only reports what an import would do. */
  dryRun?: boolean;
  limits?: Partial<ArchiveLimits>;
  /** What of DICOM files is taken; each field goes before that of dataset.json. */
  view?: ViewFields;
  signal?: AbortSignal;
  /** Files read so far, of all that will be. */
  onProgress?(done: number, total: number): void;
}

/** Whether bytes begin like an archive of a kind that people pack data in (gzip may be gaze). */
function looksLikeArchive(bytes: Uint8Array<ArrayBuffer>): boolean {
  const starts = (...signature: number[]) => signature.every((byte, i) => bytes[i] === byte);
  return starts(0x50, 0x4b, 3, 4) || starts(0x37, 0x7a, 0xbc, 0xaf) ||
    starts(0x52, 0x61, 0x72, 0x21);
}

/** Reads what a plan names; problems are collected, so that one answer lists them all. */
export class Importer {
  readonly #problems: Problem[] = [];
  readonly #content: Content;
  #done = 0;
  #dicomFiles = 0;
  readonly #view?: ViewOptions;

  constructor(
    readonly store: Store,
    readonly zip: Zip,
    readonly source: Source,
    readonly plan: Plan,
    /** Pictures read at once. */
    readonly takers: number,
    readonly pinned: string[],
    readonly options: ImportOptions,
  ) {
    this.#content = {
      description: plan.description,
      images: [],
      gaze: [],
      heatmaps: [],
      warnings: [...plan.skipped],
      replaced: [],
    };
    this.#view = viewOf({ ...plan.description, ...options.view });
  }

  async run(): Promise<Content> {
    await this.#readImages();
    this.#failIfProblems();
    const names = new ImageNames(this.#content.images);
    this.#applyLabels(names);
    await this.#readGaze(names);
    await this.#readHeatmaps(names);
    this.#failIfProblems();
    return this.#content;
  }

  #failIfProblems(): void {
    if (this.#problems.length === 0) return;
    const { length } = this.#problems;
    const message = `Cannot import the archive: ${length} ${length === 1 ? "problem" : "problems"}`;
    throw new InvalidInput(message, this.#problems);
  }

  /** Runs `body` for one file; its refusal becomes a problem of that file. */
  async #file(path: string, body: (bytes: Uint8Array<ArrayBuffer>, file: string) => Promise<void>) {
    this.options.signal?.throwIfAborted();
    const file = this.source.full(path);
    try {
      const dicom = /\.(dcm|dicom)$/i.test(path);
      const limits = { ...defaultLimits, ...this.options.limits };
      const bytes = await this.zip.read(file, dicom ? limits.dicomBytes : limits.entryBytes);
      // A workbook with gaze is an archive, too.
      if (looksLikeArchive(bytes) && !/\.xlsx$/i.test(path)) {
        throw new InvalidInput("Cannot read an archive in an archive");
      }
      await body(bytes, file);
    } catch (error) {
      if (!(error instanceof InvalidInput)) throw error;
      if (error.problems.length === 0) this.#problems.push({ file, message: error.message });
      else this.#problems.push(...error.problems);
      if (this.#problems.length >= maxProblems) this.#failIfProblems();
    }
    const { images, gaze, heatmaps } = this.plan;
    this.options.onProgress?.(++this.#done, images.length + gaze.length + heatmaps.length);
  }

  async #picture(bytes: Uint8Array<ArrayBuffer>, file: string) {
    const isDicom = sniffImage(bytes) === "dicom";
    if (isDicom) this.#dicomFiles++;
    const { picture, notes } = await storePicture(
      bytes,
      this.options.dryRun ? undefined : this.store.files,
      { view: isDicom ? this.#view : undefined },
    );
    for (const message of notes) this.#content.warnings.push({ file, message });
    if (!this.options.dryRun) this.pinned.push(picture.file);
    return picture;
  }

  async #readImages(): Promise<void> {
    const paths = new Map<string, string>();
    for (const { name, path } of this.plan.images) {
      const other = paths.get(name);
      if (other) {
        const message = `Cannot use "${name}" for two images, ${this.source.full(other)} is it too`;
        this.#problems.push({ file: this.source.full(path), message });
      }
      paths.set(name, path);
    }
    this.#failIfProblems();
    const queue = this.plan.images.values();
    const take = async () => {
      for (const { name, path } of queue) {
        await this.#file(path, async (bytes, file) => {
          const picture = await this.#picture(bytes, file);
          this.#content.images.push({ ...picture, name, label: null, patient: null, split: null });
        });
      }
    };
    // All takers stop before the first error goes up: none may go on storing files.
    const ends = await Promise.allSettled(Array.from({ length: this.takers }, take));
    for (const end of ends) if (end.status === "rejected") throw end.reason;
    this.#content.images.sort((a, b) => a.name < b.name ? -1 : 1);
    if (this.#view && this.#dicomFiles === 0) {
      const message = "Not used: frame, window, voi and force, as there is no DICOM file";
      this.#content.warnings.push({ message });
    }
  }

  #applyLabels(names: ImageNames<Content["images"][number]>): void {
    const file = this.plan.labelsFile;
    const lines = new Map<string, number>();
    for (const { image, line, label, patient, split } of this.plan.labels) {
      const target = names.find(image);
      if (!target) {
        const message = `Skipped: there is no image "${image}"`;
        this.#content.warnings.push({ file, line, message });
        continue;
      }
      if (lines.has(target.name)) {
        const message = `Cannot label "${target.name}" twice, line ${lines.get(target.name)} did`;
        this.#problems.push({ file, line, message });
      }
      lines.set(target.name, line);
      target.label = label ?? null;
      target.patient = patient ?? null;
      target.split = split ?? null;
    }
    const images = this.#content.images.map((i) => ({ ...i, line: lines.get(i.name) }));
    this.#problems.push(...checkSplits(images, file));
  }

  async #readGaze(names: ImageNames<Content["images"][number]>): Promise<void> {
    const recordings = new Recordings(async (samples) => {
      if (this.options.dryRun) return createHash("sha256").update(samples).digest("hex");
      const { sha256 } = await this.store.files.put(samples);
      this.pinned.push(sha256);
      return sha256;
    }, (reader) => readerName(this.store, reader));
    const { structured: _s, positive_label: _p, birads: _b, ...shown } = this.plan.description;
    const { frame: _f, window: _w, voi: _v, force: _o, ...gazeOptions } = shown;
    for (const path of this.plan.gaze) {
      await this.#file(path, async (bytes, file) => {
        const parsed = await parseGaze(bytes, {
          ...gazeOptions,
          file,
          imageSize: (name) => names.find(name),
          beside: {
            names: this.source.names.map(this.source.full),
            read: (name) => this.zip.read(name),
          },
        });
        this.#content.warnings.push(...parsed.warnings);
        for (const gaze of parsed.gaze) {
          const image = names.find(gaze.image);
          if (image) await recordings.add({ ...gaze, image: image.name }, file);
        }
      });
    }
    this.#content.warnings.push(...recordings.warnings);
    this.#content.gaze = recordings.all();
  }

  async #readHeatmaps(names: ImageNames<Content["images"][number]>): Promise<void> {
    const maps = new Set<string>();
    for (const { path, names: readings } of this.plan.heatmaps) {
      await this.#file(path, async (bytes, file) => {
        // A folder is a reader only where the whole path is no image.
        const found = [names.exact.bind(names), names.find.bind(names)].flatMap((find) =>
          readings.map(({ image, reader }) => ({ image: find(image), reader }))
        ).find(({ image }) => image);
        if (!found?.image) {
          const message = `Skipped: there is no image "${withoutExtension(readings[0].image)}"`;
          this.#content.warnings.push({ file, message });
          return;
        }
        const picture = await this.#picture(bytes, file);
        const reader = readerName(this.store, found.reader);
        const { width, height, name } = found.image;
        if (
          Math.abs(picture.width * height - picture.height * width) > 0.02 * picture.width * height
        ) {
          const message = `The map is ${picture.width} x ${picture.height} pixels, ` +
            `another shape than its image (${width} x ${height})`;
          this.#content.warnings.push({ file, message });
        }
        const key = JSON.stringify([name, reader]);
        if (maps.has(key)) {
          throw new InvalidInput(`Cannot use two maps for "${name}"`);
        }
        maps.add(key);
        this.#content.heatmaps.push({ image: name, reader, file: picture.file });
      });
    }
  }
}
