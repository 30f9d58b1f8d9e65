/** The server that a program starts for itself. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { startChild } from "../support/child.ts";
import { until } from "../support/server.ts";
import { withDirectory } from "../support/temporary.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

Deno.test({
  name: "a program that is ended takes its server with it",
  ignore: Deno.build.os === "windows",
  fn: () =>
    withDirectory(async (data) => {
      const program = startChild(Deno.execPath(), [
        ...["run", "-A", "--no-check", "--quiet", "--config=tests/deno.json"],
        ...["tests/support/demo_server.ts", data],
      ], { cwd: root });
      try {
        await until(
          () => program.ended() || program.log().startsWith("http"),
          60_000,
          program.log,
        );
        const url = program.log().trim();
        const answers = async () => {
          const response = await fetch(`${url}/healthz`).catch(() => undefined);
          await response?.body?.cancel();
          return response !== undefined;
        };
        assert.ok(await answers(), url);
        program.kill("SIGTERM");
        await until(program.ended, 60_000, program.log);
        assert.ok(!await answers(), "nothing listens there any more");
      } finally {
        await program.stop("SIGKILL");
      }
    }),
});
