/** Units that were taken wrongly are told; gaze as eyes make it is not remarked upon. */
import assert from "node:assert/strict";
import { parseGaze } from "@/lib/gaze/formats/mod.ts";

async function warningsOf(header: string, row: (index: number) => string, rows = 12) {
  const lines = Array.from({ length: rows }, (_, index) => row(index));
  const { warnings } = await parseGaze(new TextEncoder().encode([header, ...lines].join("\n")), {
    file: "gaze.csv",
    imageSize: () => ({ width: 800, height: 600 }),
  });
  return warnings.map(({ message }) => message);
}

const FIXATIONS = "image,reader,x,y,duration_ms";

Deno.test("durations in seconds under a header of milliseconds are told, and the reverse", async () => {
  const seconds = await warningsOf(FIXATIONS, (i) => `a,R,${20 * i},${9 * i},0.${200 + i}`);
  assert.equal(seconds.length, 1);
  assert.match(seconds[0], /^half of the fixations last 0\.21 ms or less, .* duration_s or/);
  const header = FIXATIONS.replace("_ms", "_s");
  const milliseconds = await warningsOf(header, (i) => `a,R,${20 * i},${9 * i},${200 + i}`);
  assert.equal(milliseconds.length, 1);
  assert.match(milliseconds[0], /^half of the fixations last 210 s or more, /);
});

Deno.test("shares of the image under headers of pixels are told, of fixations and of samples", async () => {
  const fixations = await warningsOf(FIXATIONS, (i) => `a,R,0.${10 + i},0.${40 + i},${200 + i}`);
  assert.equal(fixations.length, 1);
  assert.match(fixations[0], /^every position lies within the first pixel .* x_norm and y_norm$/);
  const samples = await warningsOf("image,reader,x,y,t_ms", (i) => `a,R,0.${10 + i},0.4,${4 * i}`);
  assert.ok(samples.some((message) => message.startsWith("every position lies within")));
});

Deno.test("plausible gaze, and too little to tell, are not remarked upon", async () => {
  assert.deepEqual(await warningsOf(FIXATIONS, (i) => `a,R,${20 * i},${9 * i},${90 + 60 * i}`), []);
  assert.deepEqual(await warningsOf(FIXATIONS, (i) => `a,R,${i},${i},0.2`, 4), []);
  const shares = "image,reader,x_norm,y_norm,duration_ms";
  assert.deepEqual(await warningsOf(shares, (i) => `a,R,0.${10 + i},0.4,${200 + i}`), []);
});
