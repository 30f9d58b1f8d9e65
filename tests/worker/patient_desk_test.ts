import assert from "node:assert/strict";
import { ClaimLost, Unavailable } from "@/lib/errors.ts";
import type { News } from "@/lib/jobs/outcome.ts";
import type { Desk } from "@/lib/worker/desk.ts";
import { PatientDesk } from "@/lib/worker/patient_desk.ts";

const claim = { id: "job_1", fence: 1 };
const event = (step: number): News => ({
  points: [],
  events: [{ type: "log", data: { step } }],
  changes: {},
});
const ended: News = { points: [], events: [], changes: { state: "succeeded" } };

/** A desk that may be away, and what it was told. */
function desk() {
  const told: News[] = [];
  const state = { away: false, lost: false, full: false };
  const reach = () => {
    if (state.full) throw Object.assign(new Error("No space left on device"), { code: "ENOSPC" });
    if (state.away) throw new Unavailable("away");
    if (state.lost) throw new ClaimLost("lost");
  };
  const inner = {
    claim() {
      reach();
      return Promise.resolve({ id: "job_2" });
    },
    // Even what fails may have been kept.
    tell(_: unknown, news: News) {
      told.push(structuredClone(news));
      reach();
      return Promise.resolve("pause" as const);
    },
    publish() {
      reach();
      return Promise.resolve();
    },
  } as unknown as Desk;
  return { patient: new PatientDesk(inner), told, state };
}

const stepsOf = ({ events }: News) => events.map(({ data }) => data.step);

Deno.test("while the desk is away the job goes on; what it told comes in order, under the same numbers", async () => {
  const { patient, told, state } = desk();
  assert.equal(await patient.tell(claim, event(1)), "pause");
  state.away = true;
  for (const step of [2, 3, 4]) assert.equal(await patient.tell(claim, event(step)), null);
  state.away = false;
  assert.equal(await patient.tell(claim, event(5)), "pause");
  const numbered = told.map((news) => [news.number, ...stepsOf(news)]);
  const distinct = [...new Set(numbered.map((one) => JSON.stringify(one)))];
  assert.deepEqual(distinct.map((text) => JSON.parse(text)), [[1, 1], [2, 2], [3, 3, 4, 5]]);
});

Deno.test("what ends the job, and what it has made, waits until the desk is back", async () => {
  const { patient, told, state } = desk();
  state.away = true;
  assert.equal(await patient.claim([], ""), null);
  await patient.tell(claim, event(1));
  let over = 0;
  const both = [
    patient.tell(claim, ended).then(() => over++),
    patient.publish(claim, {}).then(() => over++),
  ];
  await new Promise((resolve) => setTimeout(resolve, 700));
  assert.equal(over, 0);
  state.away = false;
  await Promise.all(both);
  assert.equal(told.at(-1)!.changes.state, "succeeded");
});

Deno.test("a lost claim is no reason to wait", async () => {
  const { patient, state } = desk();
  state.lost = true;
  await assert.rejects(() => patient.tell(claim, ended), ClaimLost);
  await assert.rejects(() => patient.publish(claim, {}), ClaimLost);
});

Deno.test("a full disk loses nothing of what was told before it, and keeps nothing twice", async () => {
  const { patient, told, state } = desk();
  state.away = true;
  for (const step of [1, 2, 3]) await patient.tell(claim, event(step));
  [state.away, state.full] = [false, true];
  await assert.rejects(() => patient.tell(claim, event(4)), /No space left/);
  const before = told.length;
  state.full = false;
  // As a running job does with what it could not tell.
  await patient.tell(claim, event(4));
  assert.deepEqual(told.slice(before).flatMap(stepsOf), [1, 2, 3, 4]);
});
