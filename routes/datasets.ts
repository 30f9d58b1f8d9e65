/** Data sets: uploaded as ZIP, listed, summed up, downloaded, deleted. */
import { z } from "zod";
import { deleteDataset } from "@/lib/datasets/edit.ts";
import { exportArchive, verifyFiles } from "@/lib/datasets/export.ts";
import type { ImportOptions } from "@/lib/datasets/archive.ts";
import { type ImportReport, importReportSchema } from "@/lib/datasets/import_report.ts";
import { datasetName } from "@/lib/datasets/name.ts";
import { datasetSchema, summary } from "@/lib/datasets/summary.ts";
import { importUpload } from "@/lib/datasets/upload_import.ts";
import { viewQuery } from "@/lib/images/view.ts";
import { chunks, isMultipart, readParts } from "./body.ts";
import { archiveBytes, checkModes, importModes, runImport } from "./imports.ts";
import { mapPage, pageOf, pageQuery } from "./pages.ts";
import { HttpError } from "./problem.ts";
import { type Done, type Reply, reply } from "./reply.ts";
import { type Call, type Route, route } from "./route.ts";

/** What an import would do, or that it was done. */
type Imported = ImportReport | Reply<201, ImportReport>;

const uploadQuery = z.strictObject({
  dry_run: z.stringbool().default(false).describe("Only reports what an import would do"),
  ...importModes,
  ...viewQuery,
});
type UploadQuery = z.output<typeof uploadQuery>;

const putQuery = uploadQuery.extend({
  upload: z.string().max(64).optional().describe("A finished upload to import instead of a body"),
});
type PutQuery = z.output<typeof putQuery>;

const archiveForm = z.object({
  file: z.file().describe("The ZIP"),
  name: z.string().optional().describe("Of the data set; the file's without it"),
});

async function fromBody(call: Call<PutQuery>): Promise<Imported> {
  // Before the body: a name that cannot be used should not cost an upload.
  const name = datasetName(call.params.name);
  checkModes(call.query);
  if (isMultipart(call.request)) {
    throw new HttpError(
      415,
      "Cannot read a form here: send the ZIP itself as the body (curl -T set.zip), or the form by POST " +
        "to /v1/datasets",
    );
  }
  const { store } = call.services;
  const { upload, dry_run: dryRun } = call.query;
  if (upload !== undefined) {
    if (Number(call.request.headers.get("content-length") ?? 0) > 0) {
      throw new HttpError(400, "Cannot use a body and an upload: send one of them");
    }
    const options = { dataset: name, dryRun };
    return await importUpload(
      store,
      upload,
      options,
      (path, onProgress) => importArchive(call, name, path, onProgress),
    ).then((made) => answerOf(made, dryRun));
  }
  const { sha256 } = await store.files.put(chunks(call.request, archiveBytes(call)));
  try {
    return answerOf(await importArchive(call, name, store.files.path(sha256)), dryRun);
  } finally {
    // Nothing of the archive itself stays.
    await store.discard([sha256]);
  }
}

function importArchive(
  call: Call<UploadQuery & Partial<PutQuery>>,
  name: string,
  path: string,
  onProgress?: ImportOptions["onProgress"],
): Promise<ImportReport> {
  const { query, request: { signal } } = call;
  const { dry_run: dryRun, mode, same, names, upload: _, ...view } = query;
  return runImport(call, name, path, { dryRun, mode, same, names, view, signal, onProgress });
}

function answerOf(made: ImportReport, dryRun: boolean): Imported {
  const location = `/v1/datasets/${encodeURIComponent(made.name)}`;
  return dryRun ? made : reply(201, made, { location });
}

async function fromForm(call: Call<UploadQuery>): Promise<Done<Imported>> {
  checkModes(call.query);
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
    return await call.once(
      `${name} ${sha256}`,
      async () =>
        answerOf(await importArchive(call, name, store.files.path(sha256)), call.query.dry_run),
    );
  } finally {
    await store.discard(pinned);
  }
}

export const datasets: Route[] = [
  route({
    method: "PUT",
    path: "/v1/datasets/{name}",
    operationId: "putDataset",
    stores: true,
    headers: ["Location"],
    errors: [409, 415, 422, 429],
    summary:
      "Creates or replaces a data set from a ZIP, or adds to it; nothing is kept if it fails",
    scope: "write",
    query: putQuery,
    accepts: ["application/zip", "application/octet-stream"],
    answers: { 200: importReportSchema, 201: importReportSchema },
    handle: fromBody,
  }),
  route({
    method: "POST",
    path: "/v1/datasets",
    operationId: "createDataset",
    stores: true,
    form: archiveForm,
    headers: ["Location"],
    errors: [415, 429],
    summary: "The same from a form with the ZIP as `file` and optionally a `name`",
    scope: "write",
    query: uploadQuery,
    accepts: ["multipart/form-data"],
    answers: { 200: importReportSchema, 201: importReportSchema },
    handle: fromForm,
  }),
  route({
    method: "GET",
    path: "/v1/datasets",
    operationId: "listDatasets",
    summary: "Lists data sets",
    scope: "read",
    query: z.strictObject(pageQuery),
    answers: { 200: pageOf(datasetSchema) },
    handle: async ({ services: { store }, query }) =>
      await mapPage(await store.datasets.list(query), async (row) => await summary(store, row)),
  }),
  route({
    method: "GET",
    path: "/v1/datasets/{name}",
    operationId: "getDataset",
    summary: "What a data set holds, in numbers",
    scope: "read",
    answers: { 200: datasetSchema },
    handle: async ({ services: { store }, params: { name } }) =>
      await summary(store, await store.datasets.byName(name)),
  }),
  route({
    method: "DELETE",
    path: "/v1/datasets/{name}",
    operationId: "deleteDataset",
    errors: [409],
    summary: "Deletes a data set; models and similarities made from it stay",
    scope: "write",
    answers: { 204: null },
    async handle({ services: { store }, params: { name } }) {
      await deleteDataset(store, name);
      return reply(204, null);
    },
  }),
  route({
    method: "GET",
    path: "/v1/datasets/{name}/archive",
    operationId: "downloadDataset",
    headers: ["Content-Disposition"],
    summary: "The data set as a ZIP that can be uploaded again",
    errors: [500],
    scope: "read",
    answers: { 200: ["application/zip"] },
    async handle({ services: { store }, params: { name } }) {
      const row = await store.datasets.byName(name);
      await verifyFiles(store, row);
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
