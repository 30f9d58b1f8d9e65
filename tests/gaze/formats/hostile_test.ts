/** Files that are not what they seem: every parser, forced upon them, reads or refuses, and does no more. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { InvalidInput } from "@/lib/errors.ts";
import { formats, parseGaze } from "@/lib/gaze/formats/mod.ts";
import { sharedTest } from "../../support/shared.ts";

/** Parses as `format`; true when it was refused. @throws anything but a refusal */
async function refused(bytes: Uint8Array, file: string, format: string): Promise<boolean> {
  try {
    await parseGaze(bytes, { file, format, imageSize: () => ({ width: 100, height: 100 }) });
    return false;
  } catch (error) {
    if (error instanceof InvalidInput) return true;
    throw error;
  }
}

for (const corpus of ["csv-spectrum", "json-suite", "naughty-strings"]) {
  sharedTest(`no parser trips over ${corpus}`, [`badinputs/${corpus}`], async (folder) => {
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => statSync(`${folder}/${name}`).isFile());
    assert.ok(files.length > 0);
    for (const name of files) {
      const bytes = new Uint8Array(readFileSync(`${folder}/${name}`));
      for (const format of Object.keys(formats)) await refused(bytes, name, format);
    }
  });
}

/** What is far larger or deeper than it should be. */
const FLOODS: Record<string, { format: string; text: string }> = {
  "brackets a million deep": {
    format: "mcgip",
    text: `{"gaze": ${"[".repeat(1e6)}${"]".repeat(1e6)}}`,
  },
  "a list of points without an end": {
    format: "miceye",
    text: `a.png;1;[${"[1, 2], ".repeat(600_000)}`,
  },
  "one line of five megabytes": { format: "eyelink_asc", text: "1 ".repeat(2_500_000) },
  "a header of a thousand columns": { format: "plain", text: "x,".repeat(1000) + "\n" },
  "a quote that never closes": {
    format: "plain",
    text: 'image,x,y,t_ms\n"' + "a,1,2,3\n".repeat(100_000),
  },
};

for (const [what, { format, text }] of Object.entries(FLOODS)) {
  Deno.test(`${what}: refused at once`, async () => {
    const start = performance.now();
    assert.ok(await refused(new TextEncoder().encode(text), "a.txt", format));
    assert.ok(performance.now() - start < 2000);
  });
}

Deno.test("images that the data set does not know are counted, not collected", async () => {
  const rows = Array.from({ length: 20_000 }, (_, i) => `image${i},1,2,3\n`).join("");
  const { gaze, warnings } = await parseGaze(new TextEncoder().encode("image,x,y,t_ms\n" + rows), {
    file: "a.csv",
    imageSize: () => undefined,
  });
  assert.equal(gaze.length, 0);
  assert.equal(warnings.length, 101);
  assert.match(warnings[100].message, /more warnings/);
});
