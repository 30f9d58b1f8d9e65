/** Which tables of labels are multi-label, and what they say of each image. */
import assert from "node:assert/strict";
import { InvalidInput } from "@/lib/errors.ts";
import { readLabels } from "@/lib/datasets/labels.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const read = (text: string, classes?: string[]) =>
  readLabels(encode(text), "labels.csv", { classes });

const said = (text: string, classes?: string[]) =>
  Object.fromEntries(read(text, classes).labels.map(({ image, findings }) => [image, findings]));

function problems(text: string, classes?: string[]): string[] {
  try {
    read(text, classes);
  } catch (error) {
    assert.ok(error instanceof InvalidInput);
    return error.problems.map(({ message, line }) => `${line}: ${message}`);
  }
  throw new Error("It was read");
}

Deno.test("columns of 0, 1 and nothing are findings, by the names that the header writes", () => {
  const table = read(
    "image,Edema,Pleural Effusion,patient,note\n" +
      "a,1,0,p1,x\nb,TRUE,,p1,y\nc,0.0,false,p2,1\nd,n/a,-1,p2,0\n",
  );
  assert.deepEqual(table.classes, ["Edema", "Pleural Effusion"]);
  assert.deepEqual(table.labels.map(({ findings }) => findings), [
    { Edema: 1, "Pleural Effusion": 0 },
    { Edema: 1, "Pleural Effusion": null },
    { Edema: 0, "Pleural Effusion": 0 },
    { Edema: null, "Pleural Effusion": null },
  ]);
  assert.deepEqual(table.labels.map(({ patient }) => patient), ["p1", "p1", "p2", "p2"]);
  assert.ok(table.labels.every(({ label }) => label === undefined));
  const told = table.warnings.map(({ message }) => message).join("\n");
  assert.match(told, /The set is multi-label: the columns "Edema", "Pleural Effusion"/);
  assert.match(told, /Column not used: "note"/);
  assert.match(told, /1 cells say -1/);
});

Deno.test("a column that names several with | or ; lists findings; what it does not list is absent", () => {
  for (const mark of ["|", ";"]) {
    const text = `Image Index,Finding Labels\na,Edema${mark}Mass\nb,No Finding\nc,Mass\nd,\n`;
    assert.deepEqual(read(text).classes, ["Edema", "Mass"]);
    assert.deepEqual(said(text), {
      a: { Edema: 1, Mass: 1 },
      b: { Edema: 0, Mass: 0 },
      c: { Edema: 0, Mass: 1 },
      d: { Edema: null, Mass: null },
    });
  }
});

Deno.test("a table of one label an image stays what it was", () => {
  for (
    const text of [
      "image,label\na,x\nb,y\n",
      // Nothing names several.
      "image,labels\na,x\nb,y\n",
      // A label and a column of 0 and 1.
      "image,label,smoker,seen\na,x,0,1\nb,y,1,1\n",
      // One column of 0 and 1 may be anything.
      "image,patient,male\na,p,0\nb,q,1\n",
    ]
  ) {
    const { classes, labels } = read(text);
    assert.equal(classes, undefined, text);
    assert.ok(labels.every(({ findings }) => findings === undefined));
  }
  const { labels, warnings } = read("image,label\na,x|y\nb,x\n");
  assert.equal(labels[0].label, "x|y");
  assert.match(
    warnings[0].message,
    /"x\|y" was taken for a class of its own.*call the column labels/,
  );
});

Deno.test("findings that are given are these columns and no others, whatever else they could mean", () => {
  const classes = ["Cancer", "a, b"];
  const text = 'image,CANCER,"a, b",sex\nx,1,,0\ny,0,1,1\n';
  assert.deepEqual(said(text, classes), {
    x: { Cancer: 1, "a, b": null },
    y: { Cancer: 0, "a, b": 1 },
  });
  assert.match(read(text, classes).warnings[0].message, /Column not used: "sex"/);
  // A table of some of them leaves the others as they are.
  assert.deepEqual(said("image,Cancer\nx,0\n", classes), { x: { Cancer: 0 } });
  assert.deepEqual(said("image,labels\nx,Cancer\n", classes), { x: { Cancer: 1, "a, b": 0 } });
  assert.deepEqual(read("image,patient\nx,p\n", classes).labels[0].findings, undefined);
});

