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
  /** Whether names of DICOM files and of patients are hashed or kept; a column of the set's own, no part of its meta. */
  names: z.enum(nameModes).optional(),
  ...gazeOptions,
  ...viewFields,
  /** INbreast: BI-RADS category (first digit) to label. */
  birads: z.record(z.string().regex(/^[0-6]$/), name).optional(),
});

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
