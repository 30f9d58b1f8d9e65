/** Imports a data set from a ZIP on disk: everything is checked first, then all or nothing is kept. */
import { z } from "zod";
import { Conflict, InvalidInput } from "@/lib/errors.ts";
import { problemSchema } from "@/lib/problems.ts";
import { type Content, writeContent } from "./write_content.ts";
import { digestOf } from "./digest.ts";
import { Importer, type ImportOptions } from "./importer.ts";
import { isJunk, type Source } from "./layouts/layout.ts";
import { layoutOf } from "./layouts/mod.ts";
import { defaultLimits } from "./limits.ts";
import { datasetName } from "./name.ts";
import { maxProblems } from "./csv_table.ts";
import { clearPixels } from "./pixel_cache.ts";
import { openZip, type Zip } from "./zip.ts";
import type { Store } from "@/lib/store/mod.ts";

export const importReportSchema = z.object({
  name: z.string(),
  images: z.number(),
  gaze: z.number().describe("Recordings: one per image and reader"),
  readers: z.number().describe("Different readers"),
  labels: z.number().describe("Images with a label"),
  skipped: z.number().describe("Files that nothing was taken from"),
  warnings: z.array(problemSchema),
  digest: z.string(),
}).meta({ id: "ImportReport" });
export type ImportReport = z.output<typeof importReportSchema>;

const maxWarnings = 1000;

/**
 * Creates or replaces the data set `name` from the archive at `path`. Throws InvalidInput with
 * every problem found, and Conflict while a job reads the data set; then nothing is kept.
 */
export async function importArchive(
  store: Store,
  name: string,
  path: string,
  options: ImportOptions = {},
): Promise<ImportReport> {
  name = datasetName(name);
  assertUnused(store, name);
  const zip = await openZip(path, { ...defaultLimits, ...options.limits });
  /** Files put so far, once for every time. */
  const pinned: string[] = [];
  try {
    const source = sourceOf(zip);
    refuseNested(source);
    const plan = await layoutOf(source.names).plan(source);
    const content = await new Importer(store, zip, source, plan, takersFor(zip), pinned, options)
      .run();
    const report = reportOf(name, content, plan.skipped.length);
    if (!options.dryRun) {
      const before = store.datasets.findByName(name);
      store.commitFiles(pinned.splice(0), () => {
        assertUnused(store, name);
        writeContent(store, name, content, report.digest);
      });
      store.collectGarbage(content.replaced);
      if (before) clearPixels(store, before.id);
    }
    return report;
  } finally {
    if (pinned.length > 0) store.discard(pinned);
    zip.close();
  }
}

/** Pictures at once: large ones are read one at a time, to stay under 300 MB whatever is uploaded. */
function takersFor(zip: Zip): number {
  return zip.names.some((name) => zip.claimedBytes(name) > 2 * 2 ** 20) ? 1 : 2;
}

function assertUnused(store: Store, name: string): void {
  const job = store.datasets.reader(name);
  if (job) throw new Conflict(`Cannot replace dataset "${name}": job "${job}" reads it`);
}

/** The archive below its single top folder, without junk. */
function sourceOf(zip: Zip): Source {
  const names = zip.names.filter((name) => !isJunk(name));
  const top = names[0]?.slice(0, names[0].indexOf("/") + 1) ?? "";
  const known = ["images/", "gaze/", "heatmaps/"];
  const single = top !== "" && !known.includes(top) && names.every((n) => n.startsWith(top));
  const prefix = single ? top : "";
  return {
    names: names.map((name) => name.slice(prefix.length)),
    read: (name) => zip.read(prefix + name),
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

function reportOf(name: string, content: Content, skipped: number): ImportReport {
  const { description, images, gaze, heatmaps, warnings } = content;
  const { structured, positive_label, ...meta } = description;
  return {
    name,
    images: images.length,
    gaze: gaze.length,
    readers: new Set(gaze.map(({ reader }) => reader)).size,
    labels: images.filter(({ label }) => label !== null).length,
    skipped,
    warnings: warnings.slice(0, maxWarnings),
    digest: digestOf({ dataset: { structured, positive_label, meta }, images, gaze, heatmaps }),
  };
}

export type { ImportOptions } from "./importer.ts";
