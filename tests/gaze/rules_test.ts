/** Rules that hold for every format: a table of formats and rules, each cell a test or the reason why there is none. */
import assert from "node:assert/strict";
import { formats } from "@/lib/gaze/formats/mod.ts";
import { beware } from "./rules/beware.ts";
import { both_eyes } from "./rules/both_eyes.ts";
import { FORMATS, type Rule } from "./rules/cells.ts";
import { companions } from "./rules/companions.ts";
import { little_gaze } from "./rules/little_gaze.ts";
import { options } from "./rules/options.ts";
import { per_row } from "./rules/per_row.ts";
import {
  encodings,
  facts,
  limits,
  line_ends,
  none,
  separator,
  trackloss,
} from "./rules/shared_rules.ts";
import { shown } from "./rules/shown.ts";

const RULES: Record<string, Rule> = {
  "a choice is made per row or per trial": per_row,
  "an option or a sidecar's field is used, refused or warned of": options,
  "px as shown and px of the image are told apart": shown,
  "both eyes are averaged after the gaps of each are filled": both_eyes,
  "numbers that mean none are never a place": none,
  "lines end with CR, LF or both": line_ends,
  "a first line sep=; is read": separator,
  "UTF-8, UTF-16 and Windows-1252 are read": encodings,
  "trackloss above 25 % is flagged": trackloss,
  "what is larger than a limit is told how to send": limits,
  "fixations that hold little of the gaze are told": little_gaze,
  "companion files are passed over with a word": companions,
  "what the format is known to trip readers with": beware,
  "what was assumed is told for every recording": facts,
};

Deno.test("the table of rules has a row for every format", () => {
  assert.deepEqual([...FORMATS].sort(), Object.keys(formats).sort());
});

for (const [what, rule] of Object.entries(RULES)) {
  for (const format of FORMATS) {
    const cell = rule[format];
    if (typeof cell === "function") Deno.test(`${format}: ${what}`, cell);
    else {
      Deno.test(`${format}: ${what} (cannot apply: ${cell.cannot})`, () => {
        assert.ok(cell.cannot.length > 10);
      });
    }
  }
}
