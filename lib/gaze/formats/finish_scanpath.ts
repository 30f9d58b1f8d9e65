/** A scanpath as it was read becomes gaze: eyes averaged, fixations made, ordered, checked against the image. */
import type { GazeOptions } from "./format.ts";
import { dataLoss, PAUSE, type Scanpath } from "./scanpath.ts";
import { fillOf, type Filter, fixationsOf } from "../filters/mod.ts";
import { oneEye } from "../filters/one_eye.ts";
import { type Track, trackOf } from "../filters/track.ts";
import { type Fixation, type Gaze, SAMPLE_STRIDE, type Samples } from "../gaze.ts";
import { placeImage, pxPerDegree, USUAL_PX_PER_DEGREE } from "../screen.ts";

/** What finishing asks of the file's reader. */
export interface Finishing {
  readonly options: GazeOptions;
  readonly format: string;
  readonly filter: Filter;
  /** Whether times are counted from a scanpath's first sample or fixation. */
  readonly rebase: boolean;
  readonly timeUnit: string;
  readonly eye: string;
  /** What the file's times are counted from on the tracker's clock, s. */
  readonly epoch: number;
  /** Screen px per degree that the file tells. */
  readonly toldPxPerDegree?: number;
  assume(what: string): void;
  use(option: keyof GazeOptions): void;
  assumeFilter(): void;
}

export function finishScanpath(scanpath: Scanpath, file: Finishing): Gaze {
  const { image, reader, lost, size } = scanpath;
  let samples: Samples | undefined;
  let fixations = inOrder(scanpath.takeFixations(), file);
  const all0 = fixations.length;
  let share_in_fixations: number | null = null;
  let px_per_degree: number | null = null;
  let filtered = false;
  if (scanpath.sampleCount > 0) {
    filtered = fixations.length === 0 || file.options.filter !== undefined;
    const eyes = scanpath.takeEyes();
    samples = scanpath.takeSamples();
    if (eyes) average(samples, eyes, fillOf(file.filter));
    if (filtered) {
      const track = eyes ?? trackOf(samples);
      const scale = imagePxPerDegree(scanpath, file, track);
      px_per_degree = scale ?? null;
      fixations = fixationsOf(track, file.filter, {
        px_per_degree: scale ?? USUAL_PX_PER_DEGREE,
        width: size?.width,
      });
      file.assumeFilter();
    } else file.assume("fixations as the tracker's software gave them");
  } else if (all0 > 0) file.assume("fixations as the file holds them");
  const start = Math.min(samples?.[0] ?? Infinity, fixations[0]?.start ?? Infinity);
  fixations = fixations.filter(({ x }) => !Number.isNaN(x));
  if (samples) share_in_fixations = shareInside(samples, fixations);
  if (file.rebase && Number.isFinite(start)) {
    if (samples) { for (let i = 0; i < samples.length; i += SAMPLE_STRIDE) samples[i] -= start; }
    for (const fixation of fixations) fixation.start -= start;
    file.assume("times counted from the first sample or fixation on the image");
  }
  const away = filtered ? 0 : scanpath.away;
  const all = fixations.length + away + (filtered ? 0 : lost);
  const { kept, off, offTime } = onImage(fixations, scanpath, file.options.off_image ?? "drop");
  const time = fixations.reduce((sum, { duration }) => sum + duration, 0);
  const share_off_image = !size
    ? null
    : samples
    ? (scanpath.found > 0 ? scanpath.off / scanpath.found : null)
    : time > 0
    ? offTime / time
    : null;
  const { kind, ...parameters } = file.filter;
  return {
    image,
    reader,
    fixations: kept,
    ...(samples ? { samples } : {}),
    format: file.format,
    assumptions: [],
    mapping: scanpath.mapping,
    off_image: off + away,
    dropped: all - kept.length,
    data_loss: samples ? dataLoss(samples) : all === 0 ? 0 : lost / all,
    facts: {
      format: file.format,
      positions: scanpath.positions,
      time: file.timeUnit,
      eye: file.eye,
      filter: filtered ? kind : null,
      filter_parameters: filtered ? parameters : null,
      px_per_degree,
      origin_s: file.rebase && Number.isFinite(start) ? file.epoch + start : 0,
      mapping: scanpath.mapping,
      share_in_fixations,
      share_off_image,
    },
  };
}

