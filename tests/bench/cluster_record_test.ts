/** Parts of the table of a cluster that were measured at different times. */
import assert from "node:assert/strict";
import { readRecord, report, writeRecord } from "../../bench/cluster/record.ts";
import { withDirectory } from "../support/temporary.ts";

const part = (what: string, how: string, holds?: boolean) => ({
  how,
  rows: [{ of: `About ${what}`, what, wanted: "1", measured: "1", holds }],
});
const order = ["first", "second", "third"];

Deno.test("a part that is measured alone takes its own place, and the others stay as they were", () =>
  withDirectory((directory) => {
    const path = `${directory}/record.json`;
    assert.deepEqual(readRecord(path), {});
    const first = { second: part("b", "At load 9.", false), first: part("a", "At load 1.") };
    writeRecord(path, first, order);
    const record = readRecord(path);
    record.second = part("b", "At load 2.", true);
    writeRecord(path, record, order);
    const kept = readRecord(path);
    assert.deepEqual(Object.keys(kept), ["first", "second"]);
    const text = report(kept, order);
    assert.ok(text.indexOf("## About a") < text.indexOf("At load 1."));
    assert.ok(text.indexOf("At load 1.") < text.indexOf("## About b"));
    assert.ok(text.includes("At load 2.") && !text.includes("At load 9."));
    assert.match(text, /\*\*1 of 1 promises\s+held\.\*\* Not measured: third\./);
    return Promise.resolve();
  }));
