/** Kept matrices as JSON, CSV or NPY, streamed row by row. */
import { z } from "zod";
import { csvLine } from "@/lib/csv.ts";
import {
  type MatrixPart,
  matrixRows,
  needMatrix,
  partOf,
  type ReadableFiles,
} from "./stored_similarity.ts";
import type { SimilarityRow } from "@/lib/store/mod.ts";
import { Turns } from "@/lib/turns.ts";

export const matrixTypes = {
  json: "application/json",
  csv: "text/csv; charset=utf-8",
  npy: "application/octet-stream",
};

export type MatrixFormat = keyof typeof matrixTypes;

export const matrixSchema = z.object({
  measure: z.string(),
  component: z.string(),
  images: z.array(z.string()).describe("In the order of rows and columns"),
  values: z.array(z.array(z.number().nullable())).describe("null where invalid"),
}).meta({ id: "SimilarityMatrix" });

/** The matrix as a stream of bytes; checks everything that can be wrong before it begins. */
export function matrixStream(
  files: ReadableFiles,
  row: SimilarityRow,
  { format, ...part }: MatrixPart & { format: MatrixFormat },
): ReadableStream<Uint8Array<ArrayBuffer>> {
  needMatrix(row);
  const found = partOf(row, part);
  const images = found.wanted.map((image) => row.images[image]);
  const component = row.components[found.at];
  const rows = matrixRows(files, row, found);
  const write = { json: jsonParts, csv: csvParts, npy: npyParts }[format];
  const parts = write({ measure: row.measure, component, images }, rows);
  const encoder = new TextEncoder();
  const turns = new Turns();
  return new ReadableStream({
    async pull(controller) {
      await turns.give();
      const { done, value } = await parts.next();
      if (done) controller.close();
      else controller.enqueue(typeof value === "string" ? encoder.encode(value) : value);
    },
    async cancel() {
      await parts.return(undefined);
    },
  });
}

type Heading = Omit<z.output<typeof matrixSchema>, "values">;

type Rows = AsyncGenerator<Float32Array<ArrayBuffer>>;

/** Eight decimals are more than f32 holds between 0.1 and 1. */
function decimal(value: number): string {
  return String(Math.round(value * 1e8) / 1e8);
}

async function* jsonParts(heading: Heading, rows: Rows): AsyncGenerator<string> {
  yield `${JSON.stringify(heading).slice(0, -1)},"values":[`;
  let comma = "";
  for await (const row of rows) {
    yield `${comma}[${Array.from(row, (v) => Number.isNaN(v) ? "null" : decimal(v)).join(",")}]`;
    comma = ",\n";
  }
  yield "]}\n";
}

async function* csvParts({ images }: Heading, rows: Rows): AsyncGenerator<string> {
  yield csvLine("image", ...images);
  let at = 0;
  for await (const row of rows) {
    const values = Array.from(row, (value) => Number.isNaN(value) ? "" : decimal(value));
    yield `${csvLine(images[at++]).trimEnd()},${values.join(",")}\n`;
  }
}

async function* npyParts(
  { images }: Heading,
  rows: Rows,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  yield npyHeader([images.length, images.length]);
  for await (const row of rows) yield new Uint8Array(row.buffer, row.byteOffset, row.byteLength);
}

/** NPY 1.0, f32 little endian; the data begins at a multiple of 64 bytes. */
export function npyHeader(shape: number[]): Uint8Array<ArrayBuffer> {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(", ")}), }`;
  const length = Math.ceil((10 + text.length + 1) / 64) * 64;
  const header = new TextEncoder().encode(
    "\x00NUMPY\x01\x00\x00\x00" + text.padEnd(length - 11) + "\n",
  );
  header[0] = 0x93;
  new DataView(header.buffer).setUint16(8, length - 10, true);
  return header;
}
