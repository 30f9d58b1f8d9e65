/** Px as shown and px of the image are told apart; `screen` places what is of the screen. */
import assert from "node:assert/strict";
import { parse, places, rows, type Rule, tabs, warned } from "./cells.ts";
import { TINY } from "./tiny_files.ts";

/** The image stands twice as large at (40, 20) of the screen: its (100, 200) is the screen's (240, 420). */
const image = { x: 40, y: 20, width: 1600, height: 1200 };
const screen = { width_px: 2000, height_px: 1500, image };
const px: [string, string] = ["240", "420"];
const shares: [string, string] = ["0.12", "0.28"];

/** The tiny file with positions of the screen. */
const placed = (format: keyof typeof TINY, place: [string, string]) => async () => {
  const file = TINY[format].write(...place, () => true);
  const parsed = await parse(file, { screen });
  assert.deepEqual(places(parsed)[0], [100, 200]);
  assert.match(parsed.gaze[0].facts.positions, /of the screen/);
};

/** Positions that are of the image already: the screen is not used, and that is said. */
const ofImage = (format: keyof typeof TINY) => async () => {
  const parsed = await parse(TINY[format].write(...TINY[format].usual), { screen });
  assert.deepEqual(places(parsed)[0], [100, 200]);
  warned(parsed, /option `screen` was not used/);
};

export const shown: Rule = {
  bids: placed("bids", px),
  eyelink_asc: placed("eyelink_asc", px),
  eyelink_dataviewer: placed("eyelink_dataviewer", px),
  eyetribe: placed("eyetribe", px),
  i2mc: placed("i2mc", px),
  imotions: placed("imotions", px),
  gazepoint: placed("gazepoint", shares),
  async mcgip() {
    await ofImage("mcgip")();
    // A crop that was made smaller: px of the mammogram become px of the smaller picture.
    const text = rows(["system_time_in_pc", "img_gaze_X", "img_gaze_Y"], [1, 1100, 1200]).join(
      "\n",
    );
    const small = await parse({ file: "gaze/b_roi1000-1000-1800-1600.csv", text });
    assert.deepEqual(places(small), [[50, 100]]);
  },
  async miceye() {
    // Shown 300 px high, half the image's height; without that option 800 px are taken, and said.
    const file = TINY.miceye.write("50", "100", () => true);
    assert.deepEqual(places(await parse(file, { shown_height_px: 300 }))[0], [100, 200]);
    assert.deepEqual(
      places(
        await parse(file, {
          shown_height_px: undefined,
          screen: {
            ...screen,
            image: { ...image, width: 400, height: 300 },
          },
        }),
      )[0],
      [100, 200],
    );
    const parsed = await parse(file, { shown_height_px: undefined });
    assert.deepEqual(places(parsed)[0], [37.5, 75]);
    warned(parsed, /not how high that was: 800 px taken/);
  },
  async plain() {
    await placed("plain", px)();
    // 0..1 of the screen, and of the image where the option says so.
    const { text, ...file } = TINY.plain.write(...shares, () => true);
    const norm = { ...file, text: text.replace(",x,y,", ",x_norm,y_norm,") };
    assert.deepEqual(places(await parse(norm, { screen }))[0], [100, 200]);
    assert.deepEqual(places(await parse(norm, { screen, coordinates: "image" }))[0], [96, 168]);
    const own = await parse(TINY.plain.write("100", "200"), { screen, coordinates: "image" });
    assert.deepEqual(places(own)[0], [100, 200]);
    await assert.rejects(
      () => parse(TINY.plain.write("1", "2"), { coordinates: "screen" }),
      /coordinates "screen" need the option `screen`/,
    );
  },
  pupil_core: ofImage("pupil_core"),
  pupil_neon: ofImage("pupil_neon"),
  async reflacx() {
    await ofImage("reflacx")();
    // The radiograph was twice as large as the data set's copy, by the metadata.
    const file = TINY.reflacx.write("200", "400", () => true);
    const beside = {
      "gaze/metadata_phase_1.csv": "id,dicom_id,image_size_x,image_size_y\na,a.png,1600,1200\n",
    };
    assert.deepEqual(places(await parse({ ...file, beside }))[0], [100, 200]);
  },
  remodnav: placed("remodnav", px),
  smi_begaze: placed("smi_begaze", px),
  async tobii_prolab() {
    await ofImage("tobii_prolab")();
    // Px of the screen without a place of the media: by the option.
    const text = tabs(
      [
        ...["Recording timestamp [ms]", "Participant name", "Presented Media name"],
        ...["Gaze point X [DACS px]", "Gaze point Y [DACS px]"],
      ],
      [0, "P1", "a.png", ...px],
      [10, "P1", "a.png", ...px],
    ).join("\n");
    const parsed = await parse({ file: "gaze/x.tsv", text }, { screen });
    assert.deepEqual(places(parsed)[0], [100, 200]);
    // Px of media that was larger than the data set's copy.
    const media = tabs(
      [
        ...["Recording timestamp [ms]", "Participant name", "Presented Media name"],
        ...["Gaze point X [MCS px]", "Gaze point Y [MCS px]"],
        ...["Original Media width [px]", "Original Media height [px]"],
      ],
      [0, "P1", "a.png", 200, 400, 1600, 1200],
    ).join("\n");
    assert.deepEqual(places(await parse({ file: "gaze/x.tsv", text: media }))[0], [100, 200]);
  },
  tobii_sdk: placed("tobii_sdk", shares),
  webgazer: placed("webgazer", px),
};
