/** Lists that also come as tables: JSON in pages, or whole as CSV or Parquet. */
import { type Column, type TableFormat, tableStream, tableTypes } from "@/lib/table_file.ts";
import type { Page } from "@/lib/store/mod.ts";
import { bare } from "./format.ts";
import { HttpError } from "./problem.ts";

/** Forms of such an answer. */
export const listFormats = { json: "application/json", ...tableTypes } as const;

/** Media types of the tables, for `answers`. */
export const tableMediaTypes = Object.values(tableTypes).map(bare);

/** The whole table as a file of this name, without ending. */
export function tableAnswer<Row extends object>(
  { format, name }: { format: TableFormat; name: string },
  columns: Column[],
  batches: Iterable<Row[]> | AsyncIterable<Row[]>,
): Response {
  const file = encodeURIComponent(`${name}.${format}`);
  return new Response(tableStream(format, columns, batches), {
    headers: {
      "content-type": tableTypes[format],
      "content-disposition": `attachment; filename*=UTF-8''${file}`,
    },
  });
}

/** Throws HttpError where a part of a table is asked for. */
export function needWhole({ url }: Request, format: TableFormat): void {
  const { searchParams } = new URL(url);
  for (const name of ["limit", "after"]) {
    if (!searchParams.has(name)) continue;
    const message = `Cannot use "${name}" with ${format}: it comes whole; pages come as JSON`;
    throw new HttpError(400, message);
  }
}

/** Page after page until the last; between two of them others get their turn. */
export async function* batchesOf<Row>(
  read: (after: string | undefined) => Promise<Page<Row>>,
): AsyncGenerator<Row[]> {
  let after: string | undefined;
  do {
    const { data, next } = await read(after);
    yield data;
    after = next ?? undefined;
    await new Promise((resolve) => setTimeout(resolve));
  } while (after !== undefined);
}
