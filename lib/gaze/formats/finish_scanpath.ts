/** A scanpath as it was read becomes gaze: fixations made, ordered, checked against the image. */
import { dataLoss, type Scanpath } from "./scanpath.ts";
import type { Recording } from "./sink.ts";
import { fixationsOf } from "../filters/mod.ts";
import { type Track, trackOf } from "../filters/track.ts";
import { type Fixation, type Gaze, SAMPLE_STRIDE, type Samples } from "../gaze.ts";
import { placeImage, pxPerDegree, USUAL_PX_PER_DEGREE } from "../screen.ts";

export function finishScanpath(scanpath: Scanpath, recording: Recording): Gaze {
  const { image, reader, lost } = scanpath;
  let samples: Samples | undefined;
  let fixations = inOrder(scanpath.fixations, recording);
  if (scanpath.sampleCount > 0) {
    const filtered = fixations.length === 0 || recording.options.filter;
    const rays = filtered ? scanpath.takeTrack() : undefined;
    samples = scanpath.takeSamples();
    if (filtered) {
      const track = rays ?? trackOf(samples);
      fixations = fixationsOf(track, recording.filter, {
        px_per_degree: imagePxPerDegree(scanpath, recording, track),
        width: scanpath.size?.width,
      });
      recording.assumeFilter();
    } else recording.assume("fixations as the tracker's software gave them");
  }
  if (recording.rebase) {
    const start = Math.min(samples?.[0] ?? Infinity, fixations[0]?.start ?? Infinity);
    if (samples) { for (let i = 0; i < samples.length; i += SAMPLE_STRIDE) samples[i] -= start; }
    for (const fixation of fixations) fixation.start -= start;
    recording.assume("times counted from the first sample or fixation on the image");
  }
  const all = fixations.length + lost;
  const { kept, off } = onImage(fixations, scanpath, recording.options.off_image ?? "drop");
  return {
    image,
    reader,
    fixations: kept,
    ...(samples ? { samples } : {}),
    format: recording.format,
    assumptions: [],
    mapping: scanpath.mapping,
    off_image: off,
    dropped: all - kept.length,
    data_loss: samples ? dataLoss(samples) : all === 0 ? 0 : lost / all,
  };
}

/** By start; unknown starts follow the fixation before without a pause. */
function inOrder(fixations: Fixation[], recording: Recording): Fixation[] {
  let end = 0;
  for (const fixation of fixations) {
    if (Number.isNaN(fixation.start)) {
      fixation.start = end;
      recording.assume(
        "no start times: each fixation taken to follow the one before without a pause",
      );
    }
    end = fixation.start + fixation.duration;
  }
  return fixations.sort((a, b) => a.start - b.start);
}

function onImage(
  fixations: Fixation[],
  { size }: Scanpath,
  rule: "drop" | "clamp",
): { kept: Fixation[]; off: number } {
  if (!size) return { kept: fixations, off: 0 };
  const { width, height } = size;
  const inside = ({ x, y }: Fixation) => x >= 0 && y >= 0 && x < width && y < height;
  const off = fixations.reduce((count, fixation) => count + (inside(fixation) ? 0 : 1), 0);
  if (off === 0) return { kept: fixations, off };
  if (rule === "drop") return { kept: fixations.filter(inside), off };
  const clamp = (value: number, most: number) => Math.min(Math.max(value, 0), most - 1);
  const kept = fixations.map((fixation) =>
    inside(fixation)
      ? fixation
      : { ...fixation, x: clamp(fixation.x, width), y: clamp(fixation.y, height) }
  );
  return { kept, off };
}

/** Image px per degree: by the screen and the distance, else by what is usual. */
function imagePxPerDegree(scanpath: Scanpath, recording: Recording, track: Track): number {
  const { filter } = recording;
  if (filter.kind === "fixed_distance" || (filter.kind === "idt" && filter.dispersion_px)) return 1;
  if (track.eyes[0].ray && filter.kind === "ivt") {
    recording.assume("angles by the positions of the eyes that the tracker gave");
    return USUAL_PX_PER_DEGREE;
  }
  const { screen, viewing_distance_mm } = recording.options;
  const { size } = scanpath;
  const onScreen = pxPerDegree(screen, viewing_distance_mm);
  if (onScreen !== undefined) {
    recording.assume(
      `${onScreen.toFixed(1)} screen px per degree, by the screen and the viewing distance`,
    );
    const scale = scanpath.imagePxPerScreenPx ??
      (size ? size.width / placeImage(size, screen!).on.width : 1);
    return onScreen * scale;
  }
  recording.assume(
    `no screen geometry: ${USUAL_PX_PER_DEGREE} px per degree, the image fitted to a screen of 1920 x 1080 px`,
  );
  const fit = size ? Math.max(1, size.width / 1920, size.height / 1080) : 1;
  return USUAL_PX_PER_DEGREE * (scanpath.imagePxPerScreenPx ?? fit);
}
