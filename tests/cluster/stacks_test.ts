/**
 * The tests of what stands on the store, on PostgreSQL and a bucket instead of SQLite and a directory: minutes of
 * them, so only where they are asked for, by `deno task test:stacks`.
 */
import assert from "node:assert/strict";
import { projectFiles, root } from "../support/imports.ts";
import { postgresTest } from "../support/postgres.ts";
import { clusterEnvironment, startS3rver } from "../support/s3_servers.ts";

const FOLDERS = ["store", "access", "datasets", "jobs", "studies", "similarities", "inference"];
/** Tests of SQLite's own words, and those that count what a study does in the 20 ms of one turn. */
const LEFT_OUT = ["store/database_test.ts", "studies/advance_test.ts", "studies/plan_test.ts"];

const NAME = "what stands on the store does so on PostgreSQL and a bucket";
if (!Deno.env.get("MCGIP_STACKS")) {
  Deno.test({ name: `${NAME} (skipped: see deno task test:stacks)`, ignore: true, fn() {} });
} else {postgresTest(NAME, async (postgres) => {
    const s3 = await startS3rver();
    try {
      const files = projectFiles("_test.ts").filter((file) =>
        FOLDERS.some((folder) => file.startsWith(`tests/${folder}/`)) &&
        !LEFT_OUT.some((name) => file.endsWith(name))
      );
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["test", "-A", "--no-check", "--frozen", "--config=tests/deno.json", ...files],
        cwd: root,
        env: {
          NO_COLOR: "1",
          MCGIP_TESTS_IN_CLUSTER: "1",
          ...clusterEnvironment(s3, await postgres.database()),
        },
      }).output();
      const decoder = new TextDecoder();
      const text = decoder.decode(stdout) + decoder.decode(stderr);
      console.log(/^.*\d+ passed.*$/m.exec(text)?.[0]);
      assert.equal(code, 0, text);
    } finally {
      await s3.stop();
    }
  });}
