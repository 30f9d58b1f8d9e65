/** Clocks are set while a server runs: spans within a process are measured by one that nobody sets. */
import assert from "node:assert/strict";
import { projectFiles } from "./support/imports.ts";

/** Where spans reach over the ends of processes, and what keeps a step of the clock from doing harm. */
const acrossProcesses: Record<string, string> = {
  "lib/access/keyring.ts": "when a key expires is a time of day, as whoever made it gave it",
  "lib/store/set_aside.ts": "a week, of files that nothing refers to",
  "lib/store/shared_files.ts":
    "a day, of files that nothing refers to yet; they can be fetched again",
  "lib/store/uploads.ts": "a week; what this process has used does not expire",
  "lib/store/idempotency.ts": "a day, looked at when a server starts and by the hour",
  "lib/studies/advance.ts": "an estimate of the end, left out where it makes no sense",
};

Deno.test("spans are not measured by the time of day", () => {
  const measured = /Date\.now\(\)\s*[-<>]|[-<>]=?\s*Date\.now\(\)/;
  const found = projectFiles(".ts").filter((file) =>
    /^(lib|routes|gpu)\//.test(file) && measured.test(Deno.readTextFileSync(file))
  );
  assert.deepEqual(found.toSorted(), Object.keys(acrossProcesses).toSorted());
});
