/** Recordings that come in several files: fixations from one and samples from another on one clock. */
import assert from "node:assert/strict";
import { Recordings } from "@/lib/datasets/recording.ts";
import { parse, rows } from "./rules/cells.ts";

const gaze = rows(
  ["gaze_timestamp", "x_norm", "y_norm", "on_surf", "confidence"],
  ...Array.from({ length: 50 }, (_, i) => [1000 + i / 100, 0.5, 0.5, "True", 0.9]),
).join("\n");
const fixations = rows(
  ["fixation_id", "start_timestamp", "duration", "norm_pos_x", "norm_pos_y", "on_surf"],
  [1, 1000.2, 150, 0.5, 0.5, "True"],
).join("\n");

async function together(texts: Record<string, string>) {
  const recordings = new Recordings(() => Promise.resolve("hash"), (name) => name);
  for (const [file, text] of Object.entries(texts)) {
    const parsed = await parse({ file: `gaze/${file}`, text });
    for (const one of parsed.gaze) await recordings.add(one, `gaze/${file}`);
  }
  return { all: recordings.all(), warnings: recordings.warnings };
}

Deno.test("fixations of one file stand on the clock of the samples of another", async () => {
  const files = {
    "gaze_positions_on_surface_a.csv": gaze,
    "fixations_on_surface_a.csv": fixations,
  };
  for (const texts of [files, Object.fromEntries(Object.entries(files).reverse())]) {
    const { all, warnings } = await together(texts);
    assert.equal(all.length, 1);
    assert.ok(Math.abs(all[0].fixations[0].start - 0.2) < 1e-9);
    assert.equal(all[0].samples_file, "hash");
    assert.deepEqual(warnings, []);
  }
});

Deno.test("fixations and samples of different clocks are told", async () => {
  const { all, warnings } = await together({
    "gaze_positions_on_surface_a.csv": gaze,
    "a.csv": rows(["x", "y", "duration_ms"], [100, 200, 300]).join("\n"),
  });
  assert.equal(all.length, 1);
  assert.match(warnings[0].message, /clocks of their own/);
});

Deno.test("files that name no reader are told apart by their names, and nothing is lost", async () => {
  const table = (x: number) =>
    rows(["image", "x", "y", "duration_ms"], ["a", x, 200, 300]).join("\n");
  const { all, warnings } = await together({
    "s1/a.csv": table(100),
    "s2/a.csv": table(200),
    "s3/a.csv": table(300),
  });
  assert.deepEqual(all.map(({ reader, fixations }) => [reader, fixations[0].x]), [
    ["", 100],
    ["s2", 200],
    ["s3", 300],
  ]);
  assert.equal(warnings.length, 2);
  assert.match(warnings[0].message, /taken for another reader, by the file's name/);
});

Deno.test("a log of MicEye is its volunteer's", async () => {
  const text = "D:\\a.png;1;[[[10, 20], 0.5]];[];(1, 1)\n";
  const parsed = await parse({ file: "gaze/ZLC2020-10-28-13-36.csv", text });
  assert.equal(parsed.gaze[0].reader, "ZLC");
});
