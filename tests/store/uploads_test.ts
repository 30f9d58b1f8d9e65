/** How long uploads are kept. */
import assert from "node:assert/strict";
import { NotFound } from "@/lib/errors.ts";
import { Uploads } from "@/lib/store/uploads.ts";
import { withDirectory } from "../support/temporary.ts";

const HOUR_S = 3600;

/** Makes both files of an upload older. */
function age(uploads: Uploads, id: string, hours: number): void {
  const time = Date.now() / 1000 - hours * HOUR_S;
  for (const ending of ["json", "part"]) {
    const path = uploads.path(id).replace(/part$/, ending);
    const text = Deno.readTextFileSync(path);
    if (ending === "json") {
      // Without its sum it is one of before, and taken as it is.
      const info = { ...JSON.parse(text.split("\n")[0]), created_at: new Date(time * 1000) };
      Deno.writeTextFileSync(path, JSON.stringify(info));
    }
    Deno.utimeSync(path, time, time);
  }
}

Deno.test("an upload is kept for a week; what its import has said, names among it, for a day", () =>
  withDirectory((directory) => {
    const uploads = new Uploads(`${directory}/uploads`);
    const made = () => uploads.create(0, null).id;
    const [open, settled] = [made(), made()];
    uploads.settle(settled, { error: "images/Jane.png" });
    for (const id of [open, settled]) age(uploads, id, 23);
    assert.deepEqual(uploads.list().map(({ id }) => id), [open, settled]);
    for (const id of [open, settled]) age(uploads, id, 25);
    assert.deepEqual(uploads.list().map(({ id }) => id), [open]);
    assert.deepEqual([...Deno.readDirSync(uploads.directory)].length, 2);
    age(uploads, open, 7 * 24 + 1);
    assert.throws(() => uploads.get(open), NotFound);
  }));

Deno.test("an upload that is used does not expire, whatever the clock says", () =>
  withDirectory(async (directory) => {
    const uploads = new Uploads(`${directory}/uploads`);
    const { id } = uploads.create(0, null);
    await uploads.use(id, () => {
      age(uploads, id, 1000);
      assert.deepEqual(uploads.list().length, 1);
      return Promise.resolve();
    });
    assert.deepEqual(uploads.list(), []);
  }));
