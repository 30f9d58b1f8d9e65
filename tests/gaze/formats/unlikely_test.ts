/** Gaze that no eyes made (a wrong unit, two eyes in one table, a guess of the place) comes with a warning. */
import assert from "node:assert/strict";
import { InvalidInput } from "@/lib/errors.ts";
import type { GazeOptions } from "@/lib/gaze/formats/format.ts";
import { parseGaze } from "@/lib/gaze/formats/mod.ts";

const parse = (text: string, options: Partial<GazeOptions> = {}) =>
  parseGaze(new TextEncoder().encode(text), {
    file: "gaze",
    imageSize: (name) =>
      name === "a" || name === "a.png" ? { width: 800, height: 1000, name: "a" } : undefined,
    ...options,
  });

async function warnings(text: string, options?: Partial<GazeOptions>): Promise<string> {
  return (await parse(text, options)).warnings.map(({ message }) => message).join("\n");
}

/** 60 samples a 60th of a second apart on each of two places, times in `unit` per second. */
const samples = (header: string, unit: number) =>
  `image,reader,x,y,${header}\n` +
  Array.from({ length: 120 }, (_, i) =>
    `a,R1,${i < 60 ? 100 : 500},${i < 60 ? 200 : 700},${i / 60 * unit}\n`).join("");

const FIX = "image,reader,x,y,duration_ms\n";

const TOLD: Record<string, { text: string; options?: Partial<GazeOptions>; warning: RegExp }> = {
  "samples in ms called seconds": {
    text: samples("t_s", 1000),
    warning: /image "a": samples come every 17 s, .* unit of time/,
  },
  "samples in us called ms": { text: samples("t_ms", 1e6), warning: /samples come every 17 s/ },
  "samples in s called us": { text: samples("t_us", 1), warning: /samples come every 1.7e-8 s/ },
  "durations in s called ms": {
    text: `${FIX}a,R1,100,200,0.3\na,R1,400,900,0.25\n`,
    warning: /half of the fixations last less than 0.01 s: look at the unit/,
  },
  "durations in ms called s": {
    text: "image,x,y,duration_s\na,100,200,300\na,400,900,250\n",
    warning: /half of the fixations last more than 10 s/,
  },
  "REMoDNaV's seconds in ms": {
    text: "start_x\tstart_y\tduration\n400\t500\t300\n600\t700\t200\n",
    options: { image: "a" },
    warning: /half of the fixations last more than 10 s/,
  },
  "shares called px": {
    text: `${FIX}a,R1,0.1,0.2,300\na,R1,0.4,0.9,250\n`,
    warning: /all gaze lies at the first px of the image/,
  },
  "samples of shares called px": {
    text: samples("t_s", 1).replaceAll(/,([1257])00,([1257])00/g, ",0.$1,0.$2"),
    warning: /all gaze lies at the first px of the image/,
  },
  "a fixation twice": {
    text: "image,x,y,start_ms,duration_ms\na,1,9,0,100\na,50,90,100,100\na,50,90,100,100\n",
    warning: /fixations begin before the one before has ended, and count in full/,
  },
  "two trials of one clock without a column for them": {
    text:
      "image,x,y,start_ms,duration_ms\na,10,9,0,300\na,20,9,300,300\na,70,9,0,300\na,80,9,300,300\n",
    warning: /several trials without a column that tells them apart/,
  },
  "a column that stands twice": {
    text: "image,x,x,y,duration_ms\na,1,100,200,300\n",
    warning: /column "x" stands 2 times: the first is read/,
  },
  "a confidence": {
    text: "image,x,y,t_ms,confidence\na,10,20,0,0.1\na,10,20,10,0.9\n",
    warning: /columns not used: "confidence"/,
  },
  "screen px without a screen": {
    text: "RECORDING_SESSION_LABEL\tCURRENT_FIX_X\tCURRENT_FIX_Y\tCURRENT_FIX_DURATION\timage\n" +
      "s1\t400\t500\t200\ta\n",
    warning: /screen px taken for image px: the option `screen`/,
  },
  "shares of the screen without a screen": {
    text: "device_time_stamp,left_gaze_point_on_display_area,right_gaze_point_on_display_area\n" +
      '0,"(0.5, 0.5)","(0.5, 0.5)"\n8000,"(0.5, 0.5)","(0.5, 0.5)"\n',
    options: { image: "a" },
    warning: /the image taken to have filled the screen: the option `screen`/,
  },
};

