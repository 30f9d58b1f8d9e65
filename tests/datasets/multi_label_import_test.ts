/** Archives of multi-label sets: what of them is refused, and what is said of what is not taken. */
import assert from "node:assert/strict";
import { importArchive } from "@/lib/datasets/archive.ts";
import { putLabels } from "@/lib/datasets/edit.ts";
import { InvalidInput } from "@/lib/errors.ts";
import type { Store } from "@/lib/store/mod.ts";
import { picture, zipTo } from "../support/archives.ts";
import { withStore } from "../support/temporary.ts";

type Files = Record<string, string | Uint8Array>;

const pictures = (...paths: string[]): Files =>
  Object.fromEntries(paths.map((path, i) => [path, picture(8, 8, i)]));
const two = pictures("images/a.png", "images/b.png");

async function load(store: Store, files: Files, options = {}): Promise<string[]> {
  const path = await zipTo(`${store.directory}/upload.zip`, files);
  const { warnings } = await importArchive(store, "s", path, options);
  return warnings.map(({ message }) => message);
}

async function problems(making: Promise<unknown>): Promise<string[]> {
  try {
    await making;
  } catch (error) {
    assert.ok(error instanceof InvalidInput, String(error));
    return error.problems.map(({ line, message }) => `${line}: ${message}`);
  }
  throw new Error("It was taken");
}

Deno.test("classes without a column, and names that are spelt alike, are warned of", () =>
  withStore(async (store) => {
    const told = await load(store, {
      ...two,
      "dataset.json": JSON.stringify({ classes: ["Mass", "Edemaa", "mass_"] }),
      "labels.csv": "image,Mass,Edema,mass_\na,1,0,0\nb,0,1,1\n",
    });
    assert.match(told[0], /^Of "Edemaa", in the set's classes, nothing is known of any image/);
    const spelt = "image,labels\na,Pleural Effusion|Mass\nb,pleural_effusion\n";
    const alike =
      /differ in case, spaces or punctuation alone: "Pleural Effusion", "pleural_effusion"/;
    assert.ok((await load(store, { ...two, "labels.csv": spelt })).some((one) => alike.test(one)));
    await load(store, two);
    const { warnings } = await putLabels(store, "s", new TextEncoder().encode(spelt));
    assert.ok(warnings.some(({ message }) => alike.test(message)));
  }));

Deno.test("an image under two names of one table is refused with both lines", () =>
  withStore(async (store) => {
    for (const head of ["image,label\n", "image,Mass,Edema\n"]) {
      const rest = head.includes("label") ? ["x", "y"] : ["1,0", "0,1"];
      const table = `${head}a,${rest[0]}\nb,${rest[1]}\na.png,${rest[0]}\n`;
      const refusal = '4: Cannot use "a.png": it is the image that line 2 calls "a"';
      const sent = await problems(load(store, { ...two, "labels.csv": table }));
      assert.deepEqual(sent.map((one) => one.split(";")[0]), [refusal]);
      await load(store, two);
      const put = await problems(putLabels(store, "s", new TextEncoder().encode(table)));
      assert.deepEqual(put.map((one) => one.split(";")[0]), [refusal]);
    }
  }));

Deno.test("folders that come to a multi-label set are no findings, and that is said or refused", () =>
  withStore(async (store) => {
    await load(store, { ...two, "labels.csv": "image,mass,edema\na,1,0\nb,0,1\n" });
    const add = { mode: "add" };
    const [both] = await problems(load(store, pictures("mass/c.png", "normal/d.png"), add));
    assert.match(both, /Cannot use both one label an image \("mass"/);
    const unused = (told: string[]) => told.find((one) => one.startsWith("Not used: the folders"));
    const one = await load(store, pictures("mass/e.png"), add);
    assert.match(unused(one)!, /the folders "mass", as the set is multi-label/);
    const under = await load(store, pictures("images/mass/f.png", "images/normal/g.png"), add);
    assert.match(unused(under)!, /the folders "mass", "normal"/);
    const table = "image,mass,edema\nh,1,0\ni,0,1\n";
    const told = await load(store, {
      ...pictures("mass/h.png", "edema/i.png"),
      "labels.csv": table,
    }, add);
    assert.equal(unused(told), undefined);
    assert.ok(told.some((text) => text.includes("folders were not taken for classes")));
  }));
