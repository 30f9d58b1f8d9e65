/** Works of which a few go on at a time. */
import assert from "node:assert/strict";
import { Gate } from "@/lib/turns.ts";

Deno.test("a gate lets works pass in their order, a few at a time, whatever becomes of them", async () => {
  const gate = new Gate(2);
  const begun: number[] = [];
  let now = 0;
  let most = 0;
  const work = (i: number) => async () => {
    begun.push(i);
    most = Math.max(most, ++now);
    await new Promise((resolve) => setTimeout(resolve, i % 3));
    now--;
    if (i % 4 === 0) throw new Error(`wrong ${i}`);
    return i;
  };
  const all = Array.from({ length: 20 }, (_, i) => gate.pass(work(i)));
  const outcomes = await Promise.allSettled(all);
  outcomes.forEach((outcome, i) => {
    if (i % 4 === 0) assert.equal(outcome.status, "rejected");
    else assert.deepEqual(outcome, { status: "fulfilled", value: i });
  });
  assert.deepEqual(begun, Array.from({ length: 20 }, (_, i) => i));
  assert.equal(most, 2);
  assert.equal(await gate.pass(work(1)), 1);
});
