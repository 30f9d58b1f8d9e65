/** Folders that say something of the pictures in them: `benign/x.png`, `train/benign/x.png`, `patient_7/x.png`. */
import { type ImageLabel, splitOf } from "../labels.ts";
import type { SplitName } from "@/lib/store/images.ts";

/** Folders that only hold. */
const holder =
  /^(data|dataset|files?|all|raw|png|jpe?g|jpegs|dicoms?|.*(images?|imgs?|pictures?|radiographs?|scans?))(_?\d{1,3})?$/i;
/** A person by the name of the folder. */
const personFolder =
  /^(patients?|pat|subjects?|subj?|sub|cases?|participants?|persons?|p)[ _-]?\d+$/i;
/** Long numbers are ids, not classes. */
const idFolder = /^\d{4,}$/;
/** The Osteoarthritis Initiative's knees: a person's number, and the side. */
const knee = /^(\d{7})[LR]$/;
/** Classes beyond this are no classes. */
const MOST_CLASSES = 100;

export interface Tree {
  labels: Map<string, Pick<ImageLabel, "label" | "patient" | "split">>;
  /** What was made of the folders, for warnings. */
  notes: { role: "label" | "patient" | "split"; message: string }[];
  /** Whether every picture's person is known. */
  patientsKnown: boolean;
}

interface Place {
  path: string;
  split?: SplitName;
  /** The first folder that is neither a split nor a holder. */
  folder?: string;
  stem: string;
}

function placeOf(path: string): Place {
  const parts = path.split("/");
  const stem = parts.pop()!.replace(/\.[^.]*$/, "");
  let split: SplitName | undefined;
  for (const part of parts) {
    const found = splitOf(part);
    if (found && split === undefined) split = found;
    else if (!holder.test(part)) return { path, split, folder: part, stem };
  }
  return { path, split, stem };
}

/** What the folders of pictures say, by path. */
export function classTree(paths: string[]): Tree {
  const places = paths.map(placeOf);
  const folders = [...new Set(places.flatMap(({ folder }) => folder ?? []))].sort();
  const notes: Tree["notes"] = [];
  const tell = (role: Tree["notes"][number]["role"], message: string) =>
    notes.push({ role, message });
  const persons = folders.length > 0 && folders.every((f) => personFolder.test(f)) ||
    folders.length > 1 && folders.every((f) => idFolder.test(f));
  const classes = !persons && folders.length >= 2 && folders.length <= MOST_CLASSES &&
    places.every(({ folder }) => folder !== undefined);
  const knees = places.length > 0 && places.every(({ stem }) => knee.test(stem));
  const shown = (names: string[]) =>
    names.slice(0, 6).map((name) => `"${name}"`).join(", ") + (names.length > 6 ? ", ..." : "");
  if (classes) tell("label", `The folders ${shown(folders)} were taken for classes`);
  if (persons) tell("patient", `The folders ${shown(folders)} were taken for patients`);
  if (knees) tell("patient", "The numbers of the knees' files were taken for patients (OAI)");
  const splits = new Set(places.flatMap(({ split }) => split ?? []));
  // One side alone is no split.
  const split = splits.has("train") && splits.has("test") || splits.size > 1;
  if (split) tell("split", `The folders of ${[...splits].join(", ")} were taken for a split`);
  const labels = new Map(places.map((place) => [place.path, {
    label: classes ? place.folder : undefined,
    patient: persons ? place.folder : knees ? knee.exec(place.stem)![1] : undefined,
    split: split ? place.split : undefined,
  }]));
  return { labels, notes, patientsKnown: persons || knees };
}
