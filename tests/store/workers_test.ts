/** Workers as the database has them. */
import assert from "node:assert/strict";
import type { WorkerAbout } from "@/lib/store/workers.ts";
import { withStore } from "../support/temporary.ts";

const about = (label: string): WorkerAbout => ({
  ...{ label, version: "1", place: "linked", device: null, memory: 0, gpu_memory: 0 },
});

Deno.test("workers that want to be called the same are told apart, as long as they live", () =>
  withStore(async ({ workers }) => {
    const called = async () =>
      Object.fromEntries((await workers.list()).map(({ name, label }) => [name, label]));
    assert.equal(await workers.hold("a", about("box")), "box");
    assert.equal(await workers.hold("b", about("box")), "box#2");
    assert.equal(await workers.hold("c", about("box")), "box#3");
    assert.equal(await workers.hold("d", about("box-2")), "box-2");
    // With each lease they keep what they are called.
    for (const name of ["a", "b", "c"]) await workers.hold(name, about("box"));
    assert.deepEqual(await called(), { a: "box", b: "box#2", c: "box#3", d: "box-2" });
    await workers.remove("b");
    assert.equal(await workers.hold("e", about("box")), "box#2");
    assert.equal(await workers.hold("c", about("box")), "box#3");
    // Who is called otherwise from now on.
    assert.equal(await workers.hold("c", about("other")), "other");
    await workers.hold("f");
    assert.equal((await called()).f, null);
  }));

Deno.test("of several that came at the same time the younger give way", () =>
  withStore(async ({ db, workers }) => {
    for (const name of ["a", "b", "c"]) await workers.hold(name, about("box"));
    // As servers write it that do not see each other's.
    await db.run("UPDATE workers SET label = 'box', since = '2030-01-01T00:00:00.000Z'");
    for (const name of ["c", "b", "a"]) await workers.hold(name, about("box"));
    const labels = (await workers.list()).map(({ label }) => label);
    assert.deepEqual(labels.toSorted(), ["box", "box#2", "box#3"]);
    assert.equal(labels[0], "box", "the first by name");
  }));
