/** How many connections fit the limit of file handles. */
import assert from "node:assert/strict";
import { connectionLimit } from "@/lib/file_handles.ts";

const limits = (soft: string) => () =>
  `Limit                     Soft Limit           Hard Limit           Units\n` +
  `Max open files            ${soft.padEnd(20)} 1048576              files\n`;

Deno.test("connections stay below the soft limit; too few handles are refused with what to type", () => {
  assert.equal(connectionLimit(limits("1024")), 896);
  assert.equal(connectionLimit(limits("1048576")), 16_384);
  assert.equal(connectionLimit(limits("unlimited")), undefined);
  assert.equal(connectionLimit(() => undefined), undefined);
  assert.throws(() => connectionLimit(limits("64")), /64 file handles.*ulimit -n 4096/);
});
