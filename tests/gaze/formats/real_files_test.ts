/** Real recordings of all kinds are recognised and read; counts are from other readings of the same files. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import type { GazeOptions, ParsedGaze } from "@/lib/gaze/formats/format.ts";
import { parseGaze } from "@/lib/gaze/formats/mod.ts";
import { sharedTest } from "../../support/shared.ts";

function read(file: string, options: Partial<GazeOptions> = {}): Promise<ParsedGaze> {
  return parseGaze(new Uint8Array(readFileSync(file)), { file: basename(file), ...options });
}

/** Lines of a file that match. */
function count(file: string, pattern: RegExp): number {
  return readFileSync(file, "latin1").split(/\r?\n/).filter((line) => pattern.test(line)).length;
}

sharedTest("OSIE: 750 scanpaths of 50 photographs", ["data/osie/fixations.csv"], async (file) => {
  const parsed = await read(file, { imageSize: () => ({ width: 800, height: 600 }) });
  assert.equal(parsed.format, "plain");
  assert.equal(parsed.gaze.length, 750);
  assert.equal(new Set(parsed.gaze.map(({ image }) => image)).size, 50);
  const all = parsed.gaze.reduce(
    (sum, { fixations, dropped }) => sum + fixations.length + dropped,
    0,
  );
  assert.equal(all, count(file, /^\d+\.jpg,/));
});

sharedTest(
  "multimatch_gaze: scanpaths and REMoDNaV events",
  ["data/multimatch_gaze/fixvectors"],
  async (folder) => {
    for (const name of readdirSync(folder)) {
      const file = `${folder}/${name}`;
      const { format, gaze: [one] } = await read(file, {
        imageSize: (name) => /^segment_\d+$/.test(name) ? { width: 1280, height: 720 } : undefined,
      });
      assert.equal(format, "remodnav");
      assert.equal(one.image, name.slice(0, name.indexOf("_sub")));
      assert.match(one.reader, /^sub-(01|19)$/);
      assert.equal(one.fixations.length + one.dropped, count(file, /^\d/), name);
    }
    const events = dirname(folder) + "/remodnav/sub-01_task-movie_run-1_events.tsv";
    const { gaze: [one] } = await read(events);
    assert.equal(one.fixations.length, count(events, /\tFIXA\t/));
    assert.deepEqual(one.fixations[1], { x: 656.3, y: 553.2, start: 0.059, duration: 0.321 });
  },
);

sharedTest(
  "EyeLink: samples and fixations of all recordings",
  ["data/gaze_formats/eyelink_asc"],
  async (folder) => {
    for (const name of readdirSync(folder)) {
      const file = `${folder}/${name}`;
      const { format, gaze } = await read(file);
      assert.equal(format, "eyelink_asc", name);
      assert.equal(gaze.length, 1, name);
      const [one] = gaze;
      assert.equal(one.samples!.length / 4, count(file, /^\d/), name);
      // Of two eyes the left one's fixations are taken.
      assert.equal(one.fixations.length, count(file, /^EFIX L/), name);
      assert.equal(one.samples![0], 0);
    }
    const fast = await read(`${folder}/eyelink_monocular_2khz_example.asc`);
    assert.deepEqual(fast.gaze[0].fixations[0].duration, 0.1325);
    const eyes = await read(`${folder}/eyelink_binocular_example.asc`);
    assert.ok(Math.abs(eyes.gaze[0].samples![1] - (964.3 + 960.5) / 2) < 1e-9);
    const named = await read(`${folder}/eyelink_monocular_no_dummy_example.asc`);
    assert.match(named.gaze[0].image, /text\.png$/);
  },
);

sharedTest("EyeLink Data Viewer: images by a column that is named", [
  "data/gaze_formats/eyelink_dataviewer/18sat_fixfinal.csv",
], async (file) => {
  const { format, gaze: [one] } = await read(file, { columns: { image: "page_name" } });
  assert.equal(format, "eyelink_dataviewer");
  assert.equal(one.image, "reading-dickens-1");
  assert.equal(one.fixations.length, count(file, /^msd001,/));
  assert.deepEqual(one.fixations[2], { x: 630.5, y: 400.3, start: 0.048, duration: 0.216 });
});

sharedTest("SMI BeGaze", ["data/gaze_formats/smi_begaze/didec_example.txt"], async (file) => {
  const { format, gaze: [one] } = await read(file);
  assert.equal(format, "smi_begaze");
  assert.equal(one.image, "test.bmp");
  assert.equal(one.samples!.length / 4, count(file, /\tSMP\t/));
  assert.ok(Math.abs(one.samples![4] - 0.003989) < 1e-9);
});

sharedTest("BIDS: columns and units by the sidecar", ["data/gaze_formats/bids"], async (folder) => {
  const names = readdirSync(folder).map((name) => `bids/${name}`);
  const beside = {
    names,
    read: (name: string) =>
      Promise.resolve(new Uint8Array(readFileSync(`${dirname(folder)}/${name}`))),
  };
  const name = "bids/sub-EP10_ses-01_task-dots_run-01_recording-eye1_physio.tsv.gz";
  const { format, gaze: [one], assumptions } = await parseGaze(await beside.read(name), {
    file: name,
    beside,
    imageSize: () => ({ width: 800, height: 600 }),
  });
  assert.equal(format, "bids");
  assert.equal(one.reader, "sub-EP10");
  assert.ok(assumptions.includes("screen of 800 x 600 px, as the file says"));
  assert.deepEqual([...one.samples!.subarray(0, 4)], [0, 85.0929074158796, 81.88974669393238, 1]);
});

/** Excerpts of published tables that need their columns named. */
const TABLES: Record<string, { columns: Record<string, string> }> = {
  "emtec_example.csv": { columns: { image: "item_id", t_ms: "time" } },
  "hbn_example.csv": { columns: { x: "x_pix", y: "y_pix", t_ms: "time" } },
  "judo1000_example.csv": {
    columns: { image: "trialId", x: "x_left", y: "y_left", t_ms: "time" },
  },
  "sbsat_example.csv": {
    columns: { image: "book_name", x: "x_left", y: "y_left", t_ms: "time" },
  },
  "potsdam_binge_pvt_example.csv": {
    columns: {
      image: "trial_id",
      x: "x_pix_eyelink",
      y: "y_pix_eyelink",
      t_ms: "eyelink_timestamp",
    },
  },
};

for (const [name, { columns }] of Object.entries(TABLES)) {
  sharedTest(`published table ${name}`, [`data/gaze_formats/misc_csv/${name}`], async (file) => {
    const { format, gaze } = await read(file, { columns });
    assert.equal(format, "plain");
    const rows = gaze.reduce((sum, { samples }) => sum + samples!.length / 4, 0);
    assert.equal(rows, count(file, /\S/) - 1);
  });
}
