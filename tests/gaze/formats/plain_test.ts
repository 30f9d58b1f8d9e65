/** Plain tables of gaze: headers, units, missing values, limits, and the line and column of what is wrong. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { InvalidInput } from "@/lib/errors.ts";
import type { GazeOptions } from "@/lib/gaze/formats/format.ts";
import { parseGaze } from "@/lib/gaze/formats/mod.ts";
import { sampleAt } from "@/lib/gaze/gaze.ts";

const size = { width: 800, height: 600 };

function parse(text: string, options: Partial<GazeOptions> = {}) {
  return parseGaze(new TextEncoder().encode(text), {
    file: "gaze/a.csv",
    imageSize: () => size,
    ...options,
  });
}

async function refusal(text: string, options: Partial<GazeOptions> = {}): Promise<InvalidInput> {
  try {
    await parse(text, options);
  } catch (error) {
    assert.ok(error instanceof InvalidInput, String(error));
    return error;
  }
  throw new Error("was not refused");
}

const WRONG: Record<string, { text: string; line: number; column?: number; message: RegExp }> = {
  "a time without a unit": {
    text: "image,x,y,time\na,1,2,3\n",
    line: 1,
    column: 4,
    message: /column "time" has no unit: name it t_s or t_ms or t_us, .*"t_ms": "time"/,
  },
  "a duration without a unit": {
    text: "image,x,y,Duration\na,1,2,3\n",
    line: 1,
    column: 4,
    message: /column "Duration" has no unit: name it duration_s or duration_ms/,
  },
  "no time at all": { text: "image,x,y\na,1,2\n", line: 1, message: /no time/ },
  "a word for a number": {
    text: "image,x,y,duration_ms\na,1,2,3\na,one,2,3\n",
    line: 3,
    column: 2,
    message: /x: "one" is not a number/,
  },
  "infinity": {
    text: "image,x,y,duration_ms\na,1,1e999,3\n",
    line: 2,
    column: 3,
    message: /"1e999" is not a number/,
  },
  "hexadecimal": {
    text: "image,x,y,duration_ms\na,0x10,2,3\n",
    line: 2,
    column: 2,
    message: /not a number/,
  },
  "a decimal comma between commas": {
    text: 'image,x,y,duration_ms\na,"1,5",2,3\n',
    line: 2,
    column: 2,
    message: /"1,5" is not a number/,
  },
  "a negative duration": {
    text: "image,x,y,duration_ms\na,1,2,-30\n",
    line: 2,
    column: 4,
    message: /duration -30 is negative/,
  },
  "a row too short": {
    text: "image,x,y,duration_ms\n\na,1\n",
    line: 3,
    column: 2,
    message: /4 cells expected, got 2/,
  },
  "a row too long": {
    text: "image,x,y,duration_ms\na,1,2,3,4\n",
    line: 2,
    column: 5,
    message: /4 cells expected/,
  },
  "no image": {
    text: "image,x,y,duration_ms\n,1,2,3\n",
    line: 2,
    column: 1,
    message: /no image named/,
  },
  "time going backwards": {
    text: "image,x,y,t_ms\na,1,2,10\na,1,2,9\n",
    line: 3,
    column: 4,
    message: /time goes backwards/,
  },
  "a validity that is none": {
    text: "image,x,y,t_ms,valid\na,1,2,10,maybe\n",
    line: 2,
    column: 5,
    message: /"maybe" is neither 1 nor 0/,
  },
  "an open quote": {
    text: 'image,x,y,duration_ms\na,1,2,3\n"a,1,2,3\n',
    line: 3,
    message: /quote is not closed/,
  },
  "a line too long": {
    text: `image,x,y,duration_ms\na,1,2,3\n${"a".repeat(300_000)},1,2,3\n`,
    line: 3,
    message: /longer than 262144 characters/,
  },
  "too many columns": {
    text: `image,x,y,duration_ms\n${"1,".repeat(5000)}\n`,
    line: 2,
    column: 4097,
    message: /more than 4096 columns/,
  },
};

for (const [what, { text, line, column, message }] of Object.entries(WRONG)) {
  Deno.test(`plain gaze: ${what} is refused with its place`, async () => {
    const { problems } = await refusal(text);
    assert.equal(problems[0].file, "gaze/a.csv");
    assert.equal(problems[0].line, line);
    assert.equal(problems[0].column, column);
    assert.match(problems[0].message, message);
  });
}

Deno.test("plain gaze: every wrong line is told, a hundred at most", async () => {
  const text = "image,x,y,duration_ms\n" + "a,bad,2,3\n".repeat(300);
  const { problems, message } = await refusal(text);
  assert.equal(problems.length, 100);
  assert.equal(problems[99].line, 101);
  assert.equal(message, 'Cannot read gaze/a.csv, line 2, column 2: x: "bad" is not a number');
});

Deno.test("plain gaze: headers of one's own, by role", async () => {
  const text = "Pic\tFixX\tFixY\tDur\tWho\na.png\t10\t20\t300\tB\n";
  const columns = { image: "Pic", x: "FixX", y: "FixY", duration_ms: "Dur", reader: "Who" };
  const { gaze: [one] } = await parse(text, { columns });
  assert.equal(one.image, "a.png");
  assert.equal(one.reader, "B");
  assert.deepEqual(one.fixations, [{ x: 10, y: 20, start: 0, duration: 0.3 }]);
  const wrong = await refusal(text, { columns: { ...columns, y: "Nope", speed: "FixX" } });
  assert.deepEqual(wrong.problems.map(({ message }) => message.replace(/ \(.*/, "")), [
    'columns: no column "Nope" for y',
    'columns: "speed" is not a role',
    'no column "y"',
  ]);
});

