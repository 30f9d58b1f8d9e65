/** The attack itself: its choices repeat, its mutations change something, and harm is told as such. */
import assert from "node:assert/strict";
import { attempt, inLanes, verdict } from "./attack/attack.ts";
import { blackPng } from "./attack/black_png.ts";
import { mutate, mutateJson } from "./attack/mutate.ts";
import type { Scenario } from "./attack/scenario.ts";
import { Dice } from "./gaze/meaning/dice.ts";
import { decodeImage } from "@/lib/images/decode.ts";

const options = { seed: 3, long: false, rounds: 1, seconds: 60, readySeconds: 5 };

Deno.test("attack: mutations follow from the seed, differ from one another and from their source", () => {
  const source = Uint8Array.from({ length: 300 }, (_, i) => i);
  const some = (seed: number) => {
    const dice = new Dice(seed);
    return Array.from({ length: 200 }, () => mutate(source, dice).toHex());
  };
  assert.ok(some(1).join() === some(1).join());
  assert.ok(some(1).join() !== some(2).join());
  assert.ok(new Set(some(1)).size > 150);
  assert.ok(some(1).filter((one) => one === source.toHex()).length < 20);
  assert.equal(source[5], 5);
  const spec = { kind: "study", seeds: [1, 2], pretrain: { width: 4 } };
  const jsons = (seed: number) => {
    const dice = new Dice(seed);
    return Array.from({ length: 50 }, () => mutateJson(spec, dice).toHex());
  };
  assert.ok(jsons(1).join() === jsons(1).join());
  assert.ok(new Set(jsons(1)).size > 40);
  assert.deepEqual(spec.seeds, [1, 2]);
});

Deno.test("attack: a large black picture is one, in few bytes", async () => {
  for (const [depth, colour, channels] of [[8, 0, 1], [8, 2, 3], [16, 6, 3]] as const) {
    const bytes = blackPng(600, 500, depth, colour);
    assert.ok(bytes.length < 20_000, `${bytes.length}`);
    const picture = await decodeImage(bytes);
    assert.deepEqual([picture.width, picture.height, picture.channels], [600, 500, channels]);
    assert.ok(picture.data.every((value) => value === 0));
  }
});

Deno.test("attack: harm, and a scenario that cannot go on, make the last line", async () => {
  const of = (run: Scenario["run"]): Scenario => ({ unit: "tries", promise: "hold", run });
  const good = await attempt("good", of((made) => Promise.resolve(made.tried(3))), options);
  const bad = await attempt(
    "bad",
    of((made) => {
      made.tried(2);
      made.harm("a file was lost");
      throw new Error("the server is gone");
    }),
    options,
  );
  assert.deepEqual(bad.harms.map(({ scenario }) => scenario), ["bad", "bad"]);
  assert.match(bad.harms[1].what, /could not go on.*the server is gone/s);
  assert.equal(verdict([good], 3), "0 of 3 attacks did harm (seed 3)");
  assert.equal(verdict([good, bad], 3), "2 of 5 attacks did harm (seed 3)");
});

Deno.test("attack: lanes try so many scenarios at one time, and tell of them in their order", async () => {
  let [now, most] = [0, 0];
  const found = await inLanes(["a", "b", "c", "d", "e"], 2, async (name) => {
    most = Math.max(most, ++now);
    await new Promise((resolve) => setTimeout(resolve, name === "a" ? 20 : 1));
    now--;
    return name.toUpperCase();
  });
  assert.deepEqual([found, most], [["A", "B", "C", "D", "E"], 2]);
});

Deno.test("attack: what is shuffled is all there, in another order for every seed", () => {
  const all = Array.from({ length: 20 }, (_, i) => i);
  const [a, again, b] = [1, 1, 2].map((seed) => new Dice(seed).shuffled(all));
  assert.deepEqual(a, again);
  assert.notDeepEqual(a, b);
  assert.deepEqual(a.toSorted((x, y) => x - y), all);
});
