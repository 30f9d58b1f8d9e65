/** Gaze put into a data set that exists, one file at a time. */
import { z } from "zod";
import { change, changeable } from "./mutation.ts";
import {
  addGazeInThread,
  type GazeFileOptions,
  type GazeSource,
  isLarge,
  isWorkbook,
} from "./gaze_thread.ts";
import { ImageNames } from "./image_names.ts";
import { imagesNamed } from "./images_named.ts";
import { keepReport } from "./report.ts";
import { isHashedImage, readerName } from "./pseudonym.ts";
import { Redaction } from "./redaction.ts";
import { type Recording, Recordings } from "./recording.ts";
import { problemSchema } from "@/lib/problems.ts";
import type { ParsedGaze } from "@/lib/gaze/formats/format.ts";
import { doubtsOf } from "@/lib/gaze/doubtful_set.ts";
import { fixationCount, packedLike } from "@/lib/gaze/packed_fixations.ts";
import { parseGaze } from "@/lib/gaze/formats/mod.ts";
import {
  fixationSchema,
  mappingSchema,
  recordingFactsSchema,
  SAMPLE_STRIDE,
} from "@/lib/gaze/gaze.ts";
import { type ImageRow, newId, type Store } from "@/lib/store/mod.ts";

export const gazePreviewSchema = z.object({
  image: z.string(),
  reader: z.string(),
  width: z.number().describe("px"),
  height: z.number(),
  mapping: mappingSchema,
  fixations: z.number(),
  samples: z.number(),
  first: z.array(fixationSchema).describe("The first ten"),
  off_image: z.number(),
  dropped: z.number(),
  data_loss: z.number(),
  facts: recordingFactsSchema.describe("What was assumed"),
}).meta({ id: "GazePreview" });
export type GazePreview = z.output<typeof gazePreviewSchema>;

export const gazeReportSchema = z.object({
  gaze: z.number().describe("Recordings added"),
  replaced: z.number().describe("Those among them that replace one"),
  images: z.number(),
  readers: z.number(),
  fixations: z.number(),
  samples: z.number(),
  dropped: z.number().describe("Fixations left out: off the image, or without a position"),
  format: z.string(),
  columns: z.record(z.string(), z.string()).describe("Role to header, for tables"),
  assumptions: z.array(z.string()),
  warnings: z.array(problemSchema),
  preview: z.array(gazePreviewSchema).optional()
    .describe("Of a dry run: the first twenty recordings"),
}).meta({ id: "GazeReport" });
export type GazeReport = z.output<typeof gazeReportSchema>;

/** Recordings of a preview, and fixations of each. */
const SHOWN = 20;
const FIRST = 10;

/**
 * Adds the gaze of one file; a recording of the same image and reader is replaced. `file` is its
 * name. With `dryRun` nothing is kept. Throws NotFound, Conflict, InvalidInput, Overloaded; bytes of
 * a large file are gone afterwards.
 */
export async function putGaze(
  store: Store,
  dataset: string,
  source: GazeSource,
  options: GazeFileOptions,
): Promise<GazeReport> {
  if (!isLarge(source)) return await addGaze(store, dataset, source, options);
  const { directory, cluster } = store;
  const place = { directory, cluster: cluster?.settings };
  return await addGazeInThread<GazeReport>({ ...place, dataset, source, options });
}

/** The same in this thread. */
export async function addGaze(
  store: Store,
  dataset: string,
  source: GazeSource,
  { dryRun = false, ...options }: GazeFileOptions,
): Promise<GazeReport> {
  const { id, meta } = dryRun
    ? await store.datasets.byName(dataset)
    : await changeable(store, dataset);
  const { birads: _, ...described } = meta;
  const given = Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  );
  const { images, names, parsed } = await readGaze(
    store,
    id,
    source,
    (names) =>
      opened(source, (content) =>
        parseGaze(content, {
          ...described,
          ...given,
          file: options.file,
          imageSize: (name) => names.find(name),
          candidates: (name) => names.candidates(name),
        })),
  );
  const pinned: string[] = [];
  const recordings = new Recordings(async (samples) => {
    if (dryRun) return "";
    const { sha256 } = await store.files.put(samples);
    pinned.push(sha256);
    return sha256;
  }, (reader) => readerName(store, reader));
  try {
    for (const gaze of parsed.gaze) {
      const image = names.find(gaze.image);
      if (!image) continue;
      await recordings.add(gaze, options.file, image.name);
    }
    const added = recordings.all();
    const report = { ...reportOf(parsed, added), warnings: [...parsed.warnings] };
    const { unknown } = parsed;
    if (parsed.gaze.length === 0 && unknown.length > 0 && images.length > 0) {
      const message = names.noneNamed(options.file, unknown);
      report.warnings.unshift({ file: options.file, message });
    }
    report.warnings.push(...recordings.warnings);
    const placed = added.flatMap((one) => {
      const size = names.exact(one.image);
      const { image, facts } = one;
      return size ? [packedLike({ image, size, filter: facts?.filter ?? null }, one)] : [];
    });
    report.warnings.unshift(
      ...doubtsOf(placed).map((message) => ({ file: options.file, message })),
    );
    if (unknown.length > 0 && images.some(({ name }) => isHashedImage(name))) {
      const redaction = new Redaction(store);
      redaction.addReferences(unknown);
      report.warnings = redaction.of(report.warnings);
    }
    const has = await gazeThere(store, added.map(({ image }) => names.exact(image)!.id));
    const isThere = ({ image, reader }: Recording) => has(names.exact(image)!.id, reader);
    const unnamed = added.filter((one) => one.reader === "" && isThere(one)).length;
    if (unnamed > 0) {
      const one = unnamed === 1;
      const what = one ? "recording that names" : "recordings that name";
      const replaces = dryRun ? (one ? "replaces" : "replace") : "replaced";
      const message =
        `${unnamed} ${what} no reader ${replaces} earlier gaze that names none: where two ` +
        "readers looked, the option `reader` names each";
      report.warnings.push({ file: options.file, message });
    }
    if (dryRun) {
      const replaced = added.filter(isThere).length;
      return { ...report, replaced, preview: previewOf(store, parsed, names) };
    }
    return await keep(store, dataset, added, pinned.splice(0), report);
  } finally {
    if (pinned.length > 0) await store.discard(pinned);
  }
}

