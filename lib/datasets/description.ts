/** `dataset.json`: what a data set says about itself. */
import { z } from "zod";
import { InvalidInput } from "@/lib/errors.ts";
import { viewFields } from "@/lib/images/view.ts";
import { nameModes } from "@/lib/store/datasets.ts";
import { gazeOptions } from "./gaze_options.ts";
import { decodeText } from "./csv_table.ts";

const name = z.string().min(1).max(512);

export const descriptionSchema = z.strictObject({
  /** Whether the pictures are anatomically aligned. */
  structured: z.boolean().default(false),
  /** The label whose one-versus-rest AUC is reported. */
  positive_label: name.nullable().default(null),
  /** The findings of a multi-label set: columns of labels.csv, or the names that its column `labels` lists. */
  classes: z.array(name.normalize()).min(1).max(200).superRefine((classes, context) => {
    const seen = new Set<string>();
    classes.forEach((one, i) => {
      const wrong = one.trim() !== one
        ? "has spaces around it"
        : /[|;]/.test(one)
        ? "holds | or ;, which separate findings"
        : ["image", "label", "patient", "split"].includes(one.toLowerCase())
        ? "is the name of another column of labels.csv"
        : one === "__proto__"
        ? "is no name that JSON can be read with everywhere"
        : seen.has(one.toLowerCase())
        ? "is there twice"
        : undefined;
      seen.add(one.toLowerCase());
      if (wrong) context.addIssue({ code: "custom", path: [i], message: `"${one}" ${wrong}` });
    });
  }).optional(),
  /** Whether names of DICOM files and of patients are hashed or kept; a column of the set's own, no part of its meta. */
  names: z.enum(nameModes).optional(),
  ...gazeOptions,
  ...viewFields,
  /** INbreast: BI-RADS category (first digit) to label. */
  birads: z.record(z.string().regex(/^[0-6]$/), name).optional(),
});

/** @throws {InvalidInput} for findings of a table that a set cannot have */
export function assertFindings(classes: string[], file: string): void {
  const parsed = descriptionSchema.shape.classes.safeParse(classes);
  if (parsed.success) return;
  const problems = parsed.error.issues.map(({ message }) => ({
    file,
    line: 1,
    message: `Cannot use the findings: ${message}`,
  }));
  throw new InvalidInput(`Cannot read ${file}`, problems);
}

export type Description = z.infer<typeof descriptionSchema>;

const maxBytes = 2 ** 20;
const maxDepth = 32;

/** Parses `dataset.json`; throws InvalidInput. */
export function readDescription(bytes: Uint8Array, file: string): Description {
  const refuse = (message: string) =>
    new InvalidInput(`Cannot read ${file}`, [{ file, message: `Cannot use it: ${message}` }]);
  if (bytes.length > maxBytes) throw refuse(`more than ${maxBytes} bytes`);
  const text = decodeText(bytes, file);
  if (depth(text) > maxDepth) throw refuse(`nested deeper than ${maxDepth}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw refuse((error as Error).message);
  }
  const parsed = descriptionSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new InvalidInput(
    `Cannot read ${file}`,
    parsed.error.issues.map((issue) => ({
      file,
      pointer: `/${issue.path.join("/")}`,
      message: `Cannot use ${issue.path.join(".") || "it"}: ${issue.message}`,
    })),
  );
}

/** How deep brackets nest outside strings. */
function depth(json: string): number {
  let open = 0, deepest = 0, inString = false;
  for (let i = 0; i < json.length; i++) {
    const mark = json[i];
    if (inString) {
      if (mark === "\\") i++;
      else if (mark === '"') inString = false;
    } else if (mark === '"') inString = true;
    else if (mark === "{" || mark === "[") deepest = Math.max(deepest, ++open);
    else if (mark === "}" || mark === "]") open--;
  }
  return deepest;
}
