/** A worker's view of its server's files. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Damaged } from "@/lib/errors.ts";
import { askingStore } from "@/lib/worker/asking_store.ts";
import type { Desk } from "@/lib/worker/desk.ts";
import { withDirectory } from "../support/temporary.ts";

Deno.test("a file that is damaged here is asked for once more; where there is no other, its reader is told", () =>
  withDirectory(async (directory) => {
    const sha256 = createHash("sha256").update("good").digest("hex");
    let path = "";
    let brought = 0;
    let there = true;
    const bring = () => {
      brought++;
      if (!there) return Promise.reject(new Damaged("Cannot use what is asked for"));
      Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
      Deno.writeTextFileSync(path, "good");
      return Promise.resolve();
    };
    const { files } = askingStore({ bring } as unknown as Desk, { directory });
    path = files.path(sha256);
    const read = async () => new TextDecoder().decode(await files.read(sha256, 'image "a"'));
    assert.equal(await read(), "good");
    Deno.writeTextFileSync(path, "bad!");
    assert.equal(await read(), "good");
    assert.equal(brought, 2);
    Deno.writeTextFileSync(path, "bad again");
    (await files.open(sha256)).close();
    there = false;
    Deno.writeTextFileSync(path, "bad!");
    await assert.rejects(read, (error) => {
      assert.ok(error instanceof Damaged);
      assert.match(error.message, /^Cannot use image "a": .* put it in again, or restore/);
      return true;
    });
  }));
