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
import { cellsOf, headersAs, headersOf } from "./head.ts";
import { GazeSink } from "./sink.ts";
import { plainWord } from "./table_cell.ts";
import { Text } from "./text.ts";
import { isWorkbook, type Sheet, sheetsOf } from "./workbook.ts";

export { type Companion, companionOf, isCompanion } from "./companions.ts";

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

/** Name of the format that a file looks like; undefined for one that is in none. */
export async function recognise(
  source: Uint8Array,
  options: GazeOptions,
): Promise<string | undefined> {
  try {
    const texts = isWorkbook(source)
      ? (await sheetsOf(source, options.file)).map(({ bytes }) => bytes)
      : [source];
    for (const bytes of texts) {
      const { head } = await Text.open(bytes, options.file);
      const found = Object.keys(formats).find((name) => formats[name].detect(head, options));
      if (found) return found;
    }
  } catch (error) {
    if (error instanceof InvalidInput) return undefined;
    throw error;
  }
}

/**
 * Reads one gaze file: seconds, image pixels, one `Gaze` per image and reader.
 * @param source the file, gzip or not; a workbook of Excel (.xlsx) as bytes
 * @throws InvalidInput with line and column of every problem (the first 100)
 */
export async function parseGaze(
  source: Uint8Array | ReadableStream<Uint8Array>,
  options: GazeOptions,
): Promise<ParsedGaze> {
  if (source instanceof Uint8Array && isWorkbook(source)) {
    const sheets = await sheetsOf(source, options.file);
    return await parseSheets(sheets, options, (text) => parseText(text, options));
  }
  return await parseText(await Text.open(source, options.file), options);
}

/** The sheet that holds gaze; the others are passed over with a word. */
async function parseSheets(
  sheets: Sheet[],
  options: GazeOptions,
  parse: (text: Text) => Promise<ParsedGaze>,
): Promise<ParsedGaze> {
  const opened = await Promise.all(
    sheets.map(async ({ name, bytes }) => ({ name, text: await Text.open(bytes, options.file) })),
  );
  const chosen = opened.find(({ text }) => holdsGaze(text, options));
  if (!chosen) {
    const names = sheets.map(({ name }) => `"${name}"`).join(", ");
    throw new InvalidInput(
      `Cannot recognise ${options.file}: no sheet of the workbook (${names}) is in a known gaze format`,
    );
  }
  const parsed = await parse(chosen.text);
  parsed.assumptions.unshift(`sheet "${chosen.name}" of the workbook`);
  for (const { name, text } of opened.filter((other) => other !== chosen)) {
    const gaze = options.format === undefined || options.format === "auto"
      ? holdsGaze(text, options)
      : false;
    const more = gaze ? ", which seems to hold gaze too: send it as a file of its own" : "";
    parsed.warnings.push({ file: options.file, message: `sheet "${name}" passed over${more}` });
  }
  return parsed;
}

function holdsGaze({ head }: Text, { format = "auto", columns = {}, ...options }: GazeOptions) {
  if (format !== "auto") return head.first !== "";
  const named = Object.values(columns).map(plainWord);
  if (named.length > 0) return named.every((name) => headersOf(head.first).includes(name));
  return Object.values(formats).some((format) => format.detect(head, options));
}

async function parseText(text: Text, options: GazeOptions): Promise<ParsedGaze> {
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
        '{"columns": {"x": "...", "y": "...", "t_ms": "..."}}, for one file columns=x:...,y:...,t_ms:...; ' +
        `the file begins with ${headersAs(cellsOf(text.head.first))}`,
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
