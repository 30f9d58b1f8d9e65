/** Everything that an archive's plan names, read and checked. */
import { createHash } from "node:crypto";
import { InvalidInput, type Problem } from "@/lib/errors.ts";
import type { Content } from "./write_content.ts";
import { ImageNames, withoutExtension } from "./image_names.ts";
import { doubtsOf } from "@/lib/gaze/doubtful_set.ts";
import { contradicted, knownOf, mergedFindings } from "./multi_label.ts";
import { notAClassWarning, positiveMissing } from "./positive_label.ts";
import { labelsAlike, patientsMissing, quoted } from "./label_columns.ts";
import { matchReadings, readingKey, readingWarnings } from "./matched_readings.ts";
import { readReadings } from "./readings.ts";
import { checkSplits, type ImageLabel, splitOf, twoNames } from "./labels.ts";
import type { Plan, Source } from "./layouts/layout.ts";
import { type ArchiveLimits, defaultLimits } from "./limits.ts";
import { storePicture } from "./picture.ts";
import { dicomName, HASHED, isHashedImage, patientName, readerName } from "./pseudonym.ts";
import { Redaction } from "./redaction.ts";
import { Recordings } from "./recording.ts";
import { maxProblems } from "./csv_table.ts";
import type { Zip } from "./zip.ts";
import { packedLike } from "@/lib/gaze/packed_fixations.ts";
import { parseGaze } from "@/lib/gaze/formats/mod.ts";
import { sniffImage } from "@/lib/images/sniff.ts";
import { type ViewFields, viewOf, type ViewOptions } from "@/lib/images/view.ts";
import type { DatasetRow, ImageRow, NameMode, Store } from "@/lib/store/mod.ts";

export interface ImportOptions {
  /** Only reports what an import would do. */
  dryRun?: boolean;
  /** Whether the archive replaces what is there (the default) or comes to it. */
  mode?: "replace" | "add";
  /** With `add`: what becomes of images and gaze that are there already; default `refuse`. */
  same?: "refuse" | "replace";
  /**
   * Whether names of DICOM files and of patients are hashed or kept. Where nothing is said, as the set of this name does
   * it, and hashed in a new one, unless it is a published set.
   */
  names?: NameMode;
  limits?: Partial<ArchiveLimits>;
  /** What of DICOM files is taken; each field goes before that of dataset.json. */
  view?: ViewFields;
  signal?: AbortSignal;
  /** Files read so far, of all that will be. */
  onProgress?(done: number, total: number): void;
}

/** What labels, gaze and maps belong to: an image that comes, or one that is there. */
type Target = Content["images"][number];

