/** A cut that was chosen by labels of images that a run tests on: said before the study starts, and in its table. */
import assert from "node:assert/strict";
import { splitsOf } from "@/lib/datasets/job_split.ts";
import { parseStudy } from "@/lib/specs/study.ts";
import { leftOut } from "@/lib/specs/pretrain.ts";
import { CUT_SEEN, cutWarnings, seenByCut } from "@/lib/studies/cut_seen.ts";
import { insertClasses } from "../support/classes.ts";
import { withStore } from "../support/temporary.ts";

const spec = (more: Record<string, unknown> = {}) =>
  parseStudy({
    ...{ dataset: "discs", methods: ["byol"], arms: ["none", "gaze"], similarity: "sim_x" },
    ...{ seeds: [0, 1, 2], cut: { quantile: 0.1 }, cut_leave_out: { seed: 0 } },
    ...more,
  });

Deno.test("the plan names the runs that test on what the cut has seen", () =>
  withStore(async (store) => {
    const { images } = await insertClasses(store, { images: 40 });
    const tested = splitsOf(leftOut.parse({ seed: 0 })!, images)[0].test.map((i) => images[i].name);
    const seen = seenByCut(spec(), images);
    assert.deepEqual(
      [seen.length, tested.some((name) => seen.includes(name))],
      [images.length - tested.length, false],
    );
    assert.deepEqual(cutWarnings(spec(), images), [`Seeds 1, 2: ${CUT_SEEN}`]);
    // One split for all, not known, no pairs that are cut: nothing to say.
    for (
      const clean of [{ split_seed: 0 }, { cut_leave_out: null }, { arms: ["none", "labels"] }, {
        seeds: [0],
      }]
    ) assert.deepEqual(cutWarnings(spec(clean), images), [], JSON.stringify(clean));
    assert.deepEqual(cutWarnings(spec({ split_seed: 5 }), images), [`Seeds 0, 1, 2: ${CUT_SEEN}`]);
    assert.deepEqual(cutWarnings(spec({ cut_leave_out: "none", seeds: [0] }), images), [
      `Seed 0: ${CUT_SEEN}`,
    ]);
    assert.deepEqual(
      cutWarnings(spec({ seeds: null, folds: 3 }), images),
      [`Folds 0, 1, 2: ${CUT_SEEN}`],
    );
    // A set that marks its own test part has the same for every seed.
    const marked = images.map((image, i) => ({
      ...image,
      split: i < 8 ? "test" as const : "train" as const,
    }));
    assert.deepEqual(cutWarnings(spec(), marked), []);
  }));
