/** Image and reader that a file's name tells. */
import type { GazeOptions } from "./format.ts";

export interface Named {
  image: string;
  reader: string;
}

/**
 * Image and reader by the options or the file's name: `gaze/1001.csv` is image 1001; where the data set knows no
 * such image, the longest beginning that it knows is the image and the rest the reader: `1001_anna.csv`.
 */
export function nameByFile({ file, imageSize, image, reader }: GazeOptions): Named {
  const path = file.replace(/^(.*\/)?gaze\//, "").replace(/(\.gz)?$/, "").replace(
    /\.[^./]*$/,
    "",
  );
  const stem = path.slice(path.lastIndexOf("/") + 1);
  const found = { image: image ?? stem, reader: reader ?? "" };
  if (image !== undefined || !imageSize) return found;
  for (const name of [path, stem]) {
    const cuts = [
      name.length,
      ...[...name.matchAll(/[/_\-. ]+/g)].map((mark) => mark.index).reverse(),
    ];
    const cut = cuts.find((end) => imageSize(name.slice(0, end)));
    if (cut === undefined) continue;
    const rest = name.slice(cut).replace(/^[/_\-. ]+/, "").replace(/^roi[\d-]+$/, "");
    return { image: name.slice(0, cut), reader: reader ?? rest };
  }
  return found;
}
