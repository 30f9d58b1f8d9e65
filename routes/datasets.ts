/** Data sets: uploaded as ZIP, listed, summed up, downloaded, deleted. */
import { z } from "zod";
import { limits } from "@/lib/config.ts";
import { deleteDataset } from "@/lib/datasets/edit.ts";
import { exportArchive } from "@/lib/datasets/export.ts";
import { importInThread } from "@/lib/datasets/import_thread.ts";
import { datasetName } from "@/lib/datasets/name.ts";
import { summary } from "@/lib/datasets/summary.ts";
import { json } from "./pipeline.ts";
import { chunks, readParts } from "./body.ts";
import { once } from "./idempotency.ts";
import { mapPage, pageOf, pageQuery } from "./pages.ts";
import { HttpError } from "./problem.ts";
import { type Call, type Route, route } from "./route.ts";

const problem = z.object({
  file: z.string().optional(),
  line: z.number().optional(),
  column: z.number().optional(),
  message: z.string(),
});
const report = z.object({
  name: z.string(),
  images: z.number(),
  gaze: z.number(),
  readers: z.number(),
  labels: z.number(),
  skipped: z.number(),
  warnings: z.array(problem),
  digest: z.string(),
}).meta({ id: "ImportReport" });
const range = z.tuple([z.number(), z.number()]);
const counts = z.record(z.string(), z.number());
const dataset = z.object({
  id: z.string(),
  name: z.string(),
  digest: z.string(),
  structured: z.boolean(),
  positive_label: z.string().nullable(),
  created_at: z.iso.datetime(),
  images: z.number(),
  labels: counts,
  unlabelled: z.number(),
  patients: z.number(),
  splits: counts,
  gaze: z.object({
    recordings: z.number(),
    readers: z.array(z.string()),
    images: z.number(),
    coverage: z.number(),
    fixations: z.number(),
  }),
  heatmaps: z.number(),
  bytes: z.number(),
  sizes: z.object({ width: range, height: range }).nullable(),
  kinds: counts,
  description: z.record(z.string(), z.unknown()),
}).meta({ id: "Dataset" });

const uploadQuery = z.strictObject({
  dry_run: z.stringbool().default(false).describe("Only reports what an import would do"),
});

async function fromBody(call: Call<z.output<typeof uploadQuery>>): Promise<Response> {
  // Before the body: a name that cannot be used should not cost an upload.
  const name = datasetName(call.params.name);
  const { files } = call.services.store;
  const { sha256 } = await files.put(chunks(call.request, archiveBytes(call)));
  try {
    return await importArchive(call, name, files.path(sha256), call.query.dry_run);
  } finally {
    // Nothing of the archive itself stays.
    call.services.store.discard([sha256]);
  }
}

async function importArchive(
  { services: { store, config }, request }: Call,
  name: string,
  path: string,
  dryRun: boolean,
): Promise<Response> {
  const made = await importInThread(store, name, path, {
    dryRun,
    signal: request.signal,
    limits: config.maxDatasetBytes ? { totalBytes: config.maxDatasetBytes } : {},
  });
  const location = `/v1/datasets/${encodeURIComponent(made.name)}`;
  return dryRun ? json(made) : json(made, 201, { location });
}

/** The archive's bytes at most: what the content may have, as compression only makes it less. */
const archiveBytes = ({ services: { config } }: Call) =>
  Math.min(limits.archiveBytes, config.maxDatasetBytes ?? Infinity);

async function fromForm(call: Call<z.output<typeof uploadQuery>>): Promise<Response> {
  let given: string | undefined;
  let file: { name: string; sha256: string } | undefined;
  const { store } = call.services;
  const pinned: string[] = [];
  try {
    await readParts(call.request, archiveBytes(call), async (part) => {
      if ("value" in part) {
        if (part.name !== "name") throw new HttpError(400, `Cannot use the field "${part.name}"`);
        given = part.value;
        return;
      }
      if (part.name !== "file" || file) {
        throw new HttpError(400, 'Cannot use this form: one file, "file", is needed');
      }
      file = { name: part.filename, sha256: "" };
      file.sha256 = (await store.files.put(part.file)).sha256;
      pinned.push(file.sha256);
    });
    if (!file) throw new HttpError(400, 'Cannot use this form: there is no file "file"');
    const name = given ?? file.name.replace(/\.zip$/i, "");
    const { sha256 } = file;
    return await once(
      call,
      `${name} ${sha256}`,
      () => importArchive(call, name, store.files.path(sha256), call.query.dry_run),
    );
  } finally {
    store.discard(pinned);
  }
}

export const datasets: Route[] = [
  route({
    method: "PUT",
    path: "/v1/datasets/{name}",
    summary: "Creates or replaces a data set from a ZIP; nothing is kept if the import fails",
    scope: "write",
    query: uploadQuery,
    accepts: ["application/zip", "application/octet-stream"],
    answers: { 200: report, 201: report },
    handle: fromBody,
  }),
  route({
    method: "POST",
    path: "/v1/datasets",
    summary: "The same from a form with the ZIP as `file` and optionally a `name`",
    scope: "write",
    query: uploadQuery,
    accepts: ["multipart/form-data"],
    answers: { 200: report, 201: report },
    handle: fromForm,
  }),
  route({
    method: "GET",
    path: "/v1/datasets",
    summary: "Lists data sets",
    scope: "read",
    query: z.strictObject(pageQuery),
    answers: { 200: pageOf(dataset) },
    handle: ({ services: { store }, query }) =>
      json(mapPage(store.datasets.list(query), (row) => summary(store, row))),
  }),
  route({
    method: "GET",
    path: "/v1/datasets/{name}",
    summary: "What a data set holds, in numbers",
    scope: "read",
    answers: { 200: dataset },
    handle: ({ services: { store }, params: { name } }) =>
      json(summary(store, store.datasets.byName(name))),
  }),
  route({
    method: "DELETE",
    path: "/v1/datasets/{name}",
    summary: "Deletes a data set; models and similarities made from it stay",
    scope: "write",
    answers: { 204: null },
    handle({ services: { store }, params: { name } }) {
      deleteDataset(store, name);
      return new Response(null, { status: 204 });
    },
  }),
  route({
    method: "GET",
    path: "/v1/datasets/{name}/archive",
    summary: "The data set as a ZIP that can be uploaded again",
    scope: "read",
    answers: { 200: ["application/zip"] },
    handle({ services: { store }, params: { name } }) {
      const row = store.datasets.byName(name);
      const file = encodeURIComponent(`${row.name}.zip`);
      return new Response(exportArchive(store, row), {
        headers: {
          "content-type": "application/zip",
          "content-disposition": `attachment; filename*=UTF-8''${file}`,
        },
      });
    },
  }),
];
