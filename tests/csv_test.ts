import assert from "node:assert/strict";
import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { csvLine, escapeFormula, unescapeFormula } from "@/lib/csv.ts";

Deno.test("any texts and numbers are read back as they were written", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("=1+1", "-a", "'+b", "@x", '"', " a ", "a;b", "\t", "a\r\nb", "''=c", ""),
  );
  fc.assert(fc.property(
    fc.array(fc.array(fc.oneof(text, fc.double({ noNaN: true })), { minLength: 2 }), {
      minLength: 1,
    }),
    (rows) => {
      const written = rows.map((row) => csvLine(...row)).join("");
      const read: string[][] = parse(written, { relax_column_count: true, recordDelimiter: "\n" });
      assert.deepEqual(
        read.map((row, i) =>
          row.map((cell, j) =>
            typeof rows[i][j] === "number" ? Number(cell) : unescapeFormula(cell)
          )
        ),
        rows.map((row) => row.map((value) => value === 0 ? 0 : value)),
      );
    },
  ));
});

Deno.test("no text of a file begins as a formula does; numbers stay numbers, what is not there is empty", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    assert.doesNotMatch(escapeFormula(text), /^[=+\-@\t\r]/);
    assert.equal(unescapeFormula(escapeFormula(text)), text);
  }));
  assert.equal(csvLine("=SUM(A1)", -1.5, null, undefined, NaN, 1e-9), "'=SUM(A1),-1.5,,,,1e-9\n");
});
