/** What is kept of a similarity, and how its file reads. */
import { Conflict, InvalidInput, NotFound } from "@/lib/errors.ts";
import { among, pairsOf, type TopSimilarity } from "@/lib/gaze/top_similarity.ts";
import { MATRIX_LIMIT } from "@/lib/gaze/similarity/matrix.ts";
import type { Layout, SimilarityRow } from "@/lib/store/mod.ts";
import type { StoredFiles } from "@/lib/store/stored_files.ts";

/** What reads a similarity's file, and throws Damaged where it is not what was stored. */
export type ReadableFiles = Pick<StoredFiles, "read" | "open">;

export interface MatrixPart {
  /** One of the similarity's components; the first without it. */
  component?: string;
  /** Names of the images wanted; all without it. */
  images?: string[];
}

/** Positions of a part; throws InvalidInput for an unknown component, NotFound for an unknown image. */
export function partOf(row: SimilarityRow, { component, images }: MatrixPart) {
  const at = component === undefined ? 0 : row.components.indexOf(component);
  if (at < 0) {
    throw new InvalidInput(
      `Cannot find component "${component}": ${row.measure} has [${row.components.join(", ")}]`,
    );
  }
  if (!images) return { at, wanted: row.images.map((_, i) => i) };
  const places = new Map(row.images.map((name, i) => [name, i]));
  const wanted = images.map((name) => place(places, name));
  return { at, wanted };
}

function place(places: Map<string, number>, name: string): number {
  const found = places.get(name);
  if (found === undefined) throw new NotFound(`Cannot find image "${name}" in this similarity`);
  return found;
}

/** For people. */
export const nameOf = ({ id }: SimilarityRow) => `similarity "${id}"`;

/** Rows of a matrix file, one at a time, columns as wanted. */
export async function* matrixRows(
  files: ReadableFiles,
  row: SimilarityRow,
  { at, wanted }: { at: number; wanted: number[] },
): AsyncGenerator<Float32Array<ArrayBuffer>> {
  const n = row.images.length;
  const whole = wanted.length === n && wanted.every((image, i) => image === i);
  using file = await files.open(row.file, nameOf(row));
  for (const image of wanted) {
    const values = await readFloats(file, (at * n + image) * n, n);
    yield whole ? values : Float32Array.from(wanted, (other) => values[other]);
  }
}

/** One image's row of a matrix file. */
export async function matrixRow(
  files: ReadableFiles,
  row: SimilarityRow,
  { at, image }: { at: number; image: number },
): Promise<Float32Array<ArrayBuffer>> {
  const n = row.images.length;
  using file = await files.open(row.file, nameOf(row));
  return await readFloats(file, (at * n + image) * n, n);
}

async function readFloats(
  file: Deno.FsFile,
  from: number,
  count: number,
): Promise<Float32Array<ArrayBuffer>> {
  const bytes = new Uint8Array(count * 4);
  await file.seek(from * 4, Deno.SeekMode.Start);
  for (let got = 0; got < bytes.length;) {
    const more = await file.read(bytes.subarray(got));
    if (more === null) throw new Error("Cannot read the matrix: its file is too short");
    got += more;
  }
  return new Float32Array(bytes.buffer);
}

/** @throws {InvalidInput} when only neighbours were kept */
export function needMatrix(row: SimilarityRow): void {
  const { layout } = row;
  if (layout.kind === "matrix") return;
  throw new InvalidInput(
    `Cannot give the matrix of these ${row.images.length} images: the ${layout.top_k} nearest of each ` +
      `and the ${layout.pairs} nearest pairs were kept, which /pairs gives; a similarity job with ` +
      `"keep": "matrix" keeps all of up to ${MATRIX_LIMIT} images`,
  );
}

/** A matrix in memory, [images, images]. */
export async function readMatrix(
  files: ReadableFiles,
  row: SimilarityRow,
  part: MatrixPart = {},
): Promise<{ images: string[]; values: Float32Array<ArrayBuffer> }> {
  needMatrix(row);
  const found = partOf(row, part);
  const n = found.wanted.length;
  const values = new Float32Array(n * n);
  let at = 0;
  for await (const line of matrixRows(files, row, found)) {
    values.set(line, at);
    at += n;
  }
  return { images: found.wanted.map((image) => row.images[image]), values };
}

/**
 * What is known of a similarity whose matrix was not kept.
 * @param images names of the images wanted, in this order; all without it
 * @throws {NotFound} for an unknown image
 */
export async function readTopSimilarity(
  files: ReadableFiles,
  row: SimilarityRow,
  images?: string[],
): Promise<TopSimilarity> {
  const { indices, values, pairs, layout } = await readNeighbours(files, row);
  const invalid = new Set(row.invalid);
  const valid = Uint8Array.from(row.images, (name) => invalid.has(name) ? 0 : 1);
  const similarity: TopSimilarity = {
    n: row.images.length,
    valid,
    validPairs: pairsOf(valid),
    ...pairs,
    above: layout.above,
    k: layout.top_k,
    indices,
    nearest: values,
  };
  return images ? among(similarity, partOf(row, { images }).wanted) : similarity;
}

/** A file of the layout `neighbours`. @throws {Conflict} when the whole matrix was kept */
export async function readNeighbours(files: ReadableFiles, row: SimilarityRow): Promise<{
  indices: Int32Array<ArrayBuffer>;
  values: Float32Array<ArrayBuffer>;
  pairs: { rows: Uint32Array; columns: Uint32Array; values: Float32Array };
  layout: Extract<Layout, { kind: "neighbours" }>;
}> {
  const { layout } = row;
  if (layout.kind !== "neighbours") {
    throw new Conflict("Cannot read neighbours: the whole matrix was kept");
  }
  const { buffer } = await files.read(row.file, nameOf(row));
  const lists = row.images.length * layout.top_k, { pairs } = layout;
  const at = 8 * lists;
  return {
    indices: new Int32Array(buffer, 0, lists),
    values: new Float32Array(buffer, 4 * lists, lists),
    pairs: {
      rows: new Uint32Array(buffer, at, pairs),
      columns: new Uint32Array(buffer, at + 4 * pairs, pairs),
      values: new Float32Array(buffer, at + 8 * pairs, pairs),
    },
    layout,
  };
}