/** Bytes of a file that are in memory at one time: more than are looked at to recognise a format. */
const CHUNK = 2 ** 18;

/** A text that lies on disk is read as it comes; a workbook's parts lie anywhere in it. */
async function opened<T>(
  source: GazeSource,
  read: (content: Uint8Array | ReadableStream<Uint8Array>) => Promise<T>,
): Promise<T> {
  if (source instanceof Uint8Array) return await read(source);
  using file = await Deno.open(source.path);
  const into = async (chunk: Uint8Array) => chunk.subarray(0, await file.read(chunk) ?? 0);
  const first = await into(new Uint8Array(CHUNK));
  if (isWorkbook(first)) return await read(await Deno.readFile(source.path));
  return await read(ReadableStream.from(async function* () {
    yield first;
    // The first is looked at more than once; whoever asks for the next has read the one before.
    const again = new Uint8Array(CHUNK);
    for (let chunk = await into(again); chunk.length > 0; chunk = await into(again)) yield chunk;
  }()));
}

/** What tells a file's images apart. */
type Names = Pick<ImageNames<ImageRow>, "find" | "candidates">;

/**
 * Reads a file. A small one is read twice, first to learn of which images it speaks: where it names them wholly, the
 * others of the set are not looked at.
 * @returns all images of the set, or those that the file speaks of
 */
async function readGaze(
  store: Store,
  dataset_id: string,
  source: GazeSource,
  parse: (names: Names) => Promise<ParsedGaze>,
) {
  const asked = new Set<string>();
  const listening: Names = { find: (name) => void asked.add(name), candidates: () => [] };
  // What is wrong with the file is said of the whole set.
  const heard = !isLarge(source) && await parse(listening).then(() => true, () => false);
  const few = heard ? await imagesNamed(store, dataset_id, asked) : undefined;
  if (few) {
    const names = new ImageNames(few, { keyed: store });
    let more = false;
    const find = (name: string) => {
      more ||= !asked.has(name);
      return names.find(name);
    };
    const parsed = await parse({ find, candidates: (name) => names.candidates(name) })
      .catch((error) => {
        if (!more) throw error;
      });
    if (parsed && !more) return { images: few, names, parsed };
  }
  const images = await store.images.all(dataset_id);
  const names = new ImageNames(images, { keyed: store });
  return { images, names, parsed: await parse(names) };
}

/** Tells whether one of these images has gaze of a reader. */
async function gazeThere(
  store: Store,
  image_ids: string[],
): Promise<(image_id: string, reader: string) => boolean> {
  const rows = await store.gaze.readersOf([...new Set(image_ids)]);
  const there = new Set(rows.map(({ image_id, reader }) => `${image_id} ${reader}`));
  return (image_id, reader) => there.has(`${image_id} ${reader}`);
}

/** Writes the recordings and the report, completed by how many were there before. */
async function keep(
  store: Store,
  dataset: string,
  added: Recording[],
  files: string[],
  unfinished: Omit<GazeReport, "replaced">,
): Promise<GazeReport> {
  const old: string[] = [];
  const report = await change(store, dataset, files, async ({ id: dataset_id }) => {
    let count = 0;
    for (const { image, source: _, ...recording } of added) {
      const { id: image_id } = await store.images.byName(dataset_id, image);
      for (const known of await store.gaze.ofImage(image_id, recording.reader)) {
        if (known.samples_file) old.push(known.samples_file);
        await store.gaze.remove(known.id);
        count++;
      }
      await store.gaze.insert({ id: newId("gz"), image_id, ...recording });
    }
    const report = { ...unfinished, replaced: count };
    await keepReport(store, dataset, "gaze", report);
    return report;
  });
  await store.collectGarbage(old);
  return report;
}

function reportOf(parsed: ParsedGaze, added: Recording[]) {
  const sum = (of: (one: Recording) => number) => added.reduce((all, one) => all + of(one), 0);
  const { format, columns, assumptions } = parsed;
  return {
    gaze: added.length,
    images: new Set(added.map(({ image }) => image)).size,
    readers: new Set(added.map(({ reader }) => reader)).size,
    fixations: sum(fixationCount),
    samples: parsed.gaze.reduce((all, { samples }) => all + countOf(samples), 0),
    dropped: sum(({ dropped }) => dropped),
    format,
    columns,
    assumptions,
  };
}

const countOf = (samples?: Float64Array) => (samples?.length ?? 0) / SAMPLE_STRIDE;

function previewOf(store: Store, { gaze }: ParsedGaze, names: ImageNames<ImageRow>): GazePreview[] {
  return gaze.slice(0, SHOWN).flatMap((one) => {
    const image = names.find(one.image);
    if (!image) return [];
    const { mapping, fixations, samples, off_image, dropped, data_loss, facts } = one;
    return [{
      image: image.name,
      reader: readerName(store, one.reader),
      width: image.width,
      height: image.height,
      mapping,
      fixations: fixations.length,
      samples: countOf(samples),
      first: fixations.slice(0, FIRST),
      off_image,
      dropped,
      data_loss,
      facts,
    }];
  });
}
