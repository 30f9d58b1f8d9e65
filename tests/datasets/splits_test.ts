import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { dicomName, patientName } from "@/lib/datasets/pseudonym.ts";
import fc from "fast-check";
import { InvalidInput } from "@/lib/errors.ts";
import {
  givenSplit,
  hasGivenSplit,
  holdOut,
  kFolds,
  type Split,
  type SplitImage,
} from "@/lib/datasets/splits.ts";

function image(i: number, changes: Partial<SplitImage> = {}): SplitImage {
  return { name: `i${i}`, label: i % 3 === 0 ? "m" : "b", patient: null, split: null, ...changes };
}

const images = (n: number) => Array.from({ length: n }, (_, i) => image(i));

/** No image twice, no patient on two sides; the indices that the split has. */
function checkApart(set: SplitImage[], split: Split): number[] {
  const sides = new Map<string, string>();
  const all: number[] = [];
  for (const side of ["train", "validation", "test"] as const) {
    for (const i of split[side]) {
      all.push(i);
      const patient = set[i].patient;
      if (patient === null) continue;
      assert.equal(sides.get(patient) ?? side, side, `patient ${patient}`);
      sides.set(patient, side);
    }
  }
  assert.equal(new Set(all).size, all.length);
  return all.sort((a, b) => a - b);
}

/** Patients, and images without one. */
const groups = (set: SplitImage[]) =>
  new Set(set.map(({ patient, name }) => patient === null ? name : `patient ${patient}`)).size;

const anySet = fc.array(
  fc.record({
    label: fc.constantFrom("a", "b", "c", null),
    patient: fc.option(fc.integer({ min: 0, max: 15 }).map(String), { nil: null }),
  }),
  { minLength: 1, maxLength: 60 },
).map((rows) => rows.map((row, i) => image(i, row)));

const runs = { numRuns: Number(Deno.env.get("PROPERTY_RUNS") ?? 500) };

Deno.test("hold-out: a patient never stands on two sides, every image on one", () => {
  let splits = 0;
  fc.assert(
    fc.property(anySet, fc.integer(), (set, seed) => {
      try {
        for (const split of holdOut(set, { test: 0.25, validation: 0.2, seed, repeats: 2 })) {
          assert.equal(checkApart(set, split).length, set.length);
          splits++;
        }
      } catch (error) {
        // Three groups are enough for three parts.
        if (!(error instanceof InvalidInput) || groups(set) >= 3) throw error;
      }
    }),
    runs,
  );
  assert(splits > runs.numRuns, "most sets can be split");
});

Deno.test("folds: every image is tested once, patients stay together", () => {
  fc.assert(
    fc.property(anySet, fc.integer({ min: 2, max: 6 }), fc.integer(), (set, folds, seed) => {
      try {
        const splits = kFolds(set, { folds, validation: 0.2, seed });
        const tested = splits.flatMap(({ test }) => test).sort((a, b) => a - b);
        assert.deepEqual(tested, set.map((_, i) => i));
        for (const split of splits) assert.equal(checkApart(set, split).length, set.length);
      } catch (error) {
        // Without patients of many images, four and one per fold are enough.
        const single = set.every(({ patient }) => patient === null);
        const enough = set.length >= 4 && set.length > folds;
        if (!(error instanceof InvalidInput) || (single && enough)) throw error;
      }
    }),
    runs,
  );
});

Deno.test("labels are stratified", () => {
  const set = images(300);
  const share = (part: number[]) => part.filter((i) => set[i].label === "m").length / part.length;
  const [split] = holdOut(set, { test: 0.2, validation: 0.1, seed: 1 });
  assert.deepEqual([split.test.length, split.validation.length], [60, 30]);
  for (const part of [split.train, split.validation, split.test]) {
    assert(Math.abs(share(part) - 1 / 3) < 0.02);
  }
  for (const { test } of kFolds(set, { folds: 5, validation: 0.1, seed: 1 })) {
    assert.equal(test.length, 60);
    assert(Math.abs(share(test) - 1 / 3) < 0.02);
  }
});

