import assert from "node:assert/strict";
import { imageSizeSchema, imageSizeText, sizeOf } from "@/lib/images/image_size.ts";

Deno.test("image size: a side or height and width, in JSON and in a query", () => {
  assert.deepEqual(sizeOf(imageSizeSchema.parse(224)), { height: 224, width: 224 });
  assert.deepEqual(sizeOf(imageSizeSchema.parse([300, 600])), { height: 300, width: 600 });
  assert.deepEqual(sizeOf(imageSizeText.parse("300x600")), { height: 300, width: 600 });
  assert.equal(imageSizeText.parse("64"), 64);
  for (const wrong of [15, 1025, 64.5, "64", [64], [64, 64, 64], [300, 8], null]) {
    assert.equal(imageSizeSchema.safeParse(wrong).success, false, JSON.stringify(wrong));
  }
  for (const wrong of ["", "8", "300x", "x600", "300x600x3", "300 x 600", "-64", "1e2"]) {
    assert.equal(imageSizeText.safeParse(wrong).success, false, wrong);
  }
});
