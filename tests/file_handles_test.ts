/** How many connections fit the limit of file handles. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { connectionLimit, readOpenFilesLimit, waitingLimit } from "@/lib/file_handles.ts";
import { launcherArguments } from "@/lib/launcher_permissions.ts";

const root = fileURLToPath(new URL("../", import.meta.url));

Deno.test("connections stay below the limit; too few handles are refused with what to type", () => {
  for (const handles of [256, 512, 1024, 1661, 1662, 4096, 20_000, 33_000]) {
    const connections = connectionLimit(() => handles)!;
    const most = 2 * connections + waitingLimit(connections);
    assert.ok(handles - 128 - most >= 0 && handles - 128 - most < 3, `${handles}: ${connections}`);
  }
  assert.equal(connectionLimit(() => 512), 128);
  assert.equal(connectionLimit(() => 1_048_576), 16_384);
  assert.equal(waitingLimit(16_384), 511);
  assert.equal(connectionLimit(() => Infinity), undefined);
  assert.equal(connectionLimit(() => undefined), undefined);
  assert.throws(() => connectionLimit(() => 64), /64 file handles.*ulimit -n 4096/);
});

Deno.test({
  name: "the limit is known to a launcher with its own permissions",
  ignore: Deno.build.os !== "linux",
  async fn() {
    assert.ok(readOpenFilesLimit()! > 0);
    const [run, ...rest] = launcherArguments;
    // Else it also tells of packages that it fetches.
    const deno = [Deno.execPath(), run, "--quiet", ...rest];
    const { code, stderr } = await new Deno.Command("sh", {
      args: ["-c", 'ulimit -n 200 && exec "$@"', "sh", ...deno],
      cwd: root,
      env: { MCGIP_PORT: "0", NO_COLOR: "1" },
    }).output();
    assert.equal(code, 1);
    assert.match(
      new TextDecoder().decode(stderr),
      /^Cannot start with 200 file handles: at least 256 are needed \(ulimit -n 4096\)\n$/,
    );
  },
});
