/** A small data set whose gaze is awkward in every way, of two readers. */
import assert from "node:assert/strict";
import type { Fixation } from "@/lib/gaze/gaze.ts";
import { uniform } from "@/lib/random.ts";
import { picture, zipTo } from "./archives.ts";
import type { TestServer } from "./server.ts";

export const WIDTH = 40, HEIGHT = 30;
/** Images and the numbers of their fixations; one that a spreadsheet would run, one without gaze, one with gaze too short. */
const lengths: Record<string, number> = {
  "=1+1": 8,
  "a,b": 7,
  "folder/c": 9,
  d: 6,
  e: 10,
  f: 8,
  bare: 0,
  short: 2,
};
export const names = Object.keys(lengths).sort();
export const readers = ["r1", "r2"];

export function fixationsOf(image: string, reader: string): Fixation[] {
  const seed = names.indexOf(image) * 10 + readers.indexOf(reader);
  let start = 0;
  return Array.from({ length: lengths[image] }, (_, i) => {
    const duration = 0.1 + Math.round(400 * uniform(seed, i, 3)) / 1000;
    const at = start;
    start += duration + 0.05;
    return {
      x: Math.round(uniform(seed, i, 1) * 390) / 10,
      y: Math.round(uniform(seed, i, 2) * 290) / 10,
      start: at,
      duration,
    };
  });
}

/** Uploads it as "set". */
export async function uploadGazeSet(server: TestServer) {
  const quoted = (name: string) => `"${name}"`;
  const rows = names.flatMap((image) =>
    readers.flatMap((reader) =>
      fixationsOf(image, reader).map(({ x, y, start, duration }) =>
        `${quoted(image)},${reader},${x},${y},${start},${duration}\n`
      )
    )
  );
  const path = await zipTo(`${server.data}/upload.zip`, {
    ...Object.fromEntries(
      names.map((name, i) => [`images/${name}.png`, picture(WIDTH, HEIGHT, i)]),
    ),
    "labels.csv": "image,label,patient\n" +
      names.map((name, i) => `${quoted(name)},${i % 2 ? "@malignant" : "benign"},p${i}\n`).join(""),
    "gaze/f.csv": `image,reader,x,y,start_s,duration_s\n${rows.join("")}`,
  });
  const response = await server.fetch("/v1/datasets/set", {
    method: "PUT",
    body: Deno.readFileSync(path),
  });
  const report = await response.json();
  assert.equal(response.status, 201, JSON.stringify(report));
  assert.deepEqual([report.images, report.gaze, report.warnings], [8, 14, []]);
}
