/** Do rows make sense by themselves, and do they fit the files that they name? */
import { z } from "zod";
import { readJpegHeader } from "@/lib/images/jpeg_header.ts";
import { readPngHeader } from "@/lib/images/png.ts";
import { readPnmSize } from "@/lib/images/pnm.ts";
import { sniffImage } from "@/lib/images/sniff.ts";
import type { Weights } from "@/lib/models/backbone_spec.ts";
import { detect } from "@/lib/models/detect.ts";
import { backboneSpec } from "@/lib/models/specs.ts";
import { readSafetensorsHead } from "@/lib/models/safetensors.ts";
import { storedDigest } from "@/lib/store/digest.ts";
import { sizeOf } from "@/lib/store/disk_files.ts";
import { GazeTable } from "@/lib/store/gaze.ts";
import { Heatmaps } from "@/lib/store/heatmaps.ts";
import { Images } from "@/lib/store/images.ts";
import type { Inspection } from "@/lib/store/inspection.ts";
import { knownVersion } from "@/lib/store/migrations.ts";
import { modelSpecSchema } from "@/lib/store/models.ts";
import { placeOf } from "./data_files.ts";

/** What to do about a row that is no more what was written. */
const RESTORE = "restore a backup (deno task restore BACKUP --data NEW)";
/** Rows of one column that are named. */
const MOST_NAMED = 20;
/** Bytes in which the header of nearly every picture is. */
const HEAD = 2 ** 18;

/** Of weights, bytes: length, names and shapes. */
const MOST_HEAD = 8 + 2 ** 20;

/** Columns of JSON and what each holds, by table. */
const COLUMNS: Record<string, Record<string, "object" | "array">> = {
  datasets: { meta: "object" },
  images: { findings: "object" },
  gaze: { fixations: "array", assumptions: "array", facts: "object" },
  jobs: { spec: "object", progress: "object", result: "object", device: "object" },
  events: { data: "object" },
  similarities: {
    ...{ params: "object", images: "array", components: "array" },
    ...{ layout: "object", invalid: "array", histogram: "object" },
  },
  models: { spec: "object", lineage: "object" },
  evaluations: { metrics: "object", scores: "array", seen: "object", warnings: "array" },
  predictions: { labels: "array", probabilities: "object" },
  keys: { scopes: "array" },
  reports: { report: "object" },
  studies: { spec: "object", summary: "object" },
  job_variants: { selected: "object" },
};

/** One line for each row that is not what its table holds. */
export function faultsOfRows(inspection: Inspection): string[] {
  const faults: string[] = [];
  for (const [table, columns] of Object.entries(COLUMNS)) {
    const there = new Set(inspection.columnsOf(table));
    const id = there.has("id") && table !== "events" ? "id" : "job_id";
    for (const [column, type] of Object.entries(columns)) {
      if (!there.has(column)) continue;
      const wrong = inspection.all<{ id: string }>(
        `SELECT ${id} AS id FROM ${table} WHERE "${column}" IS NOT NULL AND CASE
           WHEN json_valid("${column}") THEN json_type("${column}") <> '${type}' ELSE 1 END`,
      );
      for (const { id } of wrong.slice(0, MOST_NAMED)) {
        faults.push(`row "${id}" of ${table}: its ${column} is no JSON ${type}; ${RESTORE}`);
      }
      if (wrong.length > MOST_NAMED) {
        faults.push(`${wrong.length - MOST_NAMED} more rows of ${table}: their ${column}, too`);
      }
    }
  }
  return faults;
}

/**
 * Data sets whose content is not that of which the digest was made: a label, a patient, a split, a file or gaze
 * was changed in the database itself. One whose digest is not known since its last change says nothing.
 */
