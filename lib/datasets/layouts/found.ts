/** What an archive holds, in a sentence, and the least that would have worked. */
import { InvalidInput } from "@/lib/errors.ts";

const SMALLEST =
  "The smallest archive that works: images/1.png and images/2.png; labels.csv with " +
  "the lines image,label,patient / 1,benign,A / 2,malignant,B; gaze/fixations.csv with the lines " +
  "image,reader,x,y,duration_ms / 1,R1,120,80,250 (x and y in pixels of the picture). " +
  "Folders that are classes (benign/1.png, malignant/2.png) do as well";

/** @param full paths of all files of the archive */
export function nothingFits(full: string[]): InvalidInput {
  const endings = new Map<string, number>();
  for (const name of full) {
    const last = name.slice(name.lastIndexOf("/") + 1);
    const ending = /\.[^.]+(\.gz)?$/.exec(last)?.[0].toLowerCase() ?? "(no ending)";
    endings.set(ending, (endings.get(ending) ?? 0) + 1);
  }
  const counts = [...endings].toSorted(([, a], [, b]) => b - a).slice(0, 8)
    .map(([ending, count]) => `${count} ${ending}`).join(", ");
  const examples = full.slice(0, 5).map((name) => `"${name.slice(0, 120)}"`).join(", ");
  const found = full.length === 0
    ? "the archive holds no files"
    : `the archive holds ${counts}, for instance ${examples}`;
  const message =
    `Cannot find images: ${found}. PNG, JPEG, PGM, PPM and DICOM are read. ${SMALLEST}`;
  return new InvalidInput(message, [{ message }]);
}