Deno.test("large patients are balanced by their images", () => {
  const set = Array.from(
    { length: 200 },
    (_, i) => image(i, { patient: `p${Math.floor(i / 10)}`, label: "b" }),
  );
  for (const { test } of kFolds(set, { folds: 5, validation: 0, seed: 3 })) {
    assert.equal(test.length, 40);
  }
});

Deno.test("a seed gives one split, another seed another, the order of images none", () => {
  const set = images(50);
  const draw = (seed: number, of = set) => holdOut(of, { test: 0.3, validation: 0.1, seed })[0];
  assert.deepEqual(draw(7), draw(7));
  assert.notDeepEqual(draw(7), draw(8));
  const turned = set.toReversed();
  const names = (of: SplitImage[], part: number[]) => part.map((i) => of[i].name).sort();
  assert.deepEqual(names(turned, draw(7, turned).test), names(set, draw(7).test));
  const [first, second] = holdOut(set, { test: 0.3, validation: 0.1, seed: 7, repeats: 2 });
  assert.notDeepEqual(first.test, second.test);
});

Deno.test("a given split is honoured, and its missing validation part drawn from training", () => {
  const set = images(40).map((row, i) => ({
    ...row,
    patient: `p${i >> 1}`,
    split: i < 30 ? "train" as const : i < 38 ? "test" as const : null,
  }));
  assert(hasGivenSplit(set) && !hasGivenSplit(images(4)));
  const split = givenSplit(set, { validation: 0.2, seed: 1 });
  assert.deepEqual(split.test, [30, 31, 32, 33, 34, 35, 36, 37]);
  assert.equal(split.train.length + split.validation.length, 30);
  assert(Math.abs(split.validation.length - 6) <= 2);
  checkApart(set, split);
  const torn = set.map((row, i) =>
    i === 38 ? { ...row, patient: "p0", split: "test" as const } : row
  );
  assert.throws(() => givenSplit(torn, { validation: 0.2, seed: 1 }), /patient "p0" is in/);
  assert.throws(() => givenSplit(images(4), { validation: 0, seed: 1 }), InvalidInput);
});

Deno.test("splits that cannot be made are refused", () => {
  assert.throws(
    () => holdOut(images(1), { test: 0.5, validation: 0.2, seed: 1 }),
    /would be empty/,
  );
  assert.throws(() => holdOut(images(9), { test: 1, validation: 0, seed: 1 }), InvalidInput);
  assert.throws(() => holdOut(images(9), { test: 0.6, validation: 0.5, seed: 1 }), InvalidInput);
  assert.throws(() => kFolds(images(9), { folds: 1, validation: 0, seed: 1 }), InvalidInput);
  const one = images(9).map((row) => ({ ...row, patient: "p" }));
  assert.throws(() => kFolds(one, { folds: 3, validation: 0, seed: 1 }), /too few patients/);
});

Deno.test("hashed names, which differ between data directories, change no split", () => {
  const plain = Array.from({ length: 60 }, (_, i) => ({
    name: `image ${String(i).padStart(2, "0")}`,
    label: i % 3 === 0 ? "a" : "b",
    patient: i % 4 === 0 ? null : `person ${i >> 2}`,
    split: null,
    file: createHash("sha256").update(`picture ${i}`).digest("hex"),
  }));
  const splits = [1, 2].map((byte) => {
    const store = { secret: new Uint8Array(32).fill(byte) };
    const images = plain.map(({ name, patient, ...rest }) => ({
      ...rest,
      name: dicomName(store, name),
      patient: patient && patientName(store, patient),
    }));
    assert.match(images[1].patient!, /^patient_/);
    return [
      ...holdOut(images, { test: 0.2, validation: 0.1, seed: 3, repeats: 2 }),
      ...kFolds(images, { folds: 3, validation: 0.1, seed: 3 }),
    ];
  });
  assert.deepEqual(splits[0], splits[1]);
  const other = holdOut(plain, { test: 0.2, validation: 0.1, seed: 4 });
  assert.notDeepEqual(other[0], splits[0][0]);
});
