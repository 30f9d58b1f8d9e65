/** Data directories that cannot be used: each is refused in one line that says why and what to do. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { openStore } from "@/lib/store/mod.ts";
import { unusable } from "@/lib/store/unusable.ts";
import { withDirectory } from "../support/temporary.ts";

const SETPRIV = "/usr/bin/setpriv";

/** Root without its rights over others' files. */
const powerless = ["--inh-caps=-all", "--bounding-set=-all"];

Deno.test({
  name: "a directory, a file or a database of somebody else is refused by name",
  ignore: Deno.uid() !== 0 || !existsSync(SETPRIV),
  fn: () =>
    withDirectory(async (folder) => {
      const open = async (directory: string) => {
        const { stdout } = await new Deno.Command(SETPRIV, {
          args: [
            ...[...powerless, Deno.execPath(), "eval"],
            `import { openStore } from "${import.meta.resolve("@/lib/store/mod.ts")}";
             try { await (await openStore(${
              JSON.stringify(directory)
            })).close(); console.log("opened"); }
             catch (error) { console.log(error.message); }`,
          ],
        }).output();
        return new TextDecoder().decode(stdout).trim();
      };
      const nobody = 65_534;
      const data = `${folder}/data`;
      await (await openStore(data)).close();
      assert.equal(await open(data), "opened");
      for (
        const [name, mode] of [["mcgip.db", 0o400], ["files", 0o500], ["secret.key", 0]] as const
      ) {
        const path = `${data}/${name}`;
        const { mode: before } = Deno.statSync(path);
        Deno.chmodSync(path, mode);
        Deno.chownSync(path, nobody, nobody);
        assert.equal(
          await open(data),
          `Cannot use ${data}: ${name} may not be read or written; name another data directory by --data, ` +
            `or give it to the user of the server: chown -R USER ${data}`,
        );
        Deno.chownSync(path, 0, 0);
        Deno.chmodSync(path, before! & 0o777);
      }
      assert.equal(await open(data), "opened");
      const closed = `${folder}/closed`;
      Deno.mkdirSync(closed, { mode: 0o555 });
      Deno.chownSync(closed, nobody, nobody);
      assert.match(await open(`${closed}/new`), /^Cannot use .*new: it may not be read or written/);
      assert.match(await open(closed), /^Cannot use .*closed: \S+ may not be read or written/);
    }),
});

Deno.test("files in its place, read-only file systems and missing permissions are told apart", () =>
  withDirectory(async (folder) => {
    Deno.writeTextFileSync(`${folder}/file`, "");
    const other = "name another data directory by --data";
    await assert.rejects(openStore(`${folder}/file`), {
      message: `Cannot use ${folder}/file: it is a file; ${other}`,
    });
    await assert.rejects(openStore(`${folder}/file/below`), /: it is a file; name another/);
    Deno.symlinkSync(`${folder}/gone`, `${folder}/link`);
    await assert.rejects(openStore(`${folder}/link`), /: it is a link that leads nowhere; name/);
    assert.equal(
      unusable("/d", new Error("Read-only file system (os error 30): mkdir '/d'"))?.message,
      `Cannot use /d: its file system is read-only; ${other}`,
    );
    assert.equal(
      unusable("/d", new Deno.errors.NotCapable("Requires all access"))?.message,
      `Cannot use /d: it may not be written; ${other}`,
    );
    assert.equal(unusable("/d", new Error("something else")), undefined);
  }));
