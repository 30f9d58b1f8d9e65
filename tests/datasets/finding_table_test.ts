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
