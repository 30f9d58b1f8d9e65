/** Studies: the table of methods, arms and backbones, while it fills and when it is done. */
import { z } from "zod";
import { Conflict, InvalidInput } from "@/lib/errors.ts";
import {
  publishedTable,
  publishedTableSchema,
  renderTable,
  tableStyles,
  tableTypes,
} from "@/lib/studies/render_table.ts";
import { runsFigure } from "@/lib/studies/runs_figure.ts";
import {
  filledStudySchema,
  studySchema,
  tableOf,
  toFilledStudyView,
  toStudyView,
} from "@/lib/studies/study.ts";
import { exportStudy } from "@/lib/studies/export.ts";
import { studyReportSchema } from "@/lib/studies/report.ts";
import { reportOf } from "@/lib/studies/stored_report.ts";
import { finishedStates } from "@/lib/store/mod.ts";
import { fieldsOf, mapPage, pageOf, pageQuery, withFields } from "./pages.ts";
import { reply } from "./reply.ts";
import { type Route, route } from "./route.ts";

export const studies: Route[] = [
  route({
    method: "GET",
    path: "/v1/studies",
    operationId: "listStudies",
    summary: "Lists studies, the newest first",
    scope: "read",
    query: z.strictObject({ ...pageQuery, fields: fieldsOf(studySchema) }),
    answers: { 200: pageOf(studySchema) },
    handle: async ({ services: { store }, query: { fields, ...query } }) => {
      const rows = await store.studies.list(query);
      return withFields(await mapPage(rows, (row) => toStudyView(store, row)), fields);
    },
  }),
  route({
    method: "GET",
    path: "/v1/studies/{id}",
    operationId: "getStudy",
    summary: "Cells with mean, deviation, n, interval and difference; the trainings behind them",
    scope: "read",
    answers: { 200: filledStudySchema },
    handle: async ({ services: { store }, params: { id } }) =>
      await toFilledStudyView(store, await store.studies.get(id)),
  }),
  route({
    method: "GET",
    path: "/v1/studies/{id}/table",
    operationId: "getStudyTable",
    headers: ["Content-Disposition"],
    summary:
      "The table in the published form: JSON, CSV, Markdown or LaTeX, and as a picture of every run (SVG)",
    scope: "read",
    errors: [422],
    query: z.strictObject({
      style: z.enum(tableStyles).default("full").describe(
        "`paper`: percent with two digits, best in bold, n and p, booktabs; of CSV, Markdown and LaTeX",
      ),
    }),
    answers: {
      200: [
        publishedTableSchema,
        ...Object.values(tableTypes).map((type) => type.split(";")[0]),
        "image/svg+xml",
      ],
    },
    formats: { json: "application/json", ...tableTypes, svg: "image/svg+xml" },
    async handle({ services: { store }, params: { id }, query: { style }, format }) {
      const row = await store.studies.get(id);
      const title = row.name ??
        `Study of ${(await store.datasets.find(row.dataset_id))?.name ?? id}`;
      const table = await tableOf(store, row);
      if (format === "json" || format === "svg") {
        if (style !== "full") {
          const what = format === "json" ? "JSON" : "a picture";
          throw new InvalidInput(
            `Cannot write ${what} in the style of a paper: that is for texts`,
            [{ pointer: "/style", message: "for the formats csv, markdown and latex" }],
          );
        }
        if (format === "json") return publishedTable(table, { title });
        return new Response(runsFigure(table, { title }), {
          headers: {
            "content-type": "image/svg+xml",
            "content-disposition": `attachment; filename="${row.id}.svg"`,
          },
        });
      }
      return new Response(renderTable(format, table, { title, style }), {
        headers: {
          "content-type": tableTypes[format],
          "content-disposition": `attachment; filename="${row.id}.${ENDINGS[format]}"`,
        },
      });
    },
  }),
  route({
    method: "GET",
    path: "/v1/studies/{id}/report",
    operationId: "getStudyReport",
    errors: [422],
    summary:
      "What stands behind the figures: curves with bands over runs, confusion, mistakes, images that changed",
    scope: "read",
    query: z.strictObject({
      class: z.string().min(1).max(512).optional()
        .describe("Of the curves; the positive one, or the first, without it"),
      most: z.coerce.number().int().min(1).max(100).default(12).describe("Images of each kind"),
    }),
    answers: { 200: studyReportSchema },
    handle: async ({ services: { store }, params: { id }, query: { class: label, most } }) =>
      await reportOf(store, await store.studies.get(id), { label, most }),
  }),
  route({
    method: "GET",
    path: "/v1/studies/{id}/export",
    operationId: "exportStudy",
    headers: ["Content-Disposition"],
    errors: [429, 500],
    summary: "The study as a ZIP whose index.html opens from the disk, with its pictures",
    description:
      "It asks nothing of any server: a classic script, the data in a second one, PNGs. The tables lie " +
      "beside it as CSV, Markdown and LaTeX.",
    scope: "read",
    answers: { 200: ["application/zip"] },
    async handle({ services: { store }, params: { id } }) {
      const row = await store.studies.get(id);
      return new Response(await exportStudy(store, row), {
        headers: {
          "content-type": "application/zip",
          "content-disposition": `attachment; filename="${row.id}.zip"`,
        },
      });
    },
  }),
  route({
    method: "DELETE",
    path: "/v1/studies/{id}",
    operationId: "deleteStudy",
    errors: [409],
    summary: "Deletes an ended study; its models and evaluations stay",
    scope: "write",
    answers: { 204: null },
    async handle({ services: { store }, params: { id } }) {
      const { job_id } = await store.studies.get(id);
      const state = (await store.jobs.find(job_id))?.state;
      if (state !== undefined && !finishedStates.includes(state)) {
        throw new Conflict(`Cannot delete study "${id}": it is ${state}`);
      }
      await store.studies.remove(id);
      return reply(204, null);
    },
  }),
];

const ENDINGS = { csv: "csv", markdown: "md", latex: "tex" } as const;
