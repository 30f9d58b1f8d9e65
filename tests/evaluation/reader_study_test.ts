/** Studies of readers: the reference analysis, incomplete designs, scores of each kind, a model beside readers. */
import assert from "node:assert/strict";
import { delongDifference } from "@/lib/evaluation/delong.ts";
import { type ReadingFacts, suspicion } from "@/lib/evaluation/reader_design.ts";
import { readerStudy, type ReaderStudyRequest } from "@/lib/evaluation/reader_study.ts";
import { readerStudyOf } from "@/lib/evaluation/reader_study_thread.ts";
import reference from "../fixtures/mrmc.json" with { type: "json" };

const names = reference.positive.map((_, i) => `i${String(i).padStart(2, "0")}`);
const conditions = ["a", "b", "c"];
/** Above this a reader decides for the class. */
const CUT = 2;

const reading = (image: string, reader: string, more: Partial<ReadingFacts>): ReadingFacts => ({
  ...{ image, reader, condition: "", label: null, confidence: null, rating: null, gaze: false },
  ...more,
});

/** The reference study as readings of five readers under three conditions. */
const rated = reference.scores.flatMap((readers, t) =>
  readers.flatMap((scores, r) =>
    scores.map((rating, n) =>
      reading(names[n], `R${r}`, {
        ...{ condition: conditions[t], rating, gaze: n < 7 },
        label: rating > CUT ? "yes" : "no",
      })
    )
  )
);
const request = (more: Partial<ReaderStudyRequest> = {}): ReaderStudyRequest => ({
  readings: rated,
  labels: new Map(names.map((name, i) => [name, reference.positive[i] ? "yes" : "no"])),
  patients: new Map(),
  ...{ positive: "yes", rated: true, model: null, ...more },
});

const near = (value: number | null, expected: number) =>
  assert.ok(
    Math.abs(value! - expected) < 1e-9 * Math.max(1, Math.abs(expected)),
    `${value} for ${expected}`,
  );

Deno.test("a complete study of ratings is the reference analysis, whatever the order of its readings", () => {
  const found = readerStudy(request({ readings: rated.toReversed() }));
  assert.deepEqual([found.images, found.positives], [
    60,
    reference.positive.filter(Boolean).length,
  ]);
  found.figures.forEach(({ auc, gaze }, i) => {
    near(auc!.auc, reference.auc.flat()[i]);
    assert.equal(gaze, 7);
  });
  found.mrmc!.conditions.forEach(({ auc, standard_error, df, low, high }, t) =>
    [auc, standard_error, df, low, high].forEach((value, i) =>
      near(value, reference.conditions[t][i])
    )
  );
  found.mrmc!.differences.forEach(({ difference, standard_error, df, low, high, f, p }, i) =>
    [difference, standard_error, df, low, high, f, p].forEach((value, k) =>
      near(value, reference.differences[i][k])
    )
  );
  assert.deepEqual(found.warnings, []);
});

Deno.test("sensitivity, specificity and kappa are those of the decisions", () => {
  const scores = reference.scores[0];
  const { figures, agreement: [first] } = readerStudy(request());
  const said = scores[0].map((value) => value > CUT);
  const share = (of: boolean) => {
    const rows = reference.positive.flatMap((is, i) => Boolean(is) === of ? [said[i] === of] : []);
    return rows.filter(Boolean).length / rows.length;
  };
  assert.deepEqual([figures[0].sensitivity, figures[0].specificity], [share(true), share(false)]);
  const [low, high] = figures[0].sensitivity_interval!;
  assert.ok(low < figures[0].sensitivity! && figures[0].sensitivity! < high);
  assert.equal(first.pairs.length, 10);
  const other = scores[1].map((value) => value > CUT);
  assert.equal(first.pairs[0].agreed, said.filter((is, i) => is === other[i]).length);
  assert.ok(first.fleiss_kappa! > 0 && first.fleiss_kappa! < 1);
});

Deno.test("a case that one reader has not read under one condition counts for nobody, and that is said", () => {
  const holed = rated.filter(({ image, reader, condition }) =>
    !(image === "i03" && reader === "R2" && condition === "b")
  );
  const found = readerStudy(request({ readings: holed }));
  const without = readerStudy(request({ readings: rated.filter(({ image }) => image !== "i03") }));
  assert.equal(found.images, 59);
  assert.deepEqual(found.mrmc, without.mrmc);
  assert.match(
    found.warnings.join("\n"),
    /59 of 60 images .* each of the 5 readers under each condition/,
  );
  assert.match(found.warnings.join("\n"), /"R2" under "b" 59/);
});

Deno.test("who has not read under every condition, and images without a class, are left out by name", () => {
  const extra = [
    reading("i00", "R9", { condition: "a", rating: 1, label: "no" }),
    ...conditions.flatMap((condition) =>
      [0, 1, 2, 3, 4].map((r) => reading("unlabelled", `R${r}`, { condition, rating: 1 }))
    ),
  ];
  const { warnings, mrmc, readers } = readerStudy(request({ readings: [...rated, ...extra] }));
  assert.equal(readers.includes("R9"), false);
  assert.deepEqual(mrmc, readerStudy(request()).mrmc);
  assert.match(warnings.join("\n"), /reader "R9", who has no readings under "b", under "c"/);
  assert.match(warnings.join("\n"), /1 image with readings and without a class/);
});

