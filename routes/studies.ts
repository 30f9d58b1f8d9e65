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
import { finishedStates } from "@/lib/store/mod.ts";
import { mapPage, pageOf, pageQuery } from "./pages.ts";
import { reply } from "./reply.ts";
import { type Route, route } from "./route.ts";

export const studies: Route[] = [
  route({
    method: "GET",
    path: "/v1/studies",
    operationId: "listStudies",
    summary: "Lists studies, the newest first",
    scope: "read",
    query: z.strictObject(pageQuery),
    answers: { 200: pageOf(studySchema) },
    handle: ({ services: { store }, query }) =>
      mapPage(store.studies.list(query), (row) => toStudyView(store, row)),
  }),
  route({
    method: "GET",
    path: "/v1/studies/{id}",
    operationId: "getStudy",
    summary: "Cells with mean, deviation, n, interval and difference; the trainings behind them",
    scope: "read",
    answers: { 200: filledStudySchema },
    handle: ({ services: { store }, params: { id } }) =>
      toFilledStudyView(store, store.studies.get(id)),
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
    handle({ services: { store }, params: { id }, query: { style }, format }) {
      const row = store.studies.get(id);
      const title = row.name ?? `Study of ${store.datasets.find(row.dataset_id)?.name ?? id}`;
      const table = tableOf(store, row);
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
    method: "DELETE",
    path: "/v1/studies/{id}",
    operationId: "deleteStudy",
    errors: [409],
    summary: "Deletes an ended study; its models and evaluations stay",
    scope: "write",
    answers: { 204: null },
    handle({ services: { store }, params: { id } }) {
      const { job_id } = store.studies.get(id);
      const state = store.jobs.find(job_id)?.state;
      if (state !== undefined && !finishedStates.includes(state)) {
        throw new Conflict(`Cannot delete study "${id}": it is ${state}`);
      }
      store.studies.remove(id);
      return reply(204, null);
    },
  }),
];

const ENDINGS = { csv: "csv", markdown: "md", latex: "tex" } as const;
