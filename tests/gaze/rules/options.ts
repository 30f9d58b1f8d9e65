/** An option or a sidecar's field that is accepted is used, or refused, or warned of. */
import assert from "node:assert/strict";
import type { GazeOptions } from "@/lib/gaze/formats/format.ts";
import {
  assumed,
  type Cell,
  type File,
  type FormatName,
  FORMATS,
  messages,
  parse,
  places,
  refused,
  rows,
  type Rule,
  warned,
} from "./cells.ts";
import { BIDS_SIDECAR, TINY } from "./tiny_files.ts";

/** Every option, with a value that changes something where it is used. */
const GIVEN = {
  screen: { width_px: 1000, height_px: 750, width_mm: 500, image: "stretch" },
  viewing_distance_mm: 600,
  coordinates: "screen",
  shown_height_px: 1200,
  filter: { kind: "idt", dispersion_px: 30 },
  eye: "left",
  image_pattern: "SHOW {image}",
  image: "b",
  reader: "somebody",
  columns: { image: "Nonsense", reader: "Nonsense" },
} satisfies Partial<GazeOptions>;

/** Whether an option changed what came out, was refused, or was warned of. */
async function heeded(file: File, name: keyof typeof GIVEN): Promise<void> {
  const bare = { ...file, options: { ...file.options, [name]: undefined } };
  // A distance means something with a screen only, and positions of the screen too.
  const with_ = name === "viewing_distance_mm" || name === "coordinates"
    ? { screen: GIVEN.screen }
    : {};
  const plain = await parse(bare, with_);
  const outcome = (parsed: typeof plain) =>
    JSON.stringify(parsed.gaze.map(({ image, reader, fixations, samples, assumptions, facts }) => ({
      ...{ image, reader, fixations, samples: samples && [...samples], assumptions, facts },
    })));
  try {
    const parsed = await parse(bare, { ...with_, [name]: GIVEN[name] });
    const told = messages(parsed).some((message) => message.includes(`\`${name}\``));
    const gone = parsed.gaze.length < plain.gaze.length && messages(parsed).length > 0;
    assert.ok(
      told || gone || outcome(parsed) !== outcome(plain),
      `${name} was accepted and ignored`,
    );
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
    assert.match((error as Error).message, /^Cannot /);
  }
}

const all =
  (format: FormatName, more: Cell & (() => Promise<void>) = () => Promise.resolve()): Cell =>
  async () => {
    const { write, usual } = TINY[format];
    for (const name of Object.keys(GIVEN) as (keyof typeof GIVEN)[]) {
      await heeded(write(...usual), name);
    }
    await more();
  };

const bids = (sidecar: object, events: object = {}): File => ({
  ...TINY.bids.write("100", "200", () => true),
  beside: {
    "gaze/a_sub-01_recording-eye1_physio.json": JSON.stringify({ ...BIDS_SIDECAR, ...sidecar }),
    "gaze/a_sub-01_events.json": JSON.stringify({ StimulusPresentation: events }),
  },
  options: { image: "a", screen: undefined },
});

const own: Partial<Record<FormatName, () => Promise<void>>> = {
  async bids() {
    const resolution = { ScreenResolution: [799, 599] };
    const first = async (file: File) => places(await parse(file))[0];
    assert.deepEqual(await first(bids({}, resolution)), [100, 200]);
    // The origin, lengths on the screen, shares of it, the distance.
    assert.deepEqual(
      await first(bids({}, { ...resolution, ScreenOrigin: ["bottom", "left"] })),
      [100, 400],
    );
    const metres = { ...resolution, ScreenSize: [0.4, 0.3], ScreenDistance: 0.6 };
    const mm = { x_coordinate: { Units: "mm" }, y_coordinate: { Units: "mm" } };
    assert.deepEqual(await first(bids(mm, metres)), [200, 400]);
    assumed(
      await parse(bids(mm, metres)),
      /by the screen and the viewing distance that the file tells/,
    );
    await refused(bids({}, { ScreenOrigin: ["bottom", "left"] }), /ScreenOrigin needs/);
    await refused(
      bids({ x_coordinate: { Units: "deg" } }, resolution),
      /unit "deg" of x_coordinate/,
    );
    await refused(bids({ timestamp: { Units: "jiffies" } }), /unit "jiffies" of timestamp/);
    await refused(bids({ SampleCoordinateSystem: "gaze-in-world" }), /gaze-on-screen is read/);
    warned(await parse(bids({ x_coordinate: {}, y_coordinate: {} }, resolution)), /pixels taken/);
    warned(await parse(bids({}, resolution), { eye: "right" }), /right was asked for: left out/);
    const breath = await parse(bids({ PhysioType: "generic" }));
    assert.equal(breath.gaze.length, 0);
    warned(breath, /no eye tracking/);
  },
  async eyelink_asc() {
    const text = TINY.eyelink_asc.write("100.0", "200.0").text;
    const shown = text.replace("!V TRIAL_VAR image a.png", "SHOW 1 stimuli/b.png now");
    const file = { ...TINY.eyelink_asc.write("1", "1"), text: shown };
    const { gaze: [one] } = await parse(file, { image_pattern: "SHOW * {image}" });
    assert.equal(one.image, "b");
    await refused(file, /needs "\{image\}" once/, { image_pattern: "SHOW" });
    warned(await parse(file, { image: "a", eye: "right" }), /right eye was not tracked left out/);
  },
  async eyelink_dataviewer() {
    const { text, ...file } = TINY.eyelink_dataviewer.write("100", "200");
    const named = { ...file, text: text.replace("\timage\n", "\tpage\n") };
    assert.equal((await parse(named, { columns: { image: "page" } })).gaze[0].image, "a");
  },
  async plain() {
    await refused(TINY.plain.write("1", "2"), /"speed" is not a role/, { columns: { speed: "x" } });
    const text = rows(["image", "x", "y", "duration_ms"], ["a.png", 1, 2, 300]).join("\n");
    const fixed = await parse({ file: "gaze/all.csv", text }, { filter: { kind: "ivt" } });
    warned(fixed, /`filter` was not used: the file holds fixations/);
  },
  async tobii_prolab() {
    await refused(TINY.tobii_prolab.write("1", "2"), /no column "Gaze point left X"/, {
      eye: "left",
    });
  },
  async gazepoint() {
    await refused(TINY.gazepoint.write("0.1", "0.2"), /no column "LPOGX"/, { eye: "left" });
  },
  async smi_begaze() {
    await refused(TINY.smi_begaze.write("1", "2"), /no column "R POR X \[px\]"/, { eye: "right" });
  },
  async tobii_sdk() {
    await refused(TINY.tobii_sdk.write("0.1", "0.2"), /no column "right_gaze_point/, {
      eye: "right",
    });
  },
  async reflacx() {
    // The metadata's word that a reading was discarded.
    const file = TINY.reflacx.write("100", "200");
    const beside = {
      "gaze/metadata_phase_1.csv": "id,eye_tracking_data_discarded,dicom_id\na,True,a.png\n",
    };
    const parsed = await parse({ ...file, beside });
    assert.equal(parsed.gaze.length, 0);
    warned(parsed, /was discarded: left out/);
  },
};

export const options = Object.fromEntries(
  FORMATS.map((format) => [format, all(format, own[format])]),
) as Rule;
