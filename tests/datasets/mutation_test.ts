import assert from "node:assert/strict";
import fc from "fast-check";
import { InvalidInput } from "@/lib/errors.ts";
import { readDescription } from "@/lib/datasets/description.ts";
import { readLabels } from "@/lib/datasets/labels.ts";
import { defaultLimits } from "@/lib/datasets/limits.ts";
import { openZip } from "@/lib/datasets/zip.ts";
import { smallSet, zipTo } from "../support/archives.ts";
import { withDirectory } from "../support/temporary.ts";

const runs = { numRuns: Number(Deno.env.get("PROPERTY_RUNS") ?? 500) };
const encode = (text: string) => new TextEncoder().encode(text);

/** Text that is nearly a table. */
const nearlyTable = fc.array(
  fc.oneof(
    fc.constantFrom(
      "image",
      "label",
      "patient",
      "split",
      ",",
      ";",
      "\t",
      "\n",
      "\r\n",
      '"',
      "a",
      "train",
    ),
    fc.string({ maxLength: 4, unit: "binary" }),
  ),
  { maxLength: 40 },
).map((parts) => parts.join(""));

Deno.test("any table gives labels or names a place in the file", () => {
  fc.assert(
    fc.property(fc.boolean(), nearlyTable, (headed, text) => {
      try {
        readLabels(encode((headed ? "image,label\n" : "") + text), "labels.csv")
          .labels.forEach(({ image, line }) => assert(image !== "" && line! > 1));
      } catch (error) {
        assert(error instanceof InvalidInput, String((error as Error).stack));
        assert(
          error.problems.every(({ file, message }) => file === "labels.csv" && message !== ""),
        );
        assert(error.problems.length > 0);
      }
    }),
    runs,
  );
});

Deno.test("any JSON is a description or refused", () => {
  const some = fc.oneof(
    fc.json(),
    fc.string(),
    fc.record({
      structured: fc.oneof(fc.boolean(), fc.string()),
      screen: fc.oneof(fc.constant({ width_px: 5, height_px: 5 }), fc.object()),
    }).map((value) => JSON.stringify(value)),
  );
  fc.assert(
    fc.property(some, (text) => {
      try {
        assert.equal(typeof readDescription(encode(text), "dataset.json").structured, "boolean");
      } catch (error) {
        assert(error instanceof InvalidInput, String((error as Error).stack));
        assert(error.problems.length > 0);
      }
    }),
    runs,
  );
});

Deno.test("a damaged archive is read or refused, never anything else", () =>
  withDirectory(async (directory) => {
    const path = await zipTo(`${directory}/x.zip`, smallSet());
    const whole = Deno.readFileSync(path);
    const changes = fc.array(
      fc.tuple(fc.nat({ max: whole.length - 1 }), fc.integer({ min: 0, max: 255 })),
      { minLength: 1, maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(changes, async (list) => {
        const bytes = whole.slice();
        for (const [at, value] of list) bytes[at] = value;
        Deno.writeFileSync(path, bytes);
        try {
          const zip = await openZip(path, defaultLimits);
          try {
            for (const name of zip.names) await zip.read(name);
          } finally {
            zip.close();
          }
        } catch (error) {
          assert(error instanceof InvalidInput, String((error as Error).stack));
        }
      }),
      runs,
    );
  }));