for (const [what, { text, options, warning }] of Object.entries(TOLD)) {
  Deno.test(`${what}: told`, async () => {
    const { gaze } = await parse(text, options);
    assert.equal(gaze.length, 1);
    assert.match(await warnings(text, options), warning);
  });
}

const USUAL: Record<string, string> = {
  "samples": samples("t_s", 1),
  "fixations that follow or touch each other":
    "image,x,y,start_ms,duration_ms\na,100,9,0,300\na,200,9,300,300\na,300,9,590,200\n",
  "one fixation of many near the corner": `${FIX}a,R1,1,1,300\na,R1,400,900,250\n`,
  "one long fixation among usual ones":
    `${FIX}a,R1,100,1,300\na,R1,400,900,12000\na,R1,400,500,200\n`,
};

for (const [what, text] of Object.entries(USUAL)) {
  Deno.test(`${what}: nothing to tell`, async () => assert.equal(await warnings(text), ""));
}

const EYES = "image,eye,x,y,start_ms,duration_ms\na,L,100,100,0,300\na,R,104,100,2,301\n" +
  "a,L,200,200,400,300\na,R,204,200,402,310\n";

for (
  const [eye, xs] of [[undefined, [100, 200]], ["left", [100, 200]], ["right", [104, 204]]] as const
) {
  Deno.test(`a plain table of both eyes' fixations, eye ${eye}: those of one`, async () => {
    const { gaze: [{ fixations, facts }], warnings } = await parse(EYES, { eye });
    assert.deepEqual(fixations.map(({ x }) => x), xs);
    assert.deepEqual(warnings, []);
    assert.equal(facts.eye, eye ?? "average");
  });
}

Deno.test("a trial that has one eye keeps it, whichever it is", async () => {
  const text = "image,trial,eye,x,y,start_ms,duration_ms\n" +
    "a,1,R,100,100,0,300\na,2,L,200,200,400,300\na,2,R,204,200,400,300\n";
  const { gaze: [{ fixations }] } = await parse(text);
  assert.deepEqual(fixations.map(({ x }) => x), [100, 200]);
});

Deno.test("a plain table of samples with a row for each eye: averaged, or one of them", async () => {
  const text = "image,eye,x,y,t_ms\n" + Array.from(
    { length: 40 },
    (_, i) => `a,left,100,200,${i * 10}\na,right,110,${i === 20 ? "NaN" : 204},${i * 10}\n`,
  ).join("");
  for (
    const [eye, x, y] of [[undefined, 105, 202], ["left", 100, 200], ["right", 110, 204]] as const
  ) {
    const { gaze: [{ samples, fixations }] } = await parse(text, { eye });
    assert.equal(samples!.length / 4, 40);
    assert.deepEqual(fixations.map((one) => [one.x, one.y]), [[x, y]]);
  }
});

Deno.test("a fixation that the column valid denies is no gaze", async () => {
  const text = "image,x,y,duration_ms,valid\na,100,200,300,1\na,500,200,300,0\na,300,200,300,1\n";
  const { gaze: [{ fixations, dropped }] } = await parse(text);
  assert.deepEqual(fixations.map(({ x, start }) => [x, start]), [[100, 0], [300, 0.6]]);
  assert.equal(dropped, 1);
});

