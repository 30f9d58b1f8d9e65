import assert from "node:assert/strict";
import { keepingSections, withSection } from "@/lib/demo/report_sections.ts";

Deno.test("a section comes at the end, is written anew in its place, and outlives a new report", () => {
  const one = withSection("# Report\n\ntext\n", "attention", "## A\n\nfirst\n");
  const two = withSection(one, "vit", "## V\n\n$& stays\n");
  const again = withSection(two, "attention", "## A\n\nsecond\n");
  assert.ok(again.startsWith("# Report\n\ntext\n\n<!-- section attention -->\n\n## A\n\nsecond\n"));
  assert.ok(!again.includes("first"));
  assert.ok(again.indexOf("## A") < again.indexOf("## V") && again.includes("$& stays"));
  assert.equal(withSection(again, "attention", "## A\n\nsecond\n"), again);
  const anew = keepingSections("# Report\n\nother\n", again);
  assert.equal(anew, again.replace("text", "other"));
  assert.equal(keepingSections(anew, anew.slice(0, 8)), anew, "nothing is doubled");
  assert.ok(withSection("", "vit", "## V").startsWith("<!-- section vit -->"));
});
