/** Which column of a table of readers' decisions means what. */
import { plain, quoted, roleNames, words } from "./label_columns.ts";

const names = {
  image: roleNames.image,
  reader: words(
    "reader reader_id reader_name observer observer_id rater rater_id radiologist radiologist_id " +
      "annotator annotator_id expert expert_id participant participant_id subject subject_id",
  ),
  label: words("label decision class diagnosis reading call label_name class_name"),
  rating: words("rating suspicion suspicion_rating suspicion_score"),
  condition: words("condition modality treatment reading_condition"),
};

export interface ReadingColumns {
  image: number;
  reader: number;
  /** -1 for each of these that no column is. */
  label: number;
  confidence: number;
  rating: number;
  condition: number;
  /** What the confidence of certainty is: 100 where its header says percent, else 1. */
  certain: 1 | 100;
  warnings: string[];
}

/** A missing column is -1. */
export function readingColumns(headers: string[]): ReadingColumns {
  const heads = headers.map(plain);
  const find = (wanted: string[]) =>
    wanted.map((name) => heads.indexOf(name)).find((index) => index >= 0) ?? -1;
  const confidence = headers.findIndex((header) =>
    /^(confidence|certainty)(percent|pct|percentage)?$/.test(plain(header))
  );
  const columns = {
    image: find(names.image),
    reader: find(names.reader),
    label: find(names.label),
    confidence,
    rating: find(names.rating),
    condition: find(names.condition),
  };
  const used = Object.values(columns);
  const others = headers.filter((header, i) => header !== "" && !used.includes(i));
  const percent = /%|percent|pct/.test(headers[confidence] ?? "");
  return {
    ...columns,
    certain: percent ? 100 : 1,
    warnings: others.length === 0
      ? []
      : [`${others.length === 1 ? "Column" : "Columns"} not used: ${quoted(others)}`],
  };
}

/** What a refusal lists. */
export const ACCEPTED =
  'image, reader, and label (what was decided) or rating (suspicion of the positive class); optionally "confidence" ' +
  '(how sure of the label, 0 to 1; "confidence_percent": 0 to 100) and "condition" or "modality"';