/** What is passed over without being named one by one. */
function strays(paths: string[]): Problem[] {
  if (paths.length === 0) return [];
  const shown = paths.slice(0, 3).map((path) => `"${path}"`).join(", ");
  const what = paths.length === 1 ? "1 file that is" : `${paths.length} files that are`;
  return [{ message: `Passed over: ${what} no part of a data set, such as ${shown}` }];
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
  /** Images that are there, where this comes to them. */
  #known: ImageRow[] = [];
  /** Paths of pictures, by the names of their images. */
  readonly #places = new Map<string, string>();
  #done = 0;
  #dicomFiles = 0;
  readonly #view?: ViewOptions;
  readonly #redaction: Redaction;

  constructor(
    readonly store: Store,
    readonly zip: Zip,
    readonly source: Source,
    readonly plan: Plan,
    /** Pictures read at once. */
    readonly takers: number,
    readonly pinned: string[],
    readonly options: ImportOptions & { names: NameMode },
    readonly base?: DatasetRow,
  ) {
    this.#redaction = new Redaction(store);
    this.#content = {
      description: plan.description,
      names: options.names,
      images: [],
      gaze: [],
      heatmaps: [],
      readings: [],
      relabelled: [],
      warnings: [...plan.notes, ...plan.skipped, ...strays(source.strays)],
      replaced: [],
    };
    this.#view = viewOf({ ...plan.description, ...options.view });
  }

  async run(): Promise<Content> {
    if (this.base) this.#known = await this.store.images.all(this.base.id);
    await this.#readImages();
    this.#failIfProblems();
    const { images } = this.#content;
    const fresh = new Set(images.map(({ name }) => name));
    const kept = this.#known.filter(({ name }) => !fresh.has(name));
    const names = new ImageNames<Target>([...images, ...kept], {
      keyed: this.store,
      placeOf: ({ name }) => this.#places.get(name),
    });
    this.#applyLabels(names, kept);
    await this.#readGaze(names);
    await this.#readHeatmaps(names);
    await this.#readReadings(names, kept);
    await this.#refuseSame(this.#content.gaze, this.#content.heatmaps);
    this.#failIfProblems();
    this.#hideNames();
    return this.#content;
  }

  /** What is said of an import is kept: it names nobody whose name is not kept otherwise. */
  #hideNames(): void {
    if (this.options.names === "keep") return;
    const { images } = this.#content;
    if ([...images, ...this.#known].some(({ name }) => isHashedImage(name))) {
      this.#redaction.addReferences(this.plan.labels.map(({ image }) => image));
      this.#content.warnings = this.#redaction.of(this.#content.warnings);
    }
    if (images.some(({ name, format }) => format === "dicom" && isHashedImage(name))) {
      this.#content.warnings.push({ message: HASHED });
    }
  }

  #failIfProblems(): void {
    if (this.#problems.length === 0) return;
    const { length } = this.#problems;
    const message = `Cannot import the archive: ${length} ${length === 1 ? "problem" : "problems"}`;
    throw new InvalidInput(message, this.#problems);
  }

  /** Runs `body` for one file; its refusal becomes a problem of that file. */
  async #file(
    path: string,
    body: (bytes: Uint8Array<ArrayBuffer>, file: string) => void | Promise<void>,
  ) {
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
    const { images, gaze, heatmaps, readings } = this.plan;
    const files = images.length + gaze.length + heatmaps.length + readings.length;
    this.options.onProgress?.(++this.#done, files);
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

  /** What an image is called: as it is known already, a DICOM file's after a hash. */
  #nameOf(name: string, isDicom: boolean, there: Set<string>): string {
    if (this.options.names === "keep") return name;
    const hashed = dicomName(this.store, name);
    return there.has(hashed) || (isDicom && !there.has(name)) ? hashed : name;
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
    const there = new Set(this.#known.map(({ name }) => name));
    if (this.options.same !== "replace") {
      for (const { name, path } of this.plan.images) {
        if (!there.has(this.#nameOf(name, false, there))) continue;
        const message =
          `Cannot add "${name}": the data set has it (same=replace takes the new one)`;
        this.#problems.push({ file: this.source.full(path), message });
        if (this.#problems.length >= maxProblems) break;
      }
    }
    this.#failIfProblems();
    const queue = this.plan.images.values();
    const take = async () => {
      for (const { name, path } of queue) {
        await this.#file(path, async (bytes, file) => {
          const picture = await this.#picture(bytes, file);
          const called = this.#nameOf(name, picture.format === "dicom", there);
          if (called !== name) this.#redaction.addImage(name, called, [path, file]);
          this.#places.set(called, file);
          const none = { label: null, findings: null, patient: null, split: null };
          this.#content.images.push({ ...picture, name: called, ...none });
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

  /** A warning that none of the others may hide. */
  #lead(warning: Problem): void {
    this.#content.warnings.unshift(warning);
  }

  #applyLabels(names: ImageNames<Target>, kept: ImageRow[]): void {
    const given = new Map<Target, ImageLabel>();
    /** Of each table: its rows, the names that are no images, and how many are. */
    const tables = new Map<string, { said: string[]; found: number }>();
    for (const said of this.plan.labels) {
      const row = { ...said, patient: this.#patientOf(said) };
      const file = row.file ?? this.plan.labelsFile;
      const { line } = row;
      const target = names.findInFolder(row.image);
      const table = tables.get(file) ?? { said: [], found: 0 };
      if (line !== undefined) tables.set(file, table);
      if (target) table.found++;
      else {
        table.said.push(row.image);
        const message = `Skipped: ${names.missing(row.image)}`;
        this.#content.warnings.push({ file, line, message });
        continue;
      }
      const known = given.get(target);
      if (!known) {
        given.set(target, { ...row });
        continue;
      }
      if (line !== undefined && known.file === row.file && known.image !== row.image) {
        const message = twoNames(row.image, known);
        this.#problems.push({ file, line, message });
        continue;
      }
      for (const role of ["label", "patient", "split"] as const) {
        if (known[role] && row[role] && known[role] !== row[role]) {
          const where = known.line === undefined ? "its folder" : `line ${known.line}`;
          const message =
            `Cannot give "${target.name}" the ${role} "${row[role]}": ${where} says ` +
            `"${known[role]}"`;
          this.#problems.push({ file, line, message });
        }
      }
      if (row.findings) {
        for (const name of contradicted(known.findings ?? {}, row.findings)) {
          const message =
            `Cannot say both 0 and 1 of "${name}" on "${target.name}": line ${known.line} says ` +
            `${known.findings![name]}`;
          this.#problems.push({ file, line, message });
        }
        known.findings = { ...known.findings, ...mergedFindings(null, row.findings) };
      }
      known.label ??= row.label;
      known.patient ??= row.patient;
      known.split ??= row.split;
    }
    for (const [file, { said, found }] of tables) {
      if (found === 0) this.#lead({ file, message: names.noneNamed(file, said) });
    }
    if (this.plan.splitByFolder) this.#dropHalfSplit(given);
    const own = new Set<Target>(this.#content.images);
    for (const [target, { label, findings: said, patient, split }] of given) {
      const findings = said && mergedFindings(own.has(target) ? null : target.findings, said);
      if (own.has(target)) {
        Object.assign(target, {
          label: label ?? null,
          findings: findings ?? null,
          patient: patient ?? null,
          split: split ?? null,
        });
      } else {
        const changes = Object.fromEntries(
          Object.entries({ label, findings, patient, split })
            .filter(([, value]) => value !== undefined),
        );
        this.#refuseChange(target, changes, given.get(target)!);
        Object.assign(target, changes);
        this.#content.relabelled.push({ image: target.name, changes });
      }
    }
    const all = [...this.#content.images, ...kept];
    this.#oneKind(all);
    const lines = all.map((image) => ({ ...image, line: given.get(image)?.line }));
    this.#problems.push(...checkSplits(lines, this.plan.labelsFile));
    const without = all.filter(({ patient }) => patient === null).length;
    const missing = this.plan.patientsKnown
      ? undefined
      : patientsMissing({ images: all.length, without }, this.#content.warnings);
    if (missing) this.#content.warnings.push({ message: missing });
    const findings = this.plan.description.classes ?? [];
    const alike = labelsAlike([...all, ...findings.map((label) => ({ label }))]);
    if (alike) this.#content.warnings.push({ file: this.plan.labelsFile, message: alike });
    const positive = this.plan.description.classes
      ? undefined
      : positiveMissing(this.plan.description.positive_label, all);
    if (positive) this.#lead({ message: positive });
  }

  /** In a multi-label set a folder is no class: who sorted pictures into some has to say it in a table. */
  #tellFolders(): void {
    const bare = this.#content.images.filter(({ findings, patient }) => !findings && !patient);
    const folders = new Set(bare.flatMap(({ name }) => {
      const path = (this.#places.get(name) ?? name).split("/").slice(0, -1);
      return path.findLast((part) => part !== "images" && splitOf(part) === undefined) ?? [];
    }));
    if (folders.size === 0) return;
    const message =
      `Not used: the folders ${quoted([...folders].sort())}, as the set is multi-label and ` +
      "of these images no finding is known; if the folders are classes, send a table with a column for each finding";
    this.#content.warnings.push({ file: this.plan.labelsFile, message });
  }

  /** A set has one label an image, or any number of findings. */
  #oneKind(all: Target[]): void {
    const { classes, positive_label } = this.plan.description;
    const one = all.filter(({ label }) => label !== null);
    if (classes === undefined || one.length === 0) {
      const unlabelled = all.filter(({ findings }) => !findings).length;
      if (classes && unlabelled > 0) {
        const message = `Of ${unlabelled} of ${all.length} images no finding is known`;
        this.#content.warnings.push({ file: this.plan.labelsFile, message });
      }
      if (classes) this.#tellFolders();
      const bare = (classes ?? []).filter((name) =>
        all.every(({ findings }) => knownOf(findings, name) === undefined)
      );
      if (bare.length > 0 && unlabelled < all.length) {
        const message =
          `Of ${quoted(bare)}, in the set's classes, nothing is known of any image: ` +
          "labels.csv needs a column of this name for each, with 0 and 1";
        this.#lead({ file: this.plan.labelsFile, message });
      }
      if (classes && positive_label !== null && !classes.includes(positive_label)) {
        this.#lead({ message: notAClassWarning(positive_label, classes) });
      }
      return;
    }
    const message =
      `Cannot use both one label an image ("${one[0].label}" of "${one[0].name}", and of ` +
      `${one.length - 1} more) and findings (${
        quoted(classes)
      }): a set has the one or the other. Send a table with a ` +
      "column for each finding, or one with a column `label`, for all images";
    this.#problems.push({ file: this.plan.labelsFile, message });
  }

  #patientOf({ patient }: ImageLabel): ImageLabel["patient"] {
    return patient && this.options.names === "hash" ? patientName(this.store, patient) : patient;
  }

  /** What labels say of an image that is there may not contradict what is known, unless that was asked for. */
  #refuseChange(target: Target, changes: Partial<Target>, { line, file }: ImageLabel): void {
    if (this.options.same === "replace") return;
    for (const role of ["label", "patient", "split"] as const) {
      const [known, given] = [target[role], changes[role]];
      if (known === null || given === undefined || given === known) continue;
      const message = `Cannot give "${target.name}" the ${role} "${given}": the data set has ` +
        `"${known}" (same=replace takes the new one)`;
      this.#problems.push({ file: file ?? this.plan.labelsFile, line, message });
    }
    for (const name of contradicted(target.findings ?? {}, changes.findings ?? {})) {
      const message =
        `Cannot give "${target.name}" the finding "${name}" as ${
          changes.findings![name]
        }: the data ` +
        `set has ${target.findings![name]} (same=replace takes the new one)`;
      this.#problems.push({ file: file ?? this.plan.labelsFile, line, message });
    }
  }

  /** Likewise of gaze and maps. */
  async #refuseSame(gaze: Content["gaze"], heatmaps: Content["heatmaps"]): Promise<void> {
    if (this.options.same === "replace") return;
    const ids = new Map(this.#known.map(({ id, name }) => [name, id]));
    const refuse = (image: string, reader: string, file?: string) => {
      const whose = reader === "" ? "" : ` of reader "${reader}"`;
      const message = `Cannot add gaze on "${image}"${whose}: the data set has it ` +
        "(same=replace takes the new one)";
      if (this.#problems.length < maxProblems) this.#problems.push({ file, message });
    };
    for (const { image, reader, source } of gaze) {
      const id = ids.get(image);
      if (id && (await this.store.gaze.ofImage(id, reader)).length > 0) {
        refuse(image, reader, source);
      }
    }
    for (const { image, reader } of heatmaps) {
      const id = ids.get(image);
      if (id && (await this.store.heatmaps.ofImage(id)).some((row) => row.reader === reader)) {
        refuse(image, reader);
      }
    }
  }

  /** A test part whose labels were never published is none to test on. */
  #dropHalfSplit(given: Map<Target, ImageLabel>): void {
    const sides = (labelled: boolean) =>
      new Set(
        [...given.values()].filter(({ label, findings }) => label || findings || !labelled)
          .map((row) => row.split),
      );
    const [all, labelled] = [sides(false), sides(true)];
    if (!all.has("train") || (labelled.has("train") && labelled.has("test"))) return;
    for (const row of given.values()) row.split = null;
    this.#content.warnings.push({
      message: "The folders' split was not taken: the training or the test part has no labels",
    });
  }

  async #readGaze(names: ImageNames<Target>): Promise<void> {
    const recordings = new Recordings(async (samples) => {
      if (this.options.dryRun) return createHash("sha256").update(samples).digest("hex");
      const { sha256 } = await this.store.files.put(samples);
      this.pinned.push(sha256);
      return sha256;
    }, (reader) => readerName(this.store, reader));
    const { structured: _s, positive_label: _p, names: _n, birads: _b, classes: _c, ...shown } =
      this.plan.description;
    const { frame: _f, window: _w, voi: _v, force: _o, ...gazeOptions } = shown;
    for (const path of this.plan.gaze) {
      await this.#file(path, async (bytes, file) => {
        const parsed = await parseGaze(bytes, {
          ...gazeOptions,
          file,
          imageSize: (name) => names.find(name),
          candidates: (name) => names.candidates(name),
          beside: {
            names: this.source.names.map(this.source.full),
            read: (name) => this.zip.read(name),
          },
        });
        const { gaze, unknown } = parsed;
        if (gaze.length === 0 && unknown.length > 0) {
          this.#lead({ file, message: names.noneNamed(file, unknown) });
        }
        this.#content.warnings.push(...parsed.warnings);
        this.#redaction.addReferences(unknown);
        for (const gaze of parsed.gaze) {
          const image = names.find(gaze.image);
          if (!image) continue;
          await recordings.add(gaze, file, image.name);
        }
      });
    }
    this.#content.warnings.push(...recordings.warnings);
    this.#content.gaze = recordings.all();
    const placed = this.#content.gaze.flatMap((one) => {
      const { image, facts } = one;
      const size = names.exact(image);
      return size ? [packedLike({ image, size, filter: facts?.filter ?? null }, one)] : [];
    });
    for (const message of doubtsOf(placed)) this.#lead({ message });
  }

  async #readHeatmaps(names: ImageNames<Target>): Promise<void> {
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

  /** After the labels, which say what is a class. */
  async #readReadings(names: ImageNames<Target>, kept: ImageRow[]): Promise<void> {
    const { positive_label: positive, classes: findings } = this.plan.description;
    if (findings && this.plan.readings.length > 0) {
      const message =
        `Cannot use readings of a multi-label set (${findings.length} findings): a reading is one ` +
        "class an image; leave readings.csv out, or make a set of one finding for it";
      this.#problems.push({ file: this.source.full(this.plan.readings[0]), message });
      return;
    }
    const labels = [...this.#content.images, ...kept].flatMap(({ label }) => label ?? []);
    const classes = new Set(labels.length > 0 && positive ? [...labels, positive] : labels);
    const keyed = this.store;
    const there = new Set(
      this.base && this.options.same !== "replace" && this.plan.readings.length > 0
        ? (await keyed.readings.ofDataset(this.base.id)).map((row) => readingKey(row.image, row))
        : [],
    );
    for (const path of this.plan.readings) {
      await this.#file(path, (bytes, file) => {
        const table = readReadings(bytes, file);
        this.#content.warnings.push(...table.warnings);
        const found = matchReadings(table.readings, { names, classes, keyed });
        this.#problems.push(...found.problems);
        if (found.readings.length === 0 && found.problems.length === 0) {
          const said = [...new Set(table.readings.map(({ image }) => image))];
          this.#lead({ file, message: names.noneNamed(file, said) });
        }
        for (const { message, ...at } of found.unknown) {
          this.#content.warnings.push({ ...at, message: `Skipped: ${message}` });
        }
        this.#redaction.addReferences(table.readings.map(({ image }) => image));
        for (const { image, at, ...decision } of found.readings) {
          this.#content.readings.push({ ...decision, image: image.name });
          if (!there.has(readingKey(image.name, decision))) continue;
          const message =
            `Cannot add a reading of "${image.name}" by reader "${decision.reader}": ` +
            "the data set has one (same=replace takes the new one)";
          if (this.#problems.length < maxProblems) this.#problems.push({ ...at, message });
        }
      });
    }
    const { readings, gaze } = this.#content;
    if (readings.length === 0) return;
    const before = this.base ? await keyed.gaze.readers(this.base.id) : [];
    const gazeReaders = new Set([...gaze, ...before].map(({ reader }) => reader));
    for (const message of readingWarnings(readings, { classes, positive, gazeReaders })) {
      this.#content.warnings.push({ message });
    }
  }
}