Deno.test("plain gaze: what stands for a missing value", async () => {
  const missing = ["", "NaN", "nan", "n/a", ".", "-1", " NA "];
  const text = "image,x,y,t_ms\n" + missing.map((cell, i) => `a,${cell},5,${i}\n`).join("") +
    "a,-1.5,5,100\na,3,5,101\n";
  const { gaze: [{ samples, data_loss }] } = await parse(text);
  const found = Array.from({ length: missing.length + 2 }, (_, i) => sampleAt(samples!, i).valid);
  assert.deepEqual(found, [...missing.map(() => false), true, true]);
  assert.ok(data_loss > 0.7);
});

Deno.test("plain gaze: trackloss over a quarter is flagged", async () => {
  const rows = (lost: number) =>
    "image,x,y,t_ms\n" +
    Array.from({ length: 100 }, (_, i) => `a,${i < lost ? "." : 5},5,${i * 10}\n`).join("");
  const flagged = async (lost: number) =>
    (await parse(rows(lost))).warnings.some(({ message }) => /without gaze/.test(message));
  assert.equal(await flagged(25), false);
  assert.equal(await flagged(26), true);
});

Deno.test("plain gaze: units of time by the column's name", async () => {
  for (const [unit, factor] of [["s", 1], ["ms", 1e3], ["us", 1e6]] as const) {
    const text = `image,x,y,duration_${unit},start_${unit}\na,1,2,${0.25 * factor},${
      1.5 * factor
    }\n`;
    const { gaze: [{ fixations: [one] }] } = await parse(text);
    assert.ok(Math.abs(one.duration - 0.25) < 1e-12 && Math.abs(one.start - 1.5) < 1e-12, unit);
  }
});

Deno.test("plain gaze: image and reader by the file's name, readers under all their names", async () => {
  const known = (name: string) => name === "1001" ? size : undefined;
  const { gaze: [one] } = await parse("x,y,duration_ms\n1,2,3\n", {
    file: "gaze/1001_anna.csv",
    imageSize: known,
  });
  assert.deepEqual([one.image, one.reader], ["1001", "anna"]);
  for (const header of ["reader", "subject", "participant", "observer"]) {
    const { gaze: [{ reader }] } = await parse(
      `image,${header},x_px,y_px,duration_ms\na,R,1,2,3\n`,
    );
    assert.equal(reader, "R");
  }
});

Deno.test("plain gaze: names that mean one image are one scanpath", async () => {
  const { gaze } = await parse("image,x,y,duration_ms\na,1,2,3\na.png,4,5,6\n", {
    imageSize: () => ({ ...size, name: "a" }),
  });
  assert.equal(gaze.length, 1);
  assert.equal(gaze[0].fixations.length, 2);
});

Deno.test("plain gaze: any fixations written as a table come back", async () => {
  const number = fc.double({ min: 0, max: 599, noNaN: true });
  const fixation = fc.record({
    x: number,
    y: number,
    duration: fc.double({ min: 0, max: 10, noNaN: true }),
  }, { noNullPrototype: true });
  const scanpath = fc.record({
    image: fc.string({ minLength: 1, maxLength: 8 }).filter((name) => name.trim() === name),
    reader: fc.string({ minLength: 1, maxLength: 8 }).filter((name) => name.trim() === name),
    fixations: fc.array(fixation, { minLength: 1, maxLength: 8 }),
  }, { noNullPrototype: true });
  const key = ({ image, reader }: { image: string; reader: string }) => `${image}\n${reader}`;
  const shape = fc.record({
    scanpaths: fc.uniqueArray(scanpath, { selector: key, minLength: 1, maxLength: 4 }),
    delimiter: fc.constantFrom(",", ";", "\t"),
    comma: fc.boolean(),
    newline: fc.constantFrom("\n", "\r\n"),
    mark: fc.constantFrom("", "\ufeff"),
  });
  await fc.assert(
    fc.asyncProperty(shape, async ({ scanpaths, delimiter, comma, newline, mark }) => {
      const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
      const written = (value: number) =>
        comma && delimiter !== "," ? String(value).replace(".", ",") : String(value);
      const rows = scanpaths.flatMap(({ image, reader, fixations }) =>
        fixations.map(({ x, y, duration }) =>
          [quoted(image), quoted(reader), ...[x, y, duration].map(written)].join(delimiter)
        )
      );
      const head = ["image", "reader", "x", "y", "duration_s"].join(delimiter);
      const { gaze } = await parse(mark + [head, ...rows].join(newline) + newline);
      assert.deepEqual(
        gaze.map(({ image, reader, fixations }) => ({
          image,
          reader,
          fixations: fixations.map(({ x, y, duration }) => ({ x, y, duration })),
        })),
        scanpaths,
      );
    }),
    { numRuns: 500, seed: 11 },
  );
});

Deno.test("plain gaze: a long stream of samples is read in bounded pieces", async () => {
  let asked = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      const first = asked++ * 1000;
      const rows = Array.from(
        { length: 1000 },
        (_, i) => `a,r,${100 + (i % 7)},100,${first + i}\n`,
      );
      if (asked === 1) rows.unshift("image,reader,x,y,t_ms\n");
      controller.enqueue(new TextEncoder().encode(rows.join("")));
      if (asked === 200) controller.close();
    },
  });
  const { gaze: [{ samples, fixations }] } = await parseGaze(stream, {
    file: "a.csv",
    imageSize: () => size,
  });
  assert.equal(samples!.length, 200_000 * 4);
  assert.equal(fixations.length, 1);
  assert.ok(Math.abs(fixations[0].duration - 199.999) < 1e-9);
});
