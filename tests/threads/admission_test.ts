import assert from "node:assert/strict";
import { InvalidInput } from "@/lib/errors.ts";
import { Admission, type Applicant } from "@/lib/threads/admission.ts";

const MiB = 2 ** 20;

function applicantsOf(admission: Admission) {
  const started: string[] = [];
  return {
    started,
    enter(
      name: string,
      memory: number,
      { parent = false, ready = () => true as boolean } = {},
    ): Applicant {
      const applicant = { memory: memory * MiB, parent, ready, start: () => started.push(name) };
      admission.enter(applicant, "decode");
      return applicant;
    },
  };
}

Deno.test("admission: tasks start while they fit, the others when there is room", () => {
  const admission = new Admission({ together: 100 * MiB, largest: 500 * MiB });
  const { started, enter } = applicantsOf(admission);
  const a = enter("a", 60);
  enter("b", 60);
  enter("c", 30);
  assert.deepEqual(started, ["a", "c"]);
  assert.equal(admission.used, 90 * MiB);
  admission.leave(a);
  assert.deepEqual(started, ["a", "c", "b"]);
});

Deno.test("admission: a task above the budget runs alone, also beside the one that asked for it", () => {
  const admission = new Admission({ together: 100 * MiB, largest: 500 * MiB });
  const { started, enter } = applicantsOf(admission);
  enter("import", 10, { parent: true });
  const a = enter("a", 20);
  const large = enter("large", 400);
  enter("b", 90);
  assert.deepEqual(started, ["import", "a"]);
  admission.leave(a);
  assert.deepEqual(started, ["import", "a", "large"]);
  admission.leave(large);
  assert.deepEqual(started, ["import", "a", "large", "b"]);
});

Deno.test("admission: one that is too large for the machine is refused with the numbers", () => {
  const admission = new Admission({ together: 100 * MiB, largest: 500 * MiB });
  const { started, enter } = applicantsOf(admission);
  for (const memory of [501, Infinity, NaN]) {
    assert.throws(() => enter("x", memory), InvalidInput);
  }
  assert.throws(() => enter("x", 700), /Cannot decode: it needs about 700 MiB .* 500 MiB/);
  assert.deepEqual(started, []);
  assert.equal(admission.used, 0);
});

Deno.test("admission: one without a thread waits; one that gave up gets nothing", () => {
  const admission = new Admission({ together: 100 * MiB, largest: 500 * MiB });
  const { started, enter } = applicantsOf(admission);
  let free = false;
  enter("a", 10, { ready: () => free });
  const b = enter("b", 10, { ready: () => free });
  enter("c", 10);
  admission.withdraw(b);
  free = true;
  admission.admit();
  assert.deepEqual(started, ["c", "a"]);
});

Deno.test("admission: one that has waited long is not passed any more", () => {
  const now = performance.now;
  let time = 0;
  performance.now = () => time;
  try {
    const admission = new Admission({ together: 100 * MiB, largest: 500 * MiB });
    const { started, enter } = applicantsOf(admission);
    const a = enter("a", 60);
    enter("large", 90);
    enter("b", 30);
    time = 60_000;
    enter("c", 10);
    enter("free", 0);
    assert.deepEqual(started, ["a", "b", "free"]);
    admission.leave(a);
    assert.deepEqual(started, ["a", "b", "free"]);
  } finally {
    performance.now = now;
  }
});