Deno.test("what cannot be read is refused with what was found, line by line", () => {
  assert.deepEqual(problems("image,Edema,Mass\na,3,0\nb,1,maybe\n", ["Edema", "Mass"]), [
    '2: Cannot use "3" as finding "Edema": 0, 1, true or false is expected, empty where it is not known',
    '3: Cannot use "maybe" as finding "Mass": 0, 1, true or false is expected, empty where it is not known',
  ]);
  const [other] = problems("image,labels\na,Edema|Mas\n", ["Edema", "Mass"]);
  assert.match(other, /^2: Cannot use finding "Mas".*"Edema", "Mass".*"Mass" may be meant/);
  const [both] = problems("image,labels\na,No Finding|Mass\n", ["Edema", "Mass"]);
  assert.match(both, /says that there is none, and names one/);
  assert.match(
    problems("image,Edema,Mass\na,1,0\na,0,0\n", ["Edema", "Mass"])[0],
    /both 0 and 1 of "Edema"/,
  );
  const [nothing] = problems("image,foo,bar\na,x,y\n");
  assert.match(nothing, /no two others hold findings/);
});

Deno.test("rows of one image add up; where they contradict each other nothing is known", () => {
  const table = read("image,Edema,Mass\na,1,\na,,0\nb,1,1\nb,0,1\n");
  assert.deepEqual(table.labels.map(({ findings }) => findings), [
    { Edema: 1, Mass: 0 },
    { Edema: null, Mass: 1 },
  ]);
  assert.ok(table.warnings.some(({ message }) => /contradict.*"Edema" of "b"/.test(message)));
});

Deno.test("a finding that is called as none are is present where a cell lists it", () => {
  const classes = ["normal", "mass"];
  assert.deepEqual(said("image,labels\na,normal\nb,mass\nc,\n", classes), {
    a: { normal: 1, mass: 0 },
    b: { normal: 0, mass: 1 },
    c: { normal: null, mass: null },
  });
  assert.deepEqual(problems("image,labels\na,No Finding\nb,normal|mass\n", classes), [
    '2: Cannot use "No Finding": the set\'s finding "normal" says that there is none; write "normal" there',
    '3: Cannot use "normal|mass": it says that there is none, and names one',
  ]);
});

Deno.test("rows of lists that contradict each other are refused with both lines", () => {
  const text = "image,labels\na,Edema|Mass\nb,Mass\na,Mass\nb,none\n";
  for (const classes of [undefined, ["Edema", "Mass"]]) {
    const [only, ...more] = problems(text, classes);
    assert.match(only, /^5: Cannot use "none" for "b": line 3 says "Mass"/);
    assert.deepEqual(more, []);
  }
});

Deno.test("spellings of Unicode are one name, in lists and in headers", () => {
  const [nfc, nfd] = ["\u00d6dem", "O\u0308dem"];
  assert.deepEqual(read(`image,labels\na,${nfc}|Mass\nb,${nfd}\n`).classes, ["Mass", nfc]);
  assert.deepEqual(read(`image,${nfd},Mass\na,1,0\n`).classes, [nfc, "Mass"]);
  assert.deepEqual(said(`image,${nfd}\na,1\n`, [nfc]), { a: { [nfc]: 1 } });
});

Deno.test("a list says that what it does not name is absent, also where the findings are given", () => {
  const { warnings } = read("image,label\na,Mass\n", ["Edema", "Mass"]);
  assert.match(warnings[0].message, /not list is taken as absent there/);
});

Deno.test("a column that a cell spoils is named with its line and the cell", () => {
  const rows = "a,1,0,O,31\nb,0,1,1,0\nc,1,1,0,57\n";
  const { classes, warnings } = read(`image,Edema,Mass,Nodule,age\n${rows}`);
  assert.deepEqual(classes, ["Edema", "Mass"]);
  const told = warnings.filter(({ message }) => message.includes("is no finding"));
  assert.equal(told.length, 1);
  assert.match(told[0].message, /"Nodule" is no finding, as line 2 holds "O"/);
  assert.match(problems("image,Edema,Mass\na,1,0\nb,0,O\nc,0,1\n")[1], /line 3 holds "O"/);
});
