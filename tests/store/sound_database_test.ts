/** Damage to the database: a server does not start on it, and says the way back. */
import assert from "node:assert/strict";
import { Damaged } from "@/lib/errors.ts";
import { newId, now, openStore } from "@/lib/store/mod.ts";
import { withDirectory } from "../support/temporary.ts";

const PAGE = 4096;

Deno.test("random bytes in any page are found at the start; nothing is changed, and the way back is said", () =>
  withDirectory(async (directory) => {
    const store = await openStore(directory);
    await store.db.transaction(async () => {
      for (let i = 0; i < 200; i++) {
        await store.datasets.insert({
          id: newId("ds"),
          name: `set ${i}`,
          names: "keep",
          known_digest: "0",
          structured: true,
          positive_label: null,
          meta: { text: "x".repeat(i % 10 === 0 ? 9000 : 100) },
          created_at: now(),
        });
      }
    });
    await store.close();
    const path = `${directory}/mcgip.db`;
    const sound = Deno.readFileSync(path);
    const pages = sound.length / PAGE;
    assert.ok(pages > 100 && Number.isInteger(pages));
    const missed: number[] = [];
    for (let page = 0; page < pages; page++) {
      const bytes = sound.slice();
      crypto.getRandomValues(bytes.subarray(page * PAGE, (page + 1) * PAGE));
      Deno.writeFileSync(path, bytes);
      try {
        await (await openStore(directory)).close();
        missed.push(page);
      } catch (error) {
        assert.ok(error instanceof Damaged, String(error));
        assert.match(error.message, /^Cannot open .*mcgip.db: it is damaged \(.+\)\. Nothing was/);
        assert.match(error.message, /deno task restore BACKUP/);
        assert.deepEqual(Deno.readFileSync(path), bytes);
      }
    }
    assert.deepEqual(missed, []);
    Deno.writeFileSync(path, sound);
    await (await openStore(directory)).close();
  }));

Deno.test("a file that is no database is told in the same words", () =>
  withDirectory(async (directory) => {
    Deno.writeTextFileSync(`${directory}/mcgip.db`, "no database at all ".repeat(1000));
    await assert.rejects(openStore(directory), /Cannot open .*damaged \(file is not a database\)/);
  }));
