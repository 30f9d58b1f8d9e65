/** Gaze files of any known format. A format is one file, and two lines here. */
import { InvalidInput } from "@/lib/errors.ts";
import type { GazeOptions, ParsedGaze } from "./format.ts";
import type { GazeFormat } from "./gaze_format.ts";
import { bids } from "./bids.ts";
import { eyelink_asc } from "./eyelink_asc.ts";
import { eyelink_dataviewer } from "./eyelink_dataviewer.ts";
import { eyetribe } from "./eyetribe.ts";
import { gazepoint } from "./gazepoint.ts";
import { i2mc } from "./i2mc.ts";
import { imotions } from "./imotions.ts";
import { mcgip } from "./mcgip.ts";
import { miceye } from "./miceye.ts";
import { plain } from "./plain.ts";
import { pupil_core } from "./pupil_core.ts";
import { pupil_neon } from "./pupil_neon.ts";
import { reflacx } from "./reflacx.ts";
import { remodnav } from "./remodnav.ts";
import { smi_begaze } from "./smi_begaze.ts";
import { tobii_prolab } from "./tobii_prolab.ts";
import { tobii_sdk } from "./tobii_sdk.ts";
import { webgazer } from "./webgazer.ts";
import { GazeSink } from "./sink.ts";
import { Text } from "./text.ts";

export { companionOf, isCompanion } from "./companions.ts";

/** In the order in which they are tried: the first that recognises the head of a file reads it. */
export const formats: Record<string, GazeFormat> = {
  bids,
  eyelink_asc,
  smi_begaze,
  tobii_prolab,
  tobii_sdk,
  eyelink_dataviewer,
  pupil_core,
  pupil_neon,
  gazepoint,
  imotions,
  eyetribe,
  reflacx,
  remodnav,
  i2mc,
  miceye,
  webgazer,
  mcgip,
  plain,
};

/**
 * Reads one gaze file: seconds, image pixels, one `Gaze` per image and reader.
 * @param source the file, gzip or not
 * @throws InvalidInput with line and column of every problem (the first 100)
 */
export async function parseGaze(
  source: Uint8Array | ReadableStream<Uint8Array>,
  options: GazeOptions,
): Promise<ParsedGaze> {
  const text = await Text.open(source, options.file);
  const name = options.format === undefined || options.format === "auto"
    ? Object.keys(formats).find((name) => formats[name].detect(text.head, options))
    : options.format;
  if (name === undefined) {
    throw new InvalidInput(`Cannot recognise ${options.file}: it is in no known gaze format`, [{
      file: options.file,
      line: 1,
      message:
        "in no known gaze format; a plain CSV begins with image,reader,x,y,duration_ms (fixations) " +
        "or image,reader,x,y,t_ms (samples); other headers are named by `columns`, in dataset.json " +
        '{"columns": {"x": "...", "y": "...", "t_ms": "..."}}, for one file columns=x:...,y:...,t_ms:...',
    }]);
  }
  if (!Object.hasOwn(formats, name)) {
    throw new InvalidInput(
      `Cannot read ${options.file} as "${name}": the formats are ${
        Object.keys(formats).join(", ")
      }`,
    );
  }
  const sink = new GazeSink(options, name);
  for (const assumption of text.assumptions) sink.assume(assumption);
  await formats[name].parse(text, sink, options);
  if (text.changedEncoding) {
    sink.warn("some characters are no UTF-8: read as Windows-1252 from there on");
  }
  return sink.finish();
}
