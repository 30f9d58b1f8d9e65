/** What a data set holds, in numbers: labels by parts, sizes, and what may leak from one part to another. */
import { namesIn } from "../findings.js";
import { stepLink } from "../address.js";
import { card, h, table } from "../dom.js";
import { bytes, count as amount, number, percent } from "../format.js";
import { hasGaze, imagesOf } from "../image_list.js";
import { banner, figure, technical } from "../parts.js";

const NONE = "without a label";

export async function show({ set, signal }) {
  const images = await imagesOf(set, signal);
  return [
    card(
      "",
      h(
        "div",
        { class: "figures" },
        figure("Images", number(set.images)),
        figure("Patients", set.patients > 0 ? number(set.patients) : "not told"),
        figure(set.findings ? "Findings" : "Labels", number(namesIn(set).length)),
        figure(
          "With gaze",
          percent(set.gaze.coverage),
          `${number(set.gaze.images)} of ${number(set.images)}`,
        ),
        figure("Pictures", bytes(set.bytes)),
      ),
    ),
    leaks(set, images),
    h(
      "div",
      { class: "grid two" },
      set.findings
        ? card("Images by finding", byFinding(set))
        : card("Images by label and part", byLabel(set, images)),
      card("Pictures", pictures(set)),
    ),
    technical([
      ["Id", set.id],
      ["Names of files and patients", set.names === "hash" ? "keyed hashes" : "as they were sent"],
      ["Digest", set.digest],
      ["Uploaded", set.created_at],
    ]),
  ];
}

/** Of a multi-label set. */
function byFinding({ name, findings }) {
  const of = (field) => ([, counts]) => number(counts[field]);
  return table(
    [
      { head: "Finding", cell: ([finding]) => finding },
      {
        head: "Present",
        cell: ([finding, { present }]) =>
          h("a", { href: stepLink(name, "data", { label: finding }) }, number(present)),
        number: true,
      },
      { head: "Absent", cell: of("absent"), number: true },
      { head: "Not known", cell: of("unknown"), number: true },
    ],
    Object.entries(findings),
    { label: "Images by finding" },
  );
}

/** Rows: labels; columns: the parts that the set itself marks, and all. A count opens its images. */
function byLabel({ name, labels, splits, unlabelled }, images) {
  const parts = ["train", "validation", "test"].filter((part) => part in splits);
  const counts = new Map();
  for (const image of images) {
    const { label, split } = image;
    const row = counts.get(label ?? NONE) ?? { all: 0, gaze: 0 };
    row.all++;
    if (hasGaze(image)) row.gaze++;
    if (split) row[split] = (row[split] ?? 0) + 1;
    counts.set(label ?? NONE, row);
  }
  const query = (label) => label === NONE ? { unlabelled: 1 } : { label };
  const open = (label, count, more = {}) =>
    count
      ? h("a", { href: stepLink(name, "data", { ...query(label), ...more }) }, number(count))
      : "0";
  const rows = [...Object.keys(labels), ...(unlabelled > 0 ? [NONE] : [])];
  const share = (label) => percent(counts.get(label)?.all / images.length);
  return [
    table(
      [
        { head: "Label", cell: (label) => label },
        { head: "Images", cell: (label) => open(label, counts.get(label)?.all), number: true },
        { head: "Share", cell: share, number: true, optional: true },
        ...parts.map((split) => ({
          head: split,
          cell: (label) => open(label, counts.get(label)?.[split], { split }),
          number: true,
        })),
        {
          head: "With gaze",
          cell: (label) => open(label, counts.get(label)?.gaze, { gaze: "some" }),
          number: true,
        },
      ],
      rows,
      { label: "Images by label and part" },
    ),
    parts.length === 0 && h(
      "p",
      { class: "hint" },
      "The set marks no parts: each training draws its own, by patients, from its seed.",
    ),
  ];
}

function pictures({ sizes, kinds, structured, positive_label, heatmaps }) {
  const range = ([low, high]) => low === high ? number(low) : `${number(low)} to ${number(high)}`;
  const kind = (text) => {
    const [channels, bits] = text.split(" x ");
    return `${channels === "1" ? "grey" : "colour"}, ${bits} bit`;
  };
  const entries = [
    ["Width", sizes && `${range(sizes.width)} px`],
    ["Height", sizes && `${range(sizes.height)} px`],
    ...Object.entries(kinds).map(([text, count]) => [kind(text), amount(count, "image")]),
    ["Ready-made maps", heatmaps > 0 && number(heatmaps)],
    ["One scene", structured ? "yes: places compare directly" : "no: each picture is its own"],
    ["Positive label", positive_label],
  ];
  return h(
    "dl",
    { class: "facts" },
    entries.filter(([, value]) => value).map(([name, value]) =>
      h("div", {}, h("dt", {}, name), h("dd", {}, value))
    ),
  );
}

/** What would make a test easier than it should be; that a patient stands in two parts is refused at the import. */
function leaks({ name, patients, splits }, images) {
  const without = images.filter(({ patient }) => patient === null).length;
  if (patients === 0) {
    return banner(
      "warn",
      "This may leak: no patient is told",
      "Images of one person can stand on both sides of a split, and figures then look better than " +
        "they are. Add a column “patient” to labels.csv.",
    );
  }
  if (without > 0) {
    return banner(
      "warn",
      `This may leak: ${amount(without, "image")} without a patient`,
      "Each of them counts as a person of its own.",
    );
  }
  return banner(
    "good",
    "No leak is known",
    Object.keys(splits).length > 0 ? "No patient stands in more than one of the marked parts." : h(
      "span",
      {},
      "Every image names its ",
      h("a", { href: stepLink(name, "data", { sort: "patient" }) }, "patient"),
      "; trainings split by patients.",
    ),
  );
}
