/**
 * Names that may name people, as keyed hashes: HMACs with the data directory's secret. The same name has the same
 * hash there, whatever it came in, and nobody without the secret can tell which it was. Each function leaves its own
 * results as they are, so that what was exported comes back in.
 */
import { createHmac } from "node:crypto";
import type { Store } from "@/lib/store/mod.ts";

export type Keyed = Pick<Store, "secret">;

function keyed({ secret }: Keyed, text: string, digits: number): string {
  return createHmac("sha256", secret).update(text).digest("hex").slice(0, digits);
}

/** "3", "s01", "sub-19", "reader_2", "P7", "Radiologist B", "expert": nothing that names a person. */
const code =
  /^(?:(?:reader|observer|rater|subject|subj|sub|participant|radiologist|expert|user|viewer|[a-z])?[ _-]?\d{1,6}|(?:reader|observer|rater|subject|participant|radiologist|expert|viewer)(?:[ _-]?[a-z])?|[a-z])$/i;

const hashedReader = /^reader_[0-9a-f]{12}$/;
const hashedPatient = /^patient_[0-9a-f]{16}$/;
const hashedPart = /^dcm_[0-9a-f]{16}$/;

/**
 * The name under which a reader is kept: "" and codes as they are, anything else as
 * `reader_<12 hexadecimal digits>`. Users may ask for a reader by either name.
 */
export function readerName(store: Keyed, name: string): string {
  const trimmed = name.normalize("NFC").trim();
  if (trimmed === "" || code.test(trimmed) || hashedReader.test(trimmed)) return trimmed;
  return `reader_${keyed(store, trimmed, 12)}`;
}

/** The name under which a patient is kept: `patient_<16 hexadecimal digits>`. A short number may be a record's: codes too. */
export function patientName(store: Keyed, name: string): string {
  const trimmed = name.normalize("NFC").trim();
  if (trimmed === "" || isHashedPatient(trimmed)) return trimmed;
  return `patient_${keyed(store, `patient ${trimmed}`, 16)}`;
}

export const isHashedPatient = (name: string): boolean => hashedPatient.test(name);

/**
 * The name under which a DICOM file's image is kept, by its identifier or by its path without the ending: each part
 * becomes `dcm_<16 hexadecimal digits>`, so that folders still tell images apart.
 */
export function dicomName(store: Keyed, path: string): string {
  const part = (name: string) => hashedPart.test(name) ? name : `dcm_${keyed(store, name, 16)}`;
  return path.normalize("NFC").split("/").map(part).join("/");
}

/** Whether an image is called after a hash. */
export const isHashedImage = (name: string): boolean =>
  name.split("/").every((part) => hashedPart.test(part));

/** What people are told where names were hashed. */
export const HASHED =
  'Names of DICOM files and of patients are kept as keyed hashes, as "dcm_…" and "patient_…": images are found by ' +
  "the names that they were sent with as well. The option names=keep of an import keeps names as they are";

/** And where a set goes on as it began. */
export const KEPT =
  "Names of DICOM files and of patients are kept as they are, as this data set does already: names=hash replaces them " +
  "by keyed hashes";