export async function faultsOfContent(inspection: Inspection): Promise<string[]> {
  if (inspection.version() !== knownVersion) return [];
  const db = inspection.database();
  const content = { images: new Images(db), gaze: new GazeTable(db), heatmaps: new Heatmaps(db) };
  const faults: string[] = [];
  const sets = inspection.all<{ id: string }>("SELECT id FROM datasets");
  for (const { id } of sets) {
    await inspection.atOneMoment(async () => {
      const [row] = inspection.all<
        {
          id: string;
          name: string;
          digest: string;
          structured: number;
          positive_label: string | null;
          meta: string;
        }
      >(`SELECT id, name, digest, structured, positive_label, meta FROM datasets WHERE id = ?`, id);
      if (!row || row.digest === "") return;
      try {
        const dataset = { ...row, structured: row.structured === 1, meta: JSON.parse(row.meta) };
        if (await storedDigest(content, dataset) === row.digest) return;
      } catch (error) {
        // A column that is no JSON is told by itself.
        if (!(error instanceof SyntaxError)) throw error;
        return;
      }
      faults.push(
        `data set "${row.name}": its rows are not those that were written (a label, a patient, a split, a file or ` +
          `gaze has changed); ${RESTORE}, or put it in again`,
      );
    });
  }
  return faults;
}

/**
 * Rows beside the files that they name.
 * @param isSound whether a file is there and as it was stored: of others nothing is to be learnt
 */
export async function faultsOfFiles(
  inspection: Inspection,
  data: string,
  isSound: (sha256: string) => boolean,
): Promise<string[]> {
  return [
    ...await faultsOfImages(inspection, data, isSound),
    ...await faultsOfSimilarities(inspection, data, isSound),
    ...await faultsOfModels(inspection, data, isSound),
  ];
}

async function faultsOfImages(
  inspection: Inspection,
  data: string,
  isSound: (sha256: string) => boolean,
): Promise<string[]> {
  const faults: string[] = [];
  const rows = inspection.all<
    {
      name: string;
      dataset: string;
      file: string;
      bytes: number;
      width: number;
      height: number;
      format: string;
    }
  >(
    `SELECT images.name, datasets.name AS dataset, file, bytes, width, height, format
     FROM images JOIN datasets ON datasets.id = dataset_id ORDER BY file`,
  );
  let last: { file: string; found: Picture } | undefined;
  for (const row of rows) {
    if (!isSound(row.file)) continue;
    if (last?.file !== row.file) {
      const found = await pictureAt(`${data}/${placeOf(row.file)}`);
      // Deleted meanwhile.
      if (!found) continue;
      last = { file: row.file, found };
    }
    const { format, ...found } = last.found;
    const said = `${row.bytes} bytes, ${row.width}x${row.height}`;
    const is = `${found.bytes} bytes, ${found.width}x${found.height}`;
    // Of DICOM the pixels are kept, as PNG.
    const fits = format === row.format || (row.format === "dicom" && format === "png");
    if (fits && said === is) continue;
    faults.push(
      `image "${row.name}" of data set "${row.dataset}": its row says ${row.format}, ${said}, its file is ${
        format ?? "no picture"
      }, ${is}; put it in again, or ${RESTORE}`,
    );
  }
  return faults;
}

interface Picture {
  format?: string;
  bytes: number;
  width: number;
  height: number;
}

async function pictureAt(path: string): Promise<Picture | undefined> {
  try {
    using file = await Deno.open(path);
    const { size: bytes } = await file.stat();
    for (let most = Math.min(HEAD, bytes);; most = bytes) {
      const head = await firstBytes(file, most);
      const format = sniffImage(head);
      try {
        return { format, bytes, ...sizeIn(head, format) };
      } catch {
        if (most === bytes) return { bytes, width: 0, height: 0 };
      }
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** As it is looked at: turned where the file says so. */
function sizeIn(bytes: Uint8Array, format: string | undefined): { width: number; height: number } {
  if (format === "jpeg") {
    const { width, height, orientation } = readJpegHeader(bytes);
    return orientation > 4 ? { width: height, height: width } : { width, height };
  }
  const { width, height } = format === "png"
    ? readPngHeader(bytes)
    : format === "pnm"
    ? readPnmSize(bytes)
    : { width: 0, height: 0 };
  return { width, height };
}

async function firstBytes(file: Deno.FsFile, count: number): Promise<Uint8Array<ArrayBuffer>> {
  await file.seek(0, Deno.SeekMode.Start);
  const bytes = new Uint8Array(count);
  for (let at = 0; at < count;) {
    const n = await file.read(bytes.subarray(at));
    if (n === null) return bytes.subarray(0, at);
    at += n;
  }
  return bytes;
}

const layoutSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("matrix") }),
  z.object({ kind: z.literal("neighbours"), top_k: z.int(), pairs: z.int() }),
]);