/** Positions of samples become the mean of both eyes, whose short gaps are filled before; missing stays missing. */
function average(samples: Samples, eyes: Track, fill_s: number): void {
  const { x, y } = oneEye(eyes, fill_s).eyes[0];
  for (let i = 0, at = 0; at < samples.length; i++, at += SAMPLE_STRIDE) {
    if (samples[at + 3] !== 1) continue;
    samples[at + 1] = x[i];
    samples[at + 2] = y[i];
  }
}

/** Share of the samples with gaze that lie in a fixation; null without any. */
function shareInside(samples: Samples, fixations: Fixation[]): number | null {
  let [found, inside, k] = [0, 0, 0];
  for (let at = 0; at < samples.length; at += SAMPLE_STRIDE) {
    if (samples[at + 3] !== 1) continue;
    found++;
    const t = samples[at];
    while (k < fixations.length && fixations[k].start + fixations[k].duration < t - 1e-6) k++;
    if (k < fixations.length && t >= fixations[k].start - 1e-6) inside++;
  }
  return found === 0 ? null : inside / found;
}

/** By start; unknown starts follow the fixation before without a pause. */
function inOrder(fixations: Fixation[], file: Finishing): Fixation[] {
  let end = 0;
  for (const fixation of fixations) {
    if (Number.isNaN(fixation.start)) {
      fixation.start = end;
      file.assume(
        "no start times: each fixation taken to follow the one before without a pause",
      );
    }
    end = fixation.start + (fixation.duration || 0);
  }
  return fixations.sort((a, b) => a.start - b.start);
}

function onImage(
  fixations: Fixation[],
  { size }: Scanpath,
  rule: "drop" | "clamp",
): { kept: Fixation[]; off: number; offTime: number } {
  if (!size) return { kept: fixations, off: 0, offTime: 0 };
  const { width, height } = size;
  const inside = ({ x, y }: Fixation) => x >= 0 && y >= 0 && x < width && y < height;
  let [off, offTime] = [0, 0];
  for (const fixation of fixations) {
    if (inside(fixation)) continue;
    off++;
    offTime += fixation.duration;
  }
  if (off === 0) return { kept: fixations, off, offTime };
  if (rule === "drop") return { kept: fixations.filter(inside), off, offTime };
  const clamp = (value: number, most: number) => Math.min(Math.max(value, 0), most - 1);
  const kept = fixations.map((fixation) =>
    inside(fixation)
      ? fixation
      : { ...fixation, x: clamp(fixation.x, width), y: clamp(fixation.y, height) }
  );
  return { kept, off, offTime };
}

/**
 * Image px per degree: by the screen and the distance, else by what is usual; undefined where the filter needs none.
 */
function imagePxPerDegree(
  scanpath: Scanpath,
  file: Finishing,
  track: Track,
): number | undefined {
  const { filter } = file;
  if (filter.kind === "fixed_distance" || (filter.kind === "idt" && filter.dispersion_px)) {
    return undefined;
  }
  if (track.eyes[0].ray && filter.kind === "ivt") {
    file.assume("angles by the positions of the eyes that the tracker gave");
    return undefined;
  }
  const { screen, viewing_distance_mm } = file.options;
  const { size } = scanpath;
  const given = pxPerDegree(screen, viewing_distance_mm);
  if (given !== undefined) {
    file.use("screen");
    file.use("viewing_distance_mm");
  }
  const onScreen = given ?? file.toldPxPerDegree;
  if (onScreen !== undefined) {
    file.assume(
      `${onScreen.toFixed(1)} screen px per degree, by the screen and the viewing distance` +
        (given === undefined ? " that the file tells" : ""),
    );
    const scale = scanpath.imagePxPerScreenPx ??
      (size && screen ? size.width / placeImage(size, screen).on.width : 1);
    return onScreen * scale;
  }
  file.assume(
    `no screen geometry: ${USUAL_PX_PER_DEGREE} px per degree, the image fitted to a screen of 1920 x 1080 px`,
  );
  const fit = size ? Math.max(1, size.width / 1920, size.height / 1080) : 1;
  return USUAL_PX_PER_DEGREE * (scanpath.imagePxPerScreenPx ?? fit);
}

/** Between two parts that are joined, s: long enough to be no loss of gaze, and never bridged. */
export const BETWEEN_PARTS = PAUSE + 1;
