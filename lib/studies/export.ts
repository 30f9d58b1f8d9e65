/**
 * A study as a ZIP that opens from the disk: `index.html` with the dashboard's own drawing of results. From `file:`
 * neither modules nor requests are allowed, so the data are a classic script too.
 */
import { writeZip, type ZipFile } from "@/lib/datasets/zip_writer.ts";
import { drawGaze } from "@/lib/gaze/pictures/gaze_picture_thread.ts";
import { root } from "@/lib/permissions.ts";
import type { Store, StudyRow } from "@/lib/store/mod.ts";
import { version } from "@/lib/version.ts";
import { renderTable } from "./render_table.ts";
import type { StudyReport } from "./report.ts";
import { reportOf } from "./stored_report.ts";
import { tableOf, toFilledStudyView } from "./study.ts";

const encoder = new TextEncoder();
const text = (name: string, content: string): ZipFile => ({ name, data: encoder.encode(content) });

/** Longer side of its pictures, pixels. */
const SIDE = 320;
const ENDINGS = { csv: "csv", markdown: "md", latex: "tex" } as const;
/** What the page is made of, in `static/report/`. */
const PARTS = [
  "index.html",
  "page.css",
  "report.css",
  "charts.js",
  "curves.js",
  "report.js",
  "open.js",
];

export async function exportStudy(
  store: Store,
  row: StudyRow,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const study = await toFilledStudyView(store, row);
  const report = await reportOf(store, row, { most: 12 });
  const title = study.name ?? `Study of ${study.dataset ?? "a deleted data set"}`;
  const table = await tableOf(store, row);
  const tables: [string, string][] = [];
  for (const format of ["csv", "markdown", "latex"] as const) {
    tables.push([ENDINGS[format], renderTable(format, table, { title, style: "paper" })]);
  }
  const drawn = study.stale ? [] : await picturesOf(store, row.dataset_id, report);
  const data = {
    ...{ title, study, report, tables: Object.fromEntries(tables) },
    pictures: Object.fromEntries(drawn.map(({ image, name }) => [image, name])),
    made_by: `McGIP Server ${version}`,
  };
  const parts: ZipFile[] = [];
  for (const name of PARTS) {
    parts.push({ name, data: await Deno.readFile(`${root}/static/report/${name}`) });
  }
  // Some programs take these two for the end of a line.
  const json = JSON.stringify(data).replace(
    /[\u2028\u2029]/g,
    (c) => c === "\u2028" ? "\\u2028" : "\\u2029",
  );
  return ReadableStream.from(writeZip([
    ...parts,
    text("data.js", `globalThis.McgipStudy = ${json};\n`),
    ...drawn.map(({ name, png }): ZipFile => ({ name, data: png })),
    ...tables.map(([ending, content]) => text(`table.${ending}`, content)),
    text("study.json", `${JSON.stringify({ study, report }, null, 1)}\n`),
  ]));
}

/** Every image that the report names, with its gaze. */
async function picturesOf(store: Store, dataset_id: string, { rows, compared }: StudyReport) {
  const images = new Set([
    ...rows.flatMap(({ mistakes }) => mistakes),
    ...compared.flatMap(({ gained, lost }) => [...gained, ...lost]),
  ].map(({ image }) => image));
  const drawn: { image: string; name: string; png: Uint8Array<ArrayBuffer> }[] = [];
  for (const name of images) {
    const image = await store.images.findByName(dataset_id, name);
    if (!image) continue;
    const gaze = await store.gaze.ofImage(image.id);
    const png = await drawGaze({
      kind: gaze.length > 0 ? "overlay" : "image",
      bytes: await store.files.read(image.file, `image "${name}"`),
      width: image.width,
      height: image.height,
      most: SIDE,
      scanpaths: gaze.map(({ fixations }) => fixations),
      maps: [],
    });
    const file = `pictures/${String(drawn.length + 1).padStart(4, "0")}.png`;
    drawn.push({ image: name, name: file, png });
  }
  return drawn;
}
