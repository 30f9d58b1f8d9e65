/** Messages in recordings that name the picture which was shown. */
import { InvalidInput } from "@/lib/errors.ts";
import type { Rectangle, Size } from "../gaze.ts";

/** A path in a message: up to a picture's ending (it may hold blanks), else one word. */
const PATH = String.raw`"?(\S.*?\.(?:png|jpe?g|bmp|tiff?|gif|dcm|pgm)|\S+)"?`;

/** Data Viewer's commands: how the picture was placed, and its name. */
const IMGLOAD = new RegExp(String.raw`!V IMGLOAD (\w+)\s+${PATH}(?:\s+(-?[\d.].*))?\s*$`, "i");
const TRIAL_VAR = new RegExp(
  String
    .raw`!V TRIAL_VAR\s+(?:image|imagefile|image_file|image_name|img|stimulus|stim|picture)\s+${PATH}\s*$`,
  "i",
);

export interface PictureMessage {
  image: string;
  /** Where the message says that the picture stood on the screen, given the picture's own size. */
  on?(size: Size, screen?: Size): Rectangle | undefined;
}

/** What a message says of pictures, undefined where it says nothing. */
export function pictureOf(message: string, pattern?: RegExp): PictureMessage | undefined {
  if (pattern) {
    const image = pattern.exec(message)?.[1]?.trim();
    return image ? { image } : undefined;
  }
  const loaded = IMGLOAD.exec(message);
  if (loaded) {
    const numbers = (loaded[3] ?? "").trim().split(/[\s,]+/).map(Number);
    return {
      image: loaded[2],
      on: (size, screen) => placeOf(loaded[1].toUpperCase(), numbers, size, screen),
    };
  }
  const image = TRIAL_VAR.exec(message)?.[1]?.trim();
  return image && !/^(none|null|nan|\.)$/i.test(image) ? { image } : undefined;
}

/** A word of a message that ends like a picture's name, undefined without one or with several. */
export function pictureWord(message: string): string | undefined {
  const words = message.split(/[\s,;=]+/).filter((word) =>
    /\S\.(png|jpe?g|bmp|tiff?|gif|dcm|pgm)$/i.test(word)
  );
  return words.length === 1 ? words[0] : undefined;
}

/** `FILL name`, `CENTER name x y [width height]`, `TOP_LEFT name x y [width height]`. */
function placeOf(
  how: string,
  [x, y, width, height]: number[],
  size: Size,
  screen?: Size,
): Rectangle | undefined {
  const shown = width > 0 && height > 0 ? { width, height } : { ...size };
  switch (how) {
    case "FILL":
      return screen && { x: 0, y: 0, width: screen.width, height: screen.height };
    case "CENTER":
    case "CENTRE":
      return Number.isFinite(x + y)
        ? {
          x: x - shown.width / 2,
          y: y - shown.height / 2,
          width: shown.width,
          height: shown.height,
        }
        : undefined;
    case "TOP_LEFT":
      return Number.isFinite(x + y)
        ? { x, y, width: shown.width, height: shown.height }
        : undefined;
  }
}

/**
 * A pattern of words: `{image}` is the image's name, `*` any word: `SHOW * {image}`. No regular expressions: they
 * would come from outside and can take for ever.
 */
export function patternOf(pattern: string): RegExp {
  if (pattern.length > 200 || pattern.split("{image}").length !== 2) {
    throw new InvalidInput(
      `Cannot use the image pattern: it needs "{image}" once, and at most 200 characters`,
    );
  }
  const words = pattern.trim().split(/\s+/).map((word) =>
    word === "*" ? "\\S+" : word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace("\\{image\\}", PATH)
  );
  return new RegExp(words.join("\\s+"));
}
