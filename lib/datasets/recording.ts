/** Gaze on its way into the store: one recording per image and reader, however many files it came in. */
import type { Problem } from "@/lib/errors.ts";
import { packed, packedLike } from "@/lib/gaze/packed_fixations.ts";
import type { Gaze, Samples } from "@/lib/gaze/gaze.ts";
import type { GazeRow } from "@/lib/store/gaze.ts";

/** A gaze row before its image has an id. */
export type Recording = Omit<GazeRow, "id" | "image_id"> & {
  image: string;
  /** The file it came from, for problems. */
  source: string;
};

/** f64 little endian, as `GazeRow.samples_file` says. */
export function samplesToBytes(samples: Samples): Uint8Array {
  const bytes = new Uint8Array(samples.length * 8);
  const view = new DataView(bytes.buffer);
  samples.forEach((value, i) => view.setFloat64(i * 8, value, true));
  return bytes;
}

export function bytesToSamples(bytes: Uint8Array): Samples {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float64Array.from({ length: bytes.length / 8 }, (_, i) => view.getFloat64(i * 8, true));
}

export class Recordings {
  readonly #byKey = new Map<string, Recording>();
  /** Where each one's time 0 lies on the clock of its format. */
  readonly #origins = new Map<Recording, number>();
  /** Files whose reader is called by their name. */
  readonly #calledByFile = new Set<string>();
  readonly warnings: Problem[] = [];

  /** `store` puts samples away and gives the hash; `readerName` replaces names of people. */
  constructor(
    readonly store: (samples: Uint8Array) => Promise<string>,
    readonly readerName: (name: string) => string,
  ) {}

  /**
   * Adds what a file holds, on an image of this name. Fixations from one file and samples from another are one recording
   * with the fixations of the first, on the clock of the samples; anything else twice is passed over with a warning.
   */
  async add(gaze: Gaze, source: string, image: string = gaze.image): Promise<void> {
    const samples = gaze.samples?.length ? gaze.samples : undefined;
    let reader = this.readerName(gaze.reader);
    let key = JSON.stringify([image, reader]);
    let known = this.#byKey.get(key);
    const twice = known && (known.samples_file === null) === !samples;
    if (twice && reader === "" && known!.source !== source) {
      // Two files that name no reader are two readers, who are called by their files.
      reader = this.readerName(readerByFile(source, image));
      key = JSON.stringify([image, reader]);
      const message =
        `No reader is named here, nor in ${known!.source}, which has gaze on the same ` +
        `images: taken for another reader, by the file's name`;
      if (!this.#calledByFile.has(source)) this.warnings.push({ file: source, message });
      this.#calledByFile.add(source);
      known = this.#byKey.get(key);
    }
    if (known && (known.samples_file === null) === !samples) {
      const whose = `"${image}"${reader && ` of reader "${reader}"`}`;
      const message = `Skipped: gaze on ${whose} was already read from ${known.source}`;
      this.warnings.push({ file: source, message });
      return;
    }
    const recording: Recording = packedLike({
      image,
      reader,
      format: gaze.format,
      samples_file: samples ? await this.store(samplesToBytes(samples)) : null,
      assumptions: gaze.assumptions,
      dropped: gaze.dropped,
      data_loss: gaze.data_loss,
      facts: gaze.facts,
      source,
    }, gaze);
    this.#origins.set(recording, gaze.facts.origin_s);
    this.#byKey.set(key, known ? this.#combine(known, recording) : recording);
  }

  /** The fixations of the one without samples, the samples of the other. */
  #combine(a: Recording, b: Recording): Recording {
    const [fixed, sampled] = a.samples_file === null ? [a, b] : [b, a];
    const later = this.#origins.get(fixed)! - this.#origins.get(sampled)!;
    const sameClock = fixed.format === sampled.format && Math.abs(later) < 3600;
    if (!sameClock) {
      const message =
        `Fixations and samples (${sampled.source}) on "${fixed.image}" have clocks of ` +
        "their own: each counted from its own beginning";
      this.warnings.push({ file: fixed.source, message });
    }
    const recording = packed({
      ...fixed,
      fixations: sameClock
        ? fixed.fixations.map((one) => ({ ...one, start: one.start + later }))
        : fixed.fixations,
      samples_file: sampled.samples_file,
      data_loss: sampled.data_loss,
      assumptions: [...new Set([...fixed.assumptions, ...sampled.assumptions])],
    });
    this.#origins.set(recording, this.#origins.get(sampled)!);
    return recording;
  }

  all(): Recording[] {
    return [...this.#byKey.values()];
  }
}

/** What a file's path says beside `gaze/`, the image's name and its ending: `gaze/s2/im1.csv` is reader s2 on im1. */
function readerByFile(file: string, image: string): string {
  const path = file.replace(/^(.*\/)?gaze\//, "").replace(/(\.gz)?$/, "").replace(/\.[^./]*$/, "");
  const last = image.slice(image.lastIndexOf("/") + 1).replace(/\.[^.]*$/, "");
  const rest = path.replace(last, "").replace(/^[/_\-. ]+|[/_\-. ]+$/g, "");
  return (rest === "" ? path : rest).replaceAll("/", "_");
}