const ASC = (coords: string, onset = 1000) =>
  `** CONVERTED FROM s.edf\nMSG\t900\tDISPLAY_COORDS ${coords}\nSTART\t1000\tRIGHT\tSAMPLES\tEVENTS\n` +
  "EVENTS\tGAZE\tRIGHT\tRATE\t500.00\nSAMPLES\tGAZE\tRIGHT\tRATE\t500.00\n" +
  Array.from(
    { length: 300 },
    (_, i) =>
      (1000 + 2 * i === onset ? `MSG\t${onset}\t!V IMGLOAD CENTER a.png 960 540\n` : "") +
      `${1000 + 2 * i}\t960.0\t540.0\t800.0\t...\n`,
  ).join("") +
  "END\t1600\tSAMPLES\tEVENTS\n";

Deno.test("an EyeLink screen that counts upwards is refused", async () => {
  await assert.rejects(
    parse(ASC("-960 540 960 -540")),
    (error) =>
      error instanceof InvalidInput && error.problems?.[0].line === 2 &&
      /told as -960 540 960 -540.* upwards are not read; convert/.test(error.message),
  );
});

Deno.test("an EyeLink picture that is named in the midst of its trial: told that all gaze counts", async () => {
  assert.equal(await warnings(ASC("0 0 1919 1079")), "");
  assert.match(
    await warnings(ASC("0 0 1919 1079", 1300)),
    /named more than 100 ms after its gaze began/,
  );
});

Deno.test("a screen by the options against the file's own: told", async () => {
  const screen = { width_px: 1280, height_px: 1024 };
  assert.match(
    await warnings(ASC("0 0 1919 1079"), { screen }),
    /the file says a screen of 1920 x 1080 px, the option `screen` 1280 x 1024 px/,
  );
  assert.equal(
    await warnings(ASC("0 0 1919 1079"), { screen: { width_px: 1920, height_px: 1080 } }),
    "",
  );
});

interface Refused {
  text: string;
  format?: string;
  columns?: Record<string, string>;
  message: RegExp;
}

const REFUSED: Record<string, Refused> = {
  "another format's file as EyeLink's": {
    text: `${FIX}a,R1,1,2,3\n`,
    format: "eyelink_asc",
    message: /no recording of an EyeLink/,
  },
  "another format's file as SMI's": {
    text: `${FIX}a,R1,1,2,3\n`,
    format: "smi_begaze",
    message: /no line of headers as smi_begaze has it, the first line begins "image,reader,x,y/,
  },
  "headers that are not known": {
    text: "image,X [px],Y [px],Dur\na,1,2,3\n",
    message: /the file begins with "image", "X \[px\]", "Y \[px\]", "Dur"/,
  },
  "one column for x and y": {
    text: "Stim,FixX,FixY,Dur\na,100,200,300\n",
    columns: { image: "Stim", x: "FixX", y: "fixx", duration_ms: "Dur" },
    message: /columns: x and y are both "fixx": name a column for each/,
  },
  "samples of trials that are not told apart": {
    text: "image,block,x,y,t_ms\na,1,1,2,0\na,1,1,2,10\na,2,1,2,0\n",
    message: /time goes backwards, from 0.01 s to 0 s: sort .* a column trial tells them apart/,
  },
  "no column of time": {
    text: "image,x,y,start_s,end_s\na,1,2,0,3\n",
    message: /no time: .*`columns`.*the table has "image", "x", "y", "start_s", "end_s"/,
  },
};

for (const [what, { text, format, columns, message }] of Object.entries(REFUSED)) {
  Deno.test(`${what}: the refusal says what was found`, async () => {
    await assert.rejects(parse(text, { format, columns }), (error) => {
      assert.ok(error instanceof InvalidInput);
      assert.match(error.problems!.map((one) => one.message).join("\n"), message);
      return true;
    });
  });
}

