/** A damaged database: what can be read of it is saved, what is lost is told, and the advice works as it is typed. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { backUp } from "@/lib/operations/backup.ts";
import { salvage } from "@/lib/operations/salvage.ts";
import { Damaged } from "@/lib/errors.ts";
import { newJob } from "@/lib/jobs/queue.ts";
import { newId, now, openStore } from "@/lib/store/mod.ts";
import { runTask } from "../support/program.ts";
import { withDirectory } from "../support/temporary.ts";

const PAGE = 4096;
const IMAGES = 300;

/** Data sets with images, a job with many events. */
async function fill(directory: string): Promise<void> {
  const store = await openStore(directory);
  await store.db.transaction(async () => {
    for (const name of ["first", "second"]) {
      const dataset_id = newId("ds");
      await store.datasets.insert({
        ...{ id: dataset_id, name, names: "keep", known_digest: "0", structured: true },
        ...{ positive_label: null, meta: { text: "x".repeat(9000) }, created_at: now() },
      });
      for (let i = 0; i < IMAGES / 2; i++) {
        await store.images.insert({
          ...{ id: newId("im"), dataset_id, name: `${name} ${i}`, file: `${i}`, format: "png" },
          ...{ bytes: 1, width: 1, height: 1, channels: 1, bits: 8, label: "a".repeat(200) },
          ...{ patient: null, split: null },
        });
      }
    }
    const job = newJob("count", {});
    await store.jobs.insert(job);
    for (let i = 0; i < 200; i++) {
      const message = `event ${i} ${"y".repeat(100)}`;
      await store.events.appendAll(job.id, [{ type: "log", data: { message } }]);
    }
  });
  await store.close();
}

/** Pages of a table, without the first of it, which leads to the others. */
function pagesOf(path: string, table: string): number[] {
  using db = new DatabaseSync(path, { readOnly: true });
  const rows = db.prepare("SELECT pageno, pagetype FROM dbstat WHERE name = ?").all(table) as {
    pageno: number;
    pagetype: string;
  }[];
  return rows.filter(({ pagetype }) => pagetype === "leaf").map(({ pageno }) => pageno);
}

function ruin(path: string, page: number): void {
  const bytes = Deno.readFileSync(path);
  crypto.getRandomValues(bytes.subarray((page - 1) * PAGE, page * PAGE));
  Deno.writeFileSync(path, bytes);
}

const counted = (path: string, table: string) => {
  using db = new DatabaseSync(path, { readOnly: true });
  return db.prepare(`SELECT count(*) AS n FROM ${table}`).get()!.n as number;
};

Deno.test("of a sound database every row is saved, and nothing is said to be lost", () =>
  withDirectory(async (data) => {
    await fill(data);
    const { lost, orphans } = salvage(data, `${data}/saved.db`);
    assert.deepEqual([lost, orphans], [[], []]);
    for (const table of ["datasets", "images", "jobs", "events"]) {
      assert.equal(counted(`${data}/saved.db`, table), counted(`${data}/mcgip.db`, table), table);
    }
    assert.throws(() => salvage(data, `${data}/saved.db`), /it exists; name a new file/);
    const store = await openStore(data);
    assert.throws(() => salvage(data, `${data}/other.db`), /a server works in it; stop it first/);
    await store.close();
  }));

Deno.test("the advice of a start, typed as it is, saves all but a ruined page, and names what was on it", () =>
  withDirectory(async (data) => {
    await fill(data);
    const path = `${data}/mcgip.db`;
    const pages = pagesOf(path, "images");
    assert.ok(pages.length > 5, `${pages.length}`);
    ruin(path, pages[3]);
    const damaged = Deno.readFileSync(path);
    const advice = await openStore(data).then(() => "", (error) => error.message as string);
    const [, task, dir] = /deno task (salvage) --data (\S+)$/.exec(advice)!;
    const made = await runTask(task, ["--data", dir]);
    assert.equal(made.code, 1, made.error);
    assert.deepEqual(Deno.readFileSync(path), damaged);
    const [, lost, names] = /^images: (\d+) rows lost: (.*)$/m.exec(made.out)!;
    assert.ok(Number(lost) > 0 && Number(lost) < 40, lost);
    assert.match(names, /(first|second) \d+/);
    const [, commands] = /^To go on with it: (.*); deno task verify/m.exec(made.out)!;
    const shell = await new Deno.Command("sh", { args: ["-c", commands] }).output();
    assert.ok(shell.success);
    const store = await openStore(data);
    const kept = (await Promise.all(["first", "second"].map(async (name) =>
      await store.images.count([["dataset_id = ?", (await store.datasets.byName(name)).id]])
    ))).reduce((a, b) =>
      a + b
    );
    assert.equal(kept, IMAGES - Number(lost));
    assert.equal((await store.datasets.byName("first")).known_digest, "");
    await store.close();
  }));

Deno.test("whichever page is ruined: each row is saved, or told as lost, or nothing can be read, which is said", () =>
  withDirectory(async (data) => {
    await fill(data);
    const path = `${data}/mcgip.db`;
    const sound = Deno.readFileSync(path);
    let saved = 0;
    for (let page = 1; page <= sound.length / PAGE; page += 3) {
      Deno.writeFileSync(path, sound);
      ruin(path, page);
      const target = `${data}/saved${page}.db`;
      try {
        const { lost, orphans } = salvage(data, target);
        const told = lost.find(({ table }) => table === "images");
        const left = orphans.find(({ table }) => table === "images")?.rows ?? 0;
        if (told?.rows !== null) {
          assert.equal(counted(target, "images") + (told?.rows ?? 0) + left, IMAGES, `${page}`);
        }
        if (counted(target, "events") < 200) {
          assert.ok([...lost, ...orphans].some(({ table }) => table === "events"), `${page}`);
        }
        saved++;
      } catch (error) {
        assert.match(String(error), /Cannot salvage .* restore a backup/);
      }
    }
    assert.ok(saved > 10, `${saved}`);
  }));

Deno.test("a backup of a damaged database names the database, not a copy of it", () =>
  withDirectory(async (folder) => {
    const data = `${folder}/data`;
    await fill(data);
    const path = `${data}/mcgip.db`;
    ruin(path, pagesOf(path, "images")[2]);
    await assert.rejects(backUp(data, `${folder}/backup`, { codeVersion: "test" }), (error) => {
      assert.ok(error instanceof Damaged);
      assert.ok(error.message.startsWith(`Cannot open ${path}: it is damaged (`), error.message);
      assert.doesNotMatch(error.message, /partial/);
      return true;
    });
  }));
