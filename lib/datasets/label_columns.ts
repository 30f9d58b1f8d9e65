/** Which column of a table of labels means what, by the names that people and published sets give them. */

export type Role = "image" | "label" | "patient" | "split";

export interface LabelColumns extends Record<Role, number> {
  /** Columns that mean nothing known. */
  unused: number[];
  /** What the user should know of how the header was read. */
  warnings: string[];
}

/** In the order of preference; compared without case, spaces and punctuation. */
export const roleNames: Record<Role, string[]> = {
  image: words(
    "image image_id image_name image_file image_filename image_path image_file_path image_index " +
      "file file_name filename file_path path dicom_id dicom img img_id external_id id",
  ),
  label: words(
    "label class class_name class_label target diagnosis dx pathology category finding " +
      "finding_labels grade cancer breast_birads birads",
  ),
  patient: words(
    "patient patient_id patient_number patient_key patient_name subject subject_id subject_key " +
      "participant participant_id person person_id individual individual_id",
  ),
  split: words("split set subset partition data_split dataset_split"),
};

/** What may mean the image or its class, and other things as well: taken where one column alone can be meant. */
const vague: Record<"image" | "label", string[]> = {
  image: words(
    "name picture picture_id picture_name photo scan radiograph slide sample_id uid basename key",
  ),
  label: words(
    "y labels classes targets class_id label_id label_name disease condition outcome result " +
      "ground_truth groundtruth gt diagnostic category_name type",
  ),
};

/** What a refusal lists. */
export const ACCEPTED =
  'the image may be called "image", "image_id", "filename", "file", "name" or "path", ' +
  'its class "label", "class", "class_name", "diagnosis", "target" or "y"';

/** Groups that are at most one person's, but may be several of one person. */
const narrower = words(
  "case case_id study study_id study_instance_uid exam exam_id accession accession_number lesion_id",
);

const likePatient =
  /patient|subject|person|participant|individual|mrn|(^|[^a-z])pid([^a-z]|$)|case|study|exam|accession|lesion|proband/i;

/** Of tables of gaze, which name images and readers too. */
const place = /^(x|y|.*(fix|gaze|pog|position|point).*[xy]|.*[xy].*(px|norm))$/;
const time = /^(t|time|timestamp|duration|dur|start|end)(s|ms|us)?$|duration|timestamp/;

export function words(text: string): string[] {
  return text.split(" ").map(plain);
}

/** A header without case, spaces and punctuation. */
export function plain(header: string): string {
  return header.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
}

export const quoted = (headers: string[]) => {
  const shown = headers.slice(0, 10).map((header) => `"${header.slice(0, 60)}"`).join(", ");
  return headers.length > 10 ? `${shown} and ${headers.length - 10} more` : shown;
};

/** The loud part: what follows for training when nobody knows which images show one person. */
export const LEAK =
  "images of one person can stand in training and test at once, and results come out too good";

/**
 * -1 for a role that no column has.
 * @param certain whether the table is one of labels, so that vague names of columns count too
 */
export function labelColumns(headers: string[], certain = false): LabelColumns {
  const heads = headers.map(plain);
  const find = (wanted: string[]) =>
    wanted.map((name) => heads.indexOf(name)).find((index) => index >= 0) ?? -1;
  const columns: LabelColumns = {
    image: find(roleNames.image),
    label: find(roleNames.label),
    patient: find(roleNames.patient),
    split: find(roleNames.split),
    unused: [],
    warnings: [],
  };
  const { warnings } = columns;
  const named = (index: number) => `"${headers[index]}"`;
  for (const role of ["image", "label"] as const) {
    if (!certain || columns[role] >= 0) continue;
    const fitting = heads.flatMap((head, index) =>
      // Beside an x, y is a place.
      vague[role].includes(head) && !(head === "y" && heads.includes("x")) ? [index] : []
    );
    if (fitting.length !== 1 || (role === "image" && columns.patient >= 0)) continue;
    columns[role] = fitting[0];
    warnings.push(`The column ${named(fitting[0])} was taken for the ${role}`);
  }
  if (columns.image < 0 && columns.patient >= 0) {
    // RSNA's pneumonia set calls its pictures so.
    columns.image = columns.patient;
    columns.patient = -1;
    warnings.push(
      `The column ${
        named(columns.image)
      } was taken for the image, as no other names it: no patient is known; ` +
        LEAK,
    );
  }
  if (columns.patient < 0) {
    const group = find(narrower);
    if (group >= 0) {
      columns.patient = group;
      warnings.push(
        `The column ${
          named(group)
        } was taken for the patient: where one person has several, ${LEAK}`,
      );
    }
  }
  const used = [columns.image, columns.label, columns.patient, columns.split];
  const unknown = headers.filter((header, index) => header !== "" && !used.includes(index));
  const suspects = columns.patient < 0 ? unknown.filter((header) => likePatient.test(header)) : [];
  if (suspects.length > 0) {
    warnings.push(
      `The column ${quoted(suspects)} looks like a patient's and is not understood: ${LEAK}. ` +
        'Call it "patient" and send the labels again',
    );
  }
  const others = unknown.filter((header) => !suspects.includes(header));
  columns.unused = headers.flatMap((header, index) => others.includes(header) ? [index] : []);
  if (others.length > 0) {
    warnings.push(`${others.length === 1 ? "Column" : "Columns"} not used: ${quoted(others)}`);
  }
  return columns;
}

/** Whose person is not known, in a sentence; undefined where that was told in other words, or all are known. */
export function patientsMissing(
  { images, without }: { images: number; without: number },
  told: { message: string }[],
): string | undefined {
  if (without === 0 || told.some(({ message }) => message.includes(LEAK))) return undefined;
  const what = without === images
    ? "No patient is known"
    : `${without} of ${images} images have no patient`;
  return `${what}: where one person has several images, ${LEAK}. Name the patients in the column ` +
    '"patient" of labels.csv';
}

/** Which labels are two classes by their case, spaces or punctuation alone, in a sentence; undefined where none is. */
export function labelsAlike(images: { label: string | null }[]): string | undefined {
  const labels = [...new Set(images.flatMap(({ label }) => label ?? []))].sort();
  // Signs at the end mean something, as in ER+ and ER-, and so do those of numbers.
  const spelling = (label: string) => {
    const [signs] = /[^\p{L}\p{N}\s]*$/u.exec(label)!;
    return plain(label.normalize("NFKC")) + signs;
  };
  const alike = [...Map.groupBy(labels, spelling).values()]
    .filter((group) => group.length > 1 && !group.some((label) => /^[^\p{L}]*$/u.test(label)));
  if (alike.length === 0) return undefined;
  const groups = alike.slice(0, 10).map(quoted).join("; ");
  return `Labels that are classes of their own, and differ in case, spaces or punctuation alone: ${groups}. ` +
    "If one class is meant, send the labels again in one spelling";
}

/** Whether some column holds times or durations, as in tables of gaze. */
export const hasTime = (headers: string[]): boolean =>
  headers.some((header) => time.test(plain(header)));

/** Whether a table with these headers says something of images, and is none of gaze. */
export function isLabelTable(headers: string[], certain = false): boolean {
  if (headers.some((header) => place.test(plain(header))) && hasTime(headers)) return false;
  const { image, label, patient, split } = labelColumns(headers, certain);
  // A table that is called so may have a column for each finding and none for a label.
  const several = certain && headers.length > 2;
  return image >= 0 && (label >= 0 || patient >= 0 || split >= 0 || several);
}