Deno.test("readers of other images, or of other conditions, are refused with the counts", () => {
  const apart = rated.filter(({ condition, reader, image }) =>
    condition === "a" && (reader === "R0") === (image < "i30") && "R0R1".includes(reader)
  );
  assert.throws(
    () => readerStudy(request({ readings: apart })),
    /0 of 60 .*"R0" under "a" 30.*readers=/,
  );
  const split = rated.filter(({ condition, reader }) => condition === (reader < "R2" ? "a" : "b"));
  assert.throws(() => readerStudy(request({ readings: split })), /no reader has read under each/);
});

Deno.test("a confidence orders decisions on both sides, and never across them", () => {
  const order = [
    { label: "no", confidence: 1 },
    { label: "other", confidence: 0.5 },
    { label: "no", confidence: 0 },
    { label: "yes", confidence: 0 },
    { label: "yes", confidence: 0.3 },
    { label: "yes", confidence: 1 },
  ].map((row) => suspicion({ ...row, rating: null }, "confidence", "yes"));
  assert.deepEqual(order, order.toSorted((a, b) => a - b));
  assert.equal(new Set(order).size, order.length);
});

Deno.test("a score is of one kind for a reader: what some readings have is not mixed in", () => {
  const one = rated.filter(({ condition }) => condition === "a");
  const some = one.map((row) =>
    row.reader === "R1" && row.image === "i05" ? { ...row, rating: null } : row
  );
  const found = readerStudy(request({ readings: some }));
  assert.equal(found.figures[1].score, "decision");
  near(
    found.figures[1].auc!.auc,
    (found.figures[1].sensitivity! + found.figures[1].specificity!) / 2,
  );
  const said = found.warnings.join("\n");
  assert.match(said, /rating of 59 of 60 readings by "R1"/);
  assert.match(said, /Decisions alone: "R1"/);
  assert.match(said, /scored by decision and rating/);
  // Of another class the ratings say nothing.
  const other = readerStudy(request({ readings: one, positive: "no", rated: false }));
  assert.ok(other.figures.every(({ score }) => score === "decision"));
  assert.match(other.warnings.join("\n"), /suspicions of another class than "no"/);
  const alone = one.map((row) => ({ ...row, label: null }));
  assert.throws(
    () => readerStudy(request({ readings: alone, positive: "no", rated: false })),
    /ratings alone, of another class/,
  );
  const silent = readerStudy(request({ readings: alone }));
  assert.deepEqual([silent.figures[0].sensitivity, silent.figures[0].sensitivity_interval], [
    null,
    null,
  ]);
  assert.equal(silent.agreement[0].pairs[0].kappa, null);
});

Deno.test("a model is compared on the images that both know, by patients", async () => {
  const model = new Map(names.slice(0, 40).map((name, i) => [name, (i * 37 % 41) / 41]));
  const patients = new Map(names.map((name, i) => [name, `p${i >> 1}`]));
  const readings = rated.filter(({ condition }) => condition === "a");
  const found = await readerStudyOf(request({ readings, model, patients }));
  assert.equal(found.patients, 30);
  const { model: beside, warnings } = found;
  assert.equal(beside!.images, 40);
  assert.match(warnings.join("\n"), /40 of the 60 images/);
  const expected = delongDifference(
    reference.positive.slice(0, 40),
    { a: [...model.values()], b: reference.scores[0][2].slice(0, 40) },
    names.slice(0, 40).map((_, i) => i >> 1),
  )!;
  const { p_holm, ...told } = beside!.readers[2].difference!;
  assert.deepEqual(told, expected);
  assert.ok(p_holm! >= told.p!);
  const few = readerStudy(request({ readings, model: new Map([["i00", 1], ["i01", 0]]) }));
  assert.ok(few.model!.readers.every(({ difference }) => difference === null));
  assert.match(few.warnings.join("\n"), /No difference .* among the 2 that are compared/);
  // Eight images of four patients, though the readers' own figures stand on thirty.
  const small = new Map([...model].slice(0, 8));
  const warned = readerStudy(request({ readings, model: small, patients })).warnings;
  assert.ok(
    warned.some((text) => /^The model beside readers: 4 patients are tested/.test(text)),
    warned.join("\n"),
  );
  assert.ok(!warnings.some((text) => text.includes("say next to nothing")), warnings.join("\n"));
  assert.throws(
    () => readerStudy(request({ readings, model: new Map([["x", 1]]) })),
    /none of the 60 images .* among the 1 that it tested/,
  );
});

Deno.test("one reader, few patients and a side without images are warned of", () => {
  const readings = rated.filter(({ reader, condition }) => reader === "R0" && condition === "a");
  const one = readerStudy(request({ readings }));
  assert.deepEqual([one.mrmc, one.agreement[0].fleiss_kappa], [null, null]);
  assert.match(one.warnings.join("\n"), /One reader/);
  const none = readerStudy(request({
    readings,
    labels: new Map(names.slice(0, 5).map((name) => [name, "no"])),
  }));
  assert.deepEqual([none.figures[0].auc, none.figures[0].sensitivity], [null, null]);
  assert.match(none.warnings.join("\n"), /Class "yes" has no image/);
  assert.match(none.warnings.join("\n"), /5 patients are tested/);
});
