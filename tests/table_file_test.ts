/** Tables as CSV and Parquet, read back by other programs' readers. */
import assert from "node:assert/strict";
import { parquetMetadataAsync, parquetReadObjects, parquetSchema } from "hyparquet";
import { z } from "zod";
import { columnsOf, tableStream } from "@/lib/table_file.ts";

const schema = z.object({
  image: z.string(),
  at: z.iso.datetime(),
  fold: z.number().optional(),
  stale: z.boolean().nullable(),
  split: z.enum(["train", "test"]).nullable(),
  probabilities: z.record(z.string(), z.number()),
});
type Row = z.output<typeof schema>;

const classes = ["benign", 'mal"ignant, β', "constructor"];
const columns = columnsOf(schema, { probabilities: { prefix: "probability", keys: classes } });
const row = (i: number): Row => ({
  image: i === 1 ? "=cmd|' /C calc'!A0" : `P${i}/ä, "x"`,
  at: "2026-01-02T03:04:05.678Z",
  ...(i % 3 === 0 ? {} : { fold: i % 5 }),
  stale: i === 2 ? null : i === 1,
  split: i % 2 === 0 ? null : "test",
  probabilities: { benign: 1 / 3 + i * 1e-12, 'mal"ignant, β': i },
});

function* batches(n: number, size: number): Generator<Row[]> {
  for (let from = 0; from < n; from += size) {
    yield Array.from({ length: Math.min(size, n - from) }, (_, i) => row(from + i));
  }
}

const bytesOf = async (format: "csv" | "parquet", rows: Iterable<Row[]>) =>
  await new Response(tableStream(format, columns, rows)).arrayBuffer();

Deno.test("Parquet holds what it was given, of every length, in groups", async () => {
  for (const [n, size, groups] of [[0, 10, 0], [1, 10, 1], [25_007, 1_000, 3]]) {
    const file = await bytesOf("parquet", batches(n, size));
    const found = await parquetMetadataAsync(file);
    assert.equal(found.row_groups.length, groups);
    assert.equal(Number(found.num_rows), n);
    assert.deepEqual(
      parquetSchema(found).children.map(({ element }) => element.name),
      ["image", "at", "fold", "stale", "split", ...classes.map((name) => `probability_${name}`)],
    );
    const read = await parquetReadObjects({ file });
    assert.equal(read.length, n);
    for (const i of [0, 1, 2, 9_999, 10_000, n - 1].filter((i) => i >= 0 && i < n)) {
      const { probabilities, ...rest } = row(i);
      assert.deepEqual(read[i], {
        ...{ fold: null, ...rest },
        ...{ probability_benign: probabilities.benign },
        'probability_mal"ignant, β': i,
        // No such class in the row, though every object has something of that name.
        probability_constructor: null,
      });
    }
  }
});

Deno.test("CSV holds the same, with formulas made text", async () => {
  const text = new TextDecoder().decode(await bytesOf("csv", batches(3, 2)));
  assert.deepEqual(text.split("\n"), [
    'image,at,fold,stale,split,probability_benign,"probability_mal""ignant, β",probability_constructor',
    '"P0/ä, ""x""",2026-01-02T03:04:05.678Z,,false,,0.3333333333333333,0,',
    `'=cmd|' /C calc'!A0,2026-01-02T03:04:05.678Z,1,true,test,${1 / 3 + 1e-12},1,`,
    `"P2/ä, ""x""",2026-01-02T03:04:05.678Z,2,,,${1 / 3 + 2e-12},2,`,
    "",
  ]);
});

Deno.test("a field that is no column is refused", () => {
  assert.throws(() => columnsOf(z.object({ a: z.array(z.number()) })), /Cannot make a column.*"a"/);
});
