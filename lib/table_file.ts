/**
 * Tables as files for other programs: CSV, and Apache Parquet, which keeps types and which pandas, R and DuckDB read.
 * Both go out batch by batch, so that a table of any length takes the memory of one batch.
 */
import { ByteWriter, ParquetWriter, schemaFromColumnData } from "hyparquet-writer";
import { z } from "zod";
import { csvLine, type CsvValue } from "./csv.ts";

/** Media types of the forms by name. */
export const tableTypes = {
  csv: "text/csv; charset=utf-8",
  parquet: "application/vnd.apache.parquet",
} as const;

export type TableFormat = keyof typeof tableTypes;

export interface Column {
  name: string;
  /** Numbers are f64. */
  type: "STRING" | "DOUBLE" | "BOOLEAN";
  /** Field of a row, and the key in it where the field is a record. */
  field: string;
  key?: string;
}

type Fields = Record<string, unknown>;

/**
 * Columns of rows that `schema` describes, in its order. A record becomes a column for each of its keys,
 * `<prefix>_<key>`; a list of texts becomes one text, with | between them.
 * @param records prefix and keys of each field that is a record
 * @throws {Error} for a field that is no text, number, boolean or list of texts, nor such a record
 */
export function columnsOf(
  schema: z.ZodObject,
  records: Record<string, { prefix: string; keys: string[] }> = {},
): Column[] {
  return Object.entries(schema.shape).flatMap(([field, type]): Column[] => {
    const { prefix, keys } = records[field] ?? {};
    if (keys) {
      return keys.map((key) => ({ name: `${prefix}_${key}`, type: "DOUBLE", field, key }));
    }
    const plain = bare(type as z.ZodType);
    if (plain instanceof z.ZodArray && plain.element instanceof z.ZodString) {
      return [{ name: field, type: "STRING", field }];
    }
    if (plain instanceof z.ZodBoolean) return [{ name: field, type: "BOOLEAN", field }];
    if (plain instanceof z.ZodNumber) return [{ name: field, type: "DOUBLE", field }];
    if (
      plain instanceof z.ZodString || plain instanceof z.ZodEnum ||
      plain instanceof z.ZodISODateTime
    ) {
      return [{ name: field, type: "STRING", field }];
    }
    throw new Error(
      `Cannot make a column of the field "${field}": it is no text, number or boolean`,
    );
  });
}

function bare(type: z.ZodType): z.ZodType {
  return type instanceof z.ZodOptional || type instanceof z.ZodNullable
    ? bare(type.unwrap() as z.ZodType)
    : type;
}

type Value = CsvValue | boolean;

/** undefined where the row has no such value. */
function valueOf(row: Fields, { field, key }: Column): Value {
  const value = row[field];
  if (key === undefined) return Array.isArray(value) ? value.join("|") : value as Value;
  // A class may be named like something that every object has.
  return value && Object.hasOwn(value, key) ? (value as Record<string, CsvValue>)[key] : undefined;
}

/** The table as a stream of bytes. */
export function tableStream<Row extends object>(
  format: TableFormat,
  columns: Column[],
  batches: Iterable<Row[]> | AsyncIterable<Row[]>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const write = { csv: csvParts, parquet: parquetParts }[format];
  return ReadableStream.from(write(columns, batches as AsyncIterable<Fields[]>));
}

async function* csvParts(
  columns: Column[],
  batches: AsyncIterable<Fields[]>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  yield encoder.encode(csvLine(...columns.map(({ name }) => name)));
  for await (const rows of batches) {
    const lines = rows.map((row) =>
      csvLine(...columns.map((column) => cell(valueOf(row, column))))
    );
    if (lines.length > 0) yield encoder.encode(lines.join(""));
  }
}

const cell = (value: Value): CsvValue => typeof value === "boolean" ? String(value) : value;

/** Rows of one group: readers look into a file group by group, and many small ones make it slow. */
const GROUP_ROWS = 10_000;

async function* parquetParts(
  columns: Column[],
  batches: AsyncIterable<Fields[]>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const writer = new Drained();
  const dataOf = (rows: Fields[]) =>
    columns.map((column) => ({
      name: column.name,
      type: column.type,
      data: rows.map((row) => valueOf(row, column) ?? null),
    }));
  const schema = schemaFromColumnData({ columnData: dataOf([]) });
  const parquet = new ParquetWriter({ writer, schema, createdBy: "mcgip" });
  let waiting: Fields[] = [];
  const flush = async () => {
    if (waiting.length > 0) {
      await parquet.write({ columnData: dataOf(waiting), rowGroupSize: waiting.length });
    }
    waiting = [];
    return writer.drain();
  };
  for await (const rows of batches) {
    waiting.push(...rows);
    if (waiting.length >= GROUP_ROWS) yield await flush();
  }
  yield await flush();
  await parquet.finish();
  yield writer.drain();
}

/** Counts what was written, and holds only what nobody has taken yet. */
class Drained extends ByteWriter {
  drain(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.buffer.slice(0, this.index));
    this.index = 0;
    return bytes;
  }
}
