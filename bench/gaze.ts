/**
 * Times of reading and judging gaze: `deno run -A bench/gaze.ts [WORD ...]`, only lines whose name holds one of the
 * words. No GPU is used. Seconds are those of the clock and those of the processor.
 */
import process from "node:process";
import { audit } from "@/lib/gaze/audit.ts";
import { parseGaze } from "@/lib/gaze/formats/mod.ts";
import { positives } from "@/lib/gaze/positives.ts";
import { uniform } from "@/lib/random.ts";

/** Samples at 250 Hz as CSV, in pieces: an eye that drifts, and jumps four times a second. */
function samplesCsv(rows: number): ReadableStream<Uint8Array> {
  const perImage = 20_000;
  const encoder = new TextEncoder();
  let row = 0;
  let [x, y] = [400, 300];
  return new ReadableStream({
    pull(controller) {
      let text = row === 0 ? "image,reader,t_ms,x,y,valid\n" : "";
      for (const end = Math.min(rows, row + 10_000); row < end; row++) {
        if (row % 62 === 0) [x, y] = [800 * uniform(1, row), 600 * uniform(2, row)];
        x += uniform(3, row) - 0.5;
        y += uniform(4, row) - 0.5;
        text += `im${Math.floor(row / perImage)}.png,r1,${row % perImage * 4},${x.toFixed(2)},${
          y.toFixed(2)
        },1\n`;
      }
      controller.enqueue(encoder.encode(text));
      if (row === rows) controller.close();
    },
  });
}

/** The same 100,000 rows with every cell in quotes, or none: one reads as fast as the other. */
function fixationsCsv(quoted: boolean): Uint8Array {
  const row = (cells: (string | number)[]) =>
    cells.map((cell) => quoted ? `"${cell}"` : cell).join(",");
  const rows = Array.from(
    { length: 100_000 },
    (_, i) => row([`im${i % 50}.png`, `r${i % 5}`, i % 800, i % 600, 200, i * 3]),
  );
  return new TextEncoder().encode(
    [row(["image", "reader", "x", "y", "duration_ms", "start_ms"]), ...rows].join("\n"),
  );
}

function similarities(n: number): Float32Array {
  const values = new Float32Array(n * n).fill(1);
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) values[i * n + j] = values[j * n + i] = uniform(i, j);
  }
  return values;
}

interface Line {
  name: string;
  /** Seconds allowed on two cores; undefined: for information. */
  limit?: number;
  /** What is timed, after what is not. */
  prepare(): () => unknown;
}

const labels = (n: number) => Array.from({ length: n }, (_, i) => `${i % 2}`);

const lines: Line[] = [
  {
    name: "csv of 1,000,000 samples, read and filtered",
    limit: 5,
    prepare: () => () => parseGaze(samplesCsv(1_000_000), { file: "samples.csv" }),
  },
  ...[false, true].map((quoted): Line => ({
    name: `csv of 100,000 fixations, ${quoted ? "every cell quoted" : "no quotes"}`,
    limit: 2,
    prepare: () => {
      const bytes = fixationsCsv(quoted);
      return () => parseGaze(bytes, { file: "fixations.csv" });
    },
  })),
  ...[700, 2000, 8000].flatMap((n): Line[] => {
    let values: Float32Array;
    const made = () => values ??= similarities(n);
    return [
      {
        name: `positives of ${n} images by quantile`,
        prepare: () => {
          made();
          return () => positives(values, { cut: { quantile: 0.01 } });
        },
      },
      {
        name: `audit of ${n} images with labels`,
        limit: n === 8000 ? 60 : 5,
        prepare: () => {
          made();
          return () => audit(values, { labels: labels(n) });
        },
      },
    ];
  }),
];

for (const { name, limit, prepare } of lines) {
  if (Deno.args.length > 0 && !Deno.args.some((word) => name.includes(word))) continue;
  const run = prepare();
  let most = 0;
  const watch = setInterval(() => most = Math.max(most, Deno.memoryUsage().rss), 20);
  const start = performance.now();
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  const seconds = (performance.now() - start) / 1000;
  clearInterval(watch);
  most = Math.max(most, Deno.memoryUsage().rss);
  const verdict = limit === undefined
    ? ""
    : seconds <= limit
    ? `under ${limit} s`
    : `OVER ${limit} s`;
  console.log(
    `${name.padEnd(48)} ${seconds.toFixed(2).padStart(8)} s  ${
      ((user + system) / 1e6).toFixed(2).padStart(8)
    } s CPU  ${Math.round(most / 1e6)} MB  ${verdict}`,
  );
}
