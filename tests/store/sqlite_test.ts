/** Who writes while another process or thread does: it waits, and its own thread goes on. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { openStore } from "@/lib/store/mod.ts";
import { withDirectory } from "../support/temporary.ts";

Deno.test("while another writes, writers wait without keeping the thread, and reads are answered", () =>
  withDirectory(async (directory) => {
    const store = await openStore(directory);
    const other = new DatabaseSync(`${directory}/mcgip.db`);
    const insert = (id: string) =>
      store.db.run("INSERT INTO image_sets (id, content) VALUES (?, '')", id);
    const count = async () =>
      (await store.db.get<{ n: number }>("SELECT count(*) AS n FROM image_sets"))!.n;
    other.exec("BEGIN IMMEDIATE");
    const writing = [
      insert("a"),
      store.db.transaction(async () => {
        await insert("b");
        await insert("c");
      }),
    ];
    let turns = 0;
    const turning = setInterval(() => turns++, 1);
    for (let left = 10; left > 0; left--) {
      assert.equal(await count(), 0);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    clearInterval(turning);
    assert.ok(turns > 10, `${turns}`);
    other.exec("COMMIT");
    await Promise.all(writing);
    assert.equal(await count(), 3);
    other.close();
    await store.close();
  }));
