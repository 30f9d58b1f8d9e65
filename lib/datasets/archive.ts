/** Imports a data set from a ZIP on disk: everything is checked first, then all or nothing is kept. */
import { Conflict, InvalidInput } from "@/lib/errors.ts";
import { assertFindings, descriptionSchema } from "./description.ts";
import { findingsOf } from "./multi_label.ts";
import { addContent, type Content, writeContent } from "./write_content.ts";
import { digestOf } from "@/lib/store/digest.ts";
import { Importer, type ImportOptions } from "./importer.ts";
import { isJunk, type Plan, type Source } from "./layouts/layout.ts";
import { nothingFits } from "./layouts/found.ts";
import { layoutOf } from "./layouts/mod.ts";
import { document } from "./layouts/shared_parts.ts";
import { defaultLimits } from "./limits.ts";
import { datasetName } from "./name.ts";
import { maxProblems } from "./csv_table.ts";
import { clearPixels } from "./pixel_cache.ts";
import { sameNames } from "./mutation.ts";
import { KEPT } from "./pseudonym.ts";
import type { ImportReport } from "./import_report.ts";
import { keepReport, warningKinds } from "./report.ts";
import { openZip, type Zip } from "./zip.ts";
import type { DatasetRow, Store } from "@/lib/store/mod.ts";

const maxWarnings = 1000;

/**
 * Creates or replaces the data set `name` from the archive at `path`, or adds to it. Throws InvalidInput with
 * every problem found, and Conflict while a job reads the data set; then nothing is kept.
 */
export async function importArchive(
  store: Store,
  name: string,
  path: string,
  options: ImportOptions = {},
): Promise<ImportReport> {
  name = datasetName(name);
  await assertUnused(store, name);
  const zip = await openZip(path, { ...defaultLimits, ...options.limits });
  /** Files put so far, once for every time. */
  const pinned: string[] = [];
  try {
    const before = await store.datasets.findByName(name);
    const base = options.mode === "add" ? before : undefined;
    const source = {
      ...sourceOf(zip),
      adding: base !== undefined,
      classes: base && (findingsOf(base) ?? undefined),
    };
    refuseNested(source);
    const layout = layoutOf(source.names);
    const plan = await layout.plan(source);
    const { images, labels, gaze, heatmaps, readings } = plan;
    if ([images, labels, gaze, heatmaps, readings].every(({ length }) => length === 0)) {
      throw nothingFits(zip.names);
    }
    if (base) keepDescription(base, source, plan);
    if (plan.classes) {
      assertFindings(plan.classes, plan.labelsFile);
      plan.description.classes ??= plan.classes;
    }
    const takers = takersFor(zip);
    const said = options.names ?? plan.description.names;
    const names = said ?? before?.names ?? (layout.published ? "keep" : "hash");
    if (base) sameNames(base, names);
    const resolved = { ...options, names };
    const content = await new Importer(store, zip, source, plan, takers, pinned, resolved, base)
      .run();
    if (said === undefined && before?.names === "keep" && namesPeople(content)) {
      content.warnings.push({ message: KEPT });
    }
    const report = reportOf(name, layout.title, content, plan.skipped.length);
    if (!options.dryRun) {
      await store.commitFiles(pinned.splice(0), async () => {
        await assertUnused(store, name);
        if (base) report.digest = await addContent(store, base, content);
        else await writeContent(store, name, content, report.digest);
        await keepReport(store, name, base ? "add" : "import", report);
      });
      await store.collectGarbage(content.replaced);
      if (before) await clearPixels(store, before.id);
    } else if (base) report.digest = await store.datasets.digestOf(base);
    return report;
  } finally {
    if (pinned.length > 0) await store.discard(pinned);
    zip.close();
  }
}

/** Whether something came that may name a person. */
function namesPeople({ images, relabelled }: Content): boolean {
  return images.some(({ format, patient }) => format === "dicom" || patient !== null) ||
    relabelled.some(({ changes }) => changes.patient != null);
}

/** Pictures at once: large ones are read one at a time, to stay under 300 MB whatever is uploaded. */
function takersFor(zip: Zip): number {
  return zip.names.some((name) => zip.claimedBytes(name) > 2 * 2 ** 20) ? 1 : 2;
}

async function assertUnused(store: Store, name: string): Promise<void> {
  const job = await store.datasets.reader(name);
  if (job) throw new Conflict(`Cannot replace dataset "${name}": job "${job}" reads it`);
}

/** What is added is read as the data set is described; a description of its own is passed over. */
function keepDescription(base: DatasetRow, source: Source, plan: Plan): void {
  const { structured, positive_label, meta } = base;
  const own = source.names.includes("dataset.json");
  if (own) {
    const message = "Skipped: the data set that this is added to keeps its description";
    plan.skipped.push({ file: source.full("dataset.json"), message });
  }
  plan.description = descriptionSchema.parse({ ...meta, structured, positive_label });
}

/** Folders that mean something where they are. */
const known = /^(images|gaze|heatmaps)\/|^(train|val|valid|validation|test)\/$/i;

/** The archive below its single top folders, without junk and documents beside them. */
function sourceOf(zip: Zip): Omit<Source, "adding"> {
  const files = zip.names.filter((name) => !isJunk(name));
  let prefix = "";
  let names = files;
  while (true) {
    const below = (name: string) => name.slice(prefix.length);
    // A README beside the only folder is no second folder.
    const main = names.filter((name) => below(name).includes("/") || !document.test(below(name)));
    const first = below(main[0] ?? "");
    const top = first.slice(0, first.indexOf("/") + 1);
    if (top === "" || known.test(top) || !main.every((name) => below(name).startsWith(top))) break;
    prefix += top;
    names = main;
  }
  return {
    names: names.map((name) => name.slice(prefix.length)),
    strays: [...files.filter((name) => !names.includes(name)), ...zip.names.filter(isJunk)],
    read: (name) => zip.read(prefix + name),
    bytes: (name) => zip.claimedBytes(prefix + name),
    full: (name) => prefix + name,
  };
}

function refuseNested(source: Source): void {
  const nested = source.names.filter((name) => /\.(zip|7z|rar|tar|tgz|bz2|xz|jar)$/i.test(name));
  if (nested.length === 0) return;
  throw new InvalidInput(
    "Cannot import the archive: it holds archives",
    nested.slice(0, maxProblems).map((name) => ({
      file: source.full(name),
      message: "Cannot read an archive in an archive",
    })),
  );
}

function reportOf(name: string, layout: string, content: Content, skipped: number): ImportReport {
  const { description, images, gaze, heatmaps, names, warnings } = content;
  const { structured, positive_label, names: _, ...meta } = description;
  return {
    name,
    images: images.length,
    gaze: gaze.length,
    readers: new Set(gaze.map(({ reader }) => reader)).size,
    labels: images.filter(({ label, findings }) => label !== null || findings).length +
      content.relabelled.length,
    readings: content.readings.length,
    skipped,
    names,
    warnings: warnings.slice(0, maxWarnings),
    warning_kinds: warningKinds(warnings),
    layout,
    digest: digestOf({ dataset: { structured, positive_label, meta }, images, gaze, heatmaps }),
  };
}

export type { ImportOptions } from "./importer.ts";
