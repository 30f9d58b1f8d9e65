/**
 * DICOM instances put into a data set, as a DICOMweb client stores them (PS3.18, section 10.5). Of an instance its
 * pixels are kept, and its identifier as the name of the image: a keyed hash, unless the identifier itself is asked for.
 */
import { z } from "zod";
import { InvalidInput } from "@/lib/errors.ts";
import { type DicomIdentity, readIdentity } from "@/lib/images/dicom_elements.ts";
import type { Store } from "@/lib/store/mod.ts";
import type { ViewOptions } from "@/lib/images/view.ts";
import { Turns } from "@/lib/turns.ts";
import { place } from "./edit.ts";
import { change, changeable } from "./mutation.ts";
import { type StoredPicture, storePicture } from "./picture.ts";
import { clearPixels } from "./pixel_cache.ts";
import { dicomName } from "./pseudonym.ts";
import { beginDataset } from "./write_content.ts";

export const instancesReportSchema = z.object({
  stored: z.array(z.object({
    sop_class: z.string(),
    sop_instance: z.string(),
    image: z.string().describe("Its name in the data set"),
    warnings: z.array(z.string()).describe("What of it was left out"),
  })),
  failed: z.array(z.object({
    sop_class: z.string(),
    sop_instance: z.string().describe("Empty where it could not be read"),
    reason: z.number().describe("Failure Reason (0008,1197) of PS3.18, annex I"),
    message: z.string(),
  })),
}).meta({ id: "InstancesReport" });
export type InstancesReport = z.output<typeof instancesReportSchema>;

/** Failure reasons of PS3.18, table I.2-2. */
const NOT_OF_THE_STUDY = 0xa900;
const CANNOT_UNDERSTAND = 0xc000;

export interface InstanceOptions {
  /** Takes instances of this study only. */
  study?: string;
  /** What images are called: `hash` after a keyed hash of the identifier, `uid` after the identifier. */
  names: "hash" | "uid";
  /** What of each is taken. */
  view?: ViewOptions;
}

/**
 * Those that can be read are stored in one transaction, and replace images of the same instance. A data set that is
 * not there begins with them.
 * @param sent files in the store, in the order of the request
 * @throws {Conflict} while a job reads the data set
 */
export async function putInstances(
  store: Store,
  dataset: string,
  sent: string[],
  { study, names, view }: InstanceOptions,
): Promise<InstancesReport> {
  if (await store.datasets.findByName(dataset)) await changeable(store, dataset);
  const report: InstancesReport = { stored: [], failed: [] };
  const found = new Map<string, { name: string; picture: StoredPicture }>();
  const pinned: string[] = [];
  try {
    for (const file of sent) {
      const bytes = await store.files.read(file);
      let known: DicomIdentity | undefined;
      const fail = (reason: number, message: string) =>
        report.failed.push({ ...namesOf(known), reason, message });
      try {
        known = readIdentity(bytes);
        if (known.sopInstance === "") {
          fail(CANNOT_UNDERSTAND, "Cannot name the image: it has no SOP Instance UID (0008,0018)");
          continue;
        }
        if (study !== undefined && known.study !== study) {
          fail(NOT_OF_THE_STUDY, "Cannot store it here: it belongs to another study");
          continue;
        }
        const { picture, notes } = await storePicture(bytes, store.files, { view });
        pinned.push(picture.file);
        const name = names === "uid" ? known.sopInstance : dicomName(store, known.sopInstance);
        // Of an instance that comes twice the last counts.
        found.set(name, { name, picture });
        report.stored.push({ ...namesOf(known), image: name, warnings: notes });
      } catch (error) {
        if (!(error instanceof InvalidInput)) throw error;
        fail(CANNOT_UNDERSTAND, error.message);
      }
    }
    if (found.size > 0) {
      // Of instances that came twice, too.
      const old = pinned.slice();
      const begin = async () =>
        await store.datasets.findByName(dataset) ??
          await beginDataset(store, dataset, names === "uid" ? "keep" : "hash");
      const id = await change(store, dataset, pinned.splice(0), async (row) => {
        const turns = new Turns();
        for (const one of found.values()) {
          await place(store, { dataset_id: row.id, ...one }, old);
          await turns.give();
        }
        return row.id;
      }, begin);
      await store.collectGarbage(old);
      await clearPixels(store, id);
    }
    return report;
  } finally {
    await store.discard(pinned);
  }
}

const namesOf = (known?: DicomIdentity) => ({
  sop_class: known?.sopClass ?? "",
  sop_instance: known?.sopInstance ?? "",
});

interface Attribute {
  vr: string;
  Value?: unknown[];
}

/** The Store Instances Response Module as DICOM JSON (PS3.18, annexes F and I). */
export function responseModule(
  { stored, failed }: InstancesReport,
  urlOf: (image: string) => string,
): Record<string, Attribute> {
  const ui = (value: string): Attribute => ({ vr: "UI", ...(value ? { Value: [value] } : {}) });
  const reference = (one: { sop_class: string; sop_instance: string }) => ({
    "00081150": ui(one.sop_class),
    "00081155": ui(one.sop_instance),
  });
  const reasonOf = (reason: number) => ({ "00081197": { vr: "US", Value: [reason] } });
  const sequence = (tag: string, items: unknown[]) =>
    items.length > 0 ? { [tag]: { vr: "SQ", Value: items } } : {};
  const named = failed.filter(({ sop_instance }) => sop_instance !== "");
  const others = failed.filter(({ sop_instance }) => sop_instance === "");
  return {
    "00081190": { vr: "UR" },
    ...sequence("00081198", named.map((one) => ({ ...reference(one), ...reasonOf(one.reason) }))),
    ...sequence(
      "00081199",
      stored.map((one) => ({
        ...reference(one),
        "00081190": { vr: "UR", Value: [urlOf(one.image)] },
      })),
    ),
    ...sequence("0008119A", others.map(({ reason }) => reasonOf(reason))),
  };
}