async function faultsOfSimilarities(
  inspection: Inspection,
  data: string,
  isSound: (sha256: string) => boolean,
): Promise<string[]> {
  const faults: string[] = [];
  if (!inspection.columnsOf("similarities").includes("layout")) return faults;
  const rows = inspection.all<
    { id: string; file: string; images: number; components: number; layout: string }
  >(
    `SELECT id, file, json_array_length(images) AS images, json_array_length(components) AS components, layout
     FROM similarities WHERE json_valid(images) AND json_valid(components) AND json_valid(layout)`,
  );
  for (const { id, file, images, components, layout } of rows) {
    const bytes = isSound(file) ? await sizeOf(`${data}/${placeOf(file)}`) : undefined;
    const known = layoutSchema.safeParse(JSON.parse(layout)).data;
    if (bytes === undefined) continue;
    const expected = known?.kind === "matrix"
      ? 4 * images * images * components
      // An index and a value of each neighbour; row, column and value of each pair.
      : known && 8 * images * known.top_k + 12 * known.pairs;
    if (bytes === expected) continue;
    faults.push(
      `similarity "${id}": its row needs a file of ${
        expected ?? "no known layout, some"
      } bytes, it has ${bytes}; ` +
        `run its job again and use the new one, or ${RESTORE}`,
    );
  }
  return faults;
}

async function faultsOfModels(
  inspection: Inspection,
  data: string,
  isSound: (sha256: string) => boolean,
): Promise<string[]> {
  const faults: string[] = [];
  const rows = inspection.all<{ id: string; file: string; spec: string }>(
    "SELECT id, file, spec FROM models WHERE json_valid(spec)",
  );
  for (const { id, file, spec } of rows) {
    const tell = (why: string) =>
      faults.push(`model "${id}": ${why}; train or upload it again, or ${RESTORE}`);
    const parsed = modelSpecSchema.safeParse(JSON.parse(spec));
    if (!parsed.success) {
      tell(`its spec is none (${parsed.error.issues[0].path.join(".")})`);
      continue;
    }
    if (!isSound(file)) continue;
    const why = await misfit(`${data}/${placeOf(file)}`, parsed.data);
    if (why !== undefined) tell(why);
  }
  return faults;
}

/** Why weights are not those of a spec; undefined where they are. */
async function misfit(
  path: string,
  spec: z.output<typeof modelSpecSchema>,
): Promise<string | undefined> {
  // A family whose files nobody else writes is not told from its names.
  if (!backboneSpec(spec.backbone).family.detect) return undefined;
  let weights: Weights;
  try {
    using file = await Deno.open(path);
    const { size } = await file.stat();
    weights = readSafetensorsHead(await firstBytes(file, Math.min(size, MOST_HEAD)), size);
  } catch (error) {
    // Deleted meanwhile.
    if (error instanceof Deno.errors.NotFound) return undefined;
    return `its file holds no weights (${(error as Error).message})`;
  }
  try {
    const { architecture } = detect(weights, undefined, spec.backbone);
    const said = `${spec.backbone}, width ${spec.width}, ${spec.channels} channels`;
    const is =
      `${architecture.backbone}, width ${architecture.width}, ${architecture.channels} channels`;
    if (said !== is) return `its row says ${said}, its file holds ${is}`;
    const { outputs } = architecture;
    if (outputs !== undefined && outputs > 0 && outputs !== spec.classes.length) {
      return `its row has ${spec.classes.length} classes, its file tells ${outputs}`;
    }
  } catch (error) {
    return `its file does not hold its weights (${(error as Error).message})`;
  }
}