Deno.test("REFLACX: a folder of the image's name names no reader", async () => {
  const text =
    "timestamp_start_fixation,timestamp_end_fixation,x_position,y_position\n0,0.3,400,500\n";
  const reader = async (file: string) => (await parse(text, { file })).gaze[0].reader;
  assert.notEqual(await reader("gaze/a/fixations.csv"), "a");
  assert.equal(
    (await parse(text, { file: "P1R2/fixations.csv", image: "a" })).gaze[0].reader,
    "P1R2",
  );
});

Deno.test("a file of which nothing was kept says so beside its other warnings", async () => {
  const text =
    "section id,recording id,fixation id,start timestamp [ns],duration [ms],fixation detected on surface," +
    "fixation x [normalized],fixation y [normalized]\ns,r1,1,1700000000000000000,200,False,,\n";
  assert.match(await warnings(text, { image: "a" }), /no gaze was kept of this file/);
});

Deno.test("Gazepoint: a fixation that goes on over a change of picture counts its part on each", async () => {
  const rows = Array.from({ length: 60 }, (_, i) => {
    const t = i / 50;
    const name = i < 30 ? "a.png" : "b.png";
    return `0,${name},${i},${t.toFixed(3)},0.5,0.25,0.1,${(t - 0.1).toFixed(3)},7,${
      t > 0.1 ? 1 : 0
    },0.5,0.25,1,`;
  });
  const text =
    "MEDIA_ID,MEDIA_NAME,CNT,TIME(2021/01/02 03:04:05.678),FPOGX,FPOGY,FPOGS,FPOGD,FPOGID,FPOGV,BPOGX," +
    `BPOGY,BPOGV,\n${rows.join("\n")}\n`;
  const { gaze, assumptions } = await parse(text, {
    imageSize: () => ({ width: 800, height: 1000 }),
  });
  const spans = gaze.map(({ image, fixations }) => [
    image,
    ...fixations.map(({ start, duration }) => [start, start + duration].map((t) => +t.toFixed(3))),
  ]);
  assert.deepEqual(spans, [["a.png", [0.1, 0.58]], ["b.png", [0.6, 1.18]]]);
  assert.ok(assumptions.some((one) => /count on each for its part/.test(one)));
});

Deno.test("a plain table without the eye that was asked for: told", async () => {
  const told = /trials that have not the right eye, which was asked for, left out/;
  const fixations = "image,eye,x,y,start_ms,duration_ms\na,L,100,200,0,300\n";
  assert.match(await warnings(fixations, { eye: "right" }), told);
  const rows = Array.from({ length: 9 }, (_, i) => `a,L,100,200,${i * 10}\n`).join("");
  assert.match(await warnings(`image,eye,x,y,t_ms\n${rows}`, { eye: "right" }), told);
});

Deno.test("EyeLink: head-referenced fixations with the resolution behind them give no places", async () => {
  const text = (events: string, behind: string) =>
    "** CONVERTED FROM s.edf\nMSG\t900\tDISPLAY_COORDS 0 0 799 999\nSTART\t1000\tRIGHT\tEVENTS\n" +
    `EVENTS\t${events}\tRATE\t500.00\nMSG\t1000\t!V IMGLOAD FILL a.png\n` +
    `EFIX R\t1000\t1300\t302\t-1000.0\t2000.0\t800${behind}\nEND\t1600\tEVENTS\n`;
  const places = async (events: string, behind: string) =>
    (await parse(text(events, behind))).gaze.flatMap(({ fixations }) =>
      fixations.map(({ x, y }) => [x, y])
    );
  assert.deepEqual(await places("HREF\tRIGHT", "\t400.0\t500.0"), [[400, 500]]);
  assert.deepEqual(await places("HREF\tRIGHT\tRES", "\t400.0\t500.0\t36.0\t33.0"), [[400, 500]]);
  assert.deepEqual(await places("HREF\tRIGHT\tRES", "\t36.0\t33.0"), []);
  assert.match(
    await warnings(text("HREF\tRIGHT\tRES", "\t36.0\t33.0")),
    /not in screen px left out/,
  );
});
