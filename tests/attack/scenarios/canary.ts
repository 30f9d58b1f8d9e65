/**
 * Names of people in every place that a file has for one: found in no answer, no log and no stored file, neither
 * while the data set is there nor after it was deleted. Names of images and patients are the caller's own words:
 * they are answered, and gone once they are deleted.
 */
import { deflateSync } from "node:zlib";
import { crc32 } from "node:zlib";
import { picture, zipOf } from "../../support/archives.ts";
import { bytes as ascii } from "../../support/dicom_file.ts";
import { root } from "../../support/imports.ts";
import { type Bytes, joined, plainDicom } from "../inputs.ts";
import { type Attempt, type Scenario } from "../scenario.ts";
import { pause, type Victim, withVictim } from "../victim.ts";

export const canary: Scenario = {
  unit: "planted names",
  promise: "of people, in files of every kind, are found nowhere afterwards",
  run: (attempt) => withVictim((victim) => plant(attempt, victim)),
};

/** Names by what they are planted in; `kept` ones may be answered until they are deleted. */
class Planted {
  readonly places = new Map<string, { place: string; kept: boolean }>();

  name(place: string, kept = false): string {
    const name = `Qzcanary${String(this.places.size + 100)}`;
    this.places.set(name, { place, kept });
    return name;
  }

  /** Those found in the bytes. */
  in(bytes: Uint8Array): string[] {
    const text = new TextDecoder("latin1").decode(bytes);
    return [...new Set([...text.matchAll(/Qzcanary\d{3}/gi)].map(([name]) => name))]
      .map((name) => name[0].toUpperCase() + name.slice(1).toLowerCase());
  }
}

const encoder = new TextEncoder();
const text = (value: string): Bytes => encoder.encode(value);

/** A DICOM file whose every field that may hold a name holds one. */
function dicom(planted: Planted, burned = "NO"): Bytes {
  const pn = (place: string) => ascii(planted.name(`DICOM ${place}`));
  const elements = {
    "00080050 SH": pn("accession number"),
    "00080080 LO": pn("institution"),
    "00080081 ST": pn("address"),
    "00080090 PN": pn("referring physician"),
    "00081010 SH": pn("station"),
    "00081030 LO": pn("study description"),
    "0008103e LO": pn("series description"),
    "00081048 PN": pn("physician of record"),
    "00081070 PN": pn("operator"),
    "00081140 SQ": { items: [{ "00100010 PN": pn("name in a sequence") }] },
    "00090010 LO": pn("private creator"),
    "00091001 UN": pn("private value"),
    "00100010 PN": pn("name"),
    "00100020 LO": pn("id"),
    "00101001 PN": pn("other names"),
    "00101040 LO": pn("patient's address"),
    "001021b0 LT": pn("history"),
    "00104000 LT": pn("comments"),
    "00181030 LO": pn("protocol"),
    "00204000 LT": pn("image comments"),
    "00280301 CS": ascii(burned),
    "00281055 LO": pn("explanation of the window"),
    "0040a123 PN": pn("person in a report"),
    "60001500 LO": pn("overlay's label"),
  };
  const file = plainDicom(elements as Parameters<typeof plainDicom>[0]);
  file.set(text(planted.name("DICOM preamble")), 0);
  return joined([file, text(planted.name("DICOM after its end"))]);
}

function png(planted: Planted): Bytes {
  const chunk = (type: string, body: Uint8Array) => {
    const out = joined([new Uint8Array(4), text(type), body, new Uint8Array(4)]);
    const view = new DataView(out.buffer);
    view.setUint32(0, body.length);
    view.setUint32(out.length - 4, crc32(out.subarray(4, -4)));
    return out;
  };
  const good = picture(32, 32, 3);
  const name = (place: string) => text(planted.name(`PNG ${place}`));
  return joined([
    good.subarray(0, 33),
    chunk("tEXt", joined([text("Patient\0"), name("text")])),
    chunk("zTXt", joined([text("Patient\0\0"), deflateSync(name("packed text"))])),
    chunk("iTXt", joined([text("XML:com.adobe.xmp\0\0\0\0\0"), name("XMP")])),
    chunk("eXIf", joined([text("II*\0"), name("EXIF")])),
    good.subarray(33),
    name("after its end"),
  ]);
}

function jpeg(planted: Planted): Bytes {
  const good = Deno.readFileSync(`${root}tests/fixtures/images/grey_baseline.jpg`);
  const name = (place: string) => text(planted.name(`JPEG ${place}`));
  const segment = (marker: number, body: Uint8Array) =>
    joined([new Uint8Array([0xff, marker, (body.length + 2) >> 8, (body.length + 2) & 255]), body]);
  return joined([
    good.subarray(0, 2),
    segment(0xfe, name("comment")),
    segment(0xe1, joined([text("Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"), name("EXIF")])),
    segment(0xed, joined([text("Photoshop 3.0\0"), name("IPTC")])),
    good.subarray(2),
    name("after its end"),
  ]);
}

async function plant(attempt: Attempt, victim: Victim): Promise<void> {
  const planted = new Planted();
  /** What was answered, with what was asked. */
  const answers: { what: string; bytes: Uint8Array }[] = [];
  const call = async (method: string, path: string, body?: Bytes | string, type?: string) => {
    const answer = await victim.fetch(path, {
      method,
      body,
      headers: type ? { "content-type": type } : {},
    });
    const head = [...answer.headers].map((pair) => pair.join(": ")).join("\n");
    const bytes = await answer.bytes();
    answers.push({ what: `${method} ${path}`.slice(0, 50), bytes: joined([text(head), bytes]) });
    return { status: answer.status, bytes };
  };
  const image = (name: string, body: Bytes) => call("PUT", `/v1/datasets/a/images/${name}`, body);
  await image("plain", picture(32, 32));
  await image("d1", dicom(planted));
  await image("burned", dicom(planted, "YES"));
  await image("cut", dicom(planted).slice(0, 900));
  await image("p1", png(planted));
  await image("j1", jpeg(planted));
  const patient = planted.name("patient of labels.csv", true);
  const named = planted.name("file name of a picture in a ZIP", true);
  await call(
    "PUT",
    "/v1/datasets/b",
    await zipOf({
      "images/ok.png": picture(32, 32),
      [`images/${named}.png`]: picture(32, 32, 4),
      "labels.csv": `image,label,patient\nok,benign,${patient}\n${named},malignant,x\n`,
      "gaze/a.csv":
        `image,reader,x,y,duration_ms\nok,${planted.name("reader of a CSV")},3,4,200\n` +
        `ok,Dr. ${planted.name("reader with a title")},9,9,200\n`,
    }),
  );
  const tobii = "Recording timestamp\tParticipant name\tRecording name\tProject name\t" +
    "Gaze point X [MCS px]\tGaze point Y [MCS px]\tPresented Media name\tEye movement type\n";
  const [who, recording, project] = ["participant", "recording", "project"]
    .map((place) => planted.name(`Tobii ${place}`));
  const rows = Array.from(
    { length: 60 },
    (_, i) => `${i * 8}\t${who}\t${recording}\t${project}\t10\t12\tplain.png\tFixation\n`,
  );
  await call("POST", "/v1/datasets/a/gaze?image=plain", tobii + rows.join(""), "text/plain");
  const query = planted.name("reader of a query");
  const asc = `** CONVERTED FROM ${planted.name("EyeLink path")}.edf\n` +
    `** SUBJECT: ${planted.name("EyeLink subject")}\nMSG 1 DISPLAY_COORDS 0 0 31 31\n` +
    `MSG 1 !V IMGLOAD FILL plain.png\nMSG 2 SUBJECT ${planted.name("EyeLink message")}\n` +
    "START 1 RIGHT EVENTS\nEFIX R 10 200 190 10.0 11.0 500\nEFIX R 220 400 180 20.0 21.0 500\n" +
    "END 700 EVENTS\n";
  await call(
    "POST",
    `/v1/datasets/a/gaze?image=plain&reader=${query}&image_pattern=IMGLOAD%20*%20%7Bimage%7D`,
    asc,
    "text/plain",
  );
  for (
    const path of [
      ...["/v1/datasets", "/v1/datasets/a", "/v1/datasets/b", "/v1/datasets/a/images"],
      ...["/v1/datasets/b/images", "/v1/datasets/a/gaze", "/v1/datasets/b/gaze", "/v1/jobs"],
      ...["/v1/datasets/a/report", "/v1/datasets/b/report", "/v1/datasets/b/images/ok/gaze"],
      ...["p1", "j1", "d1"].map((name) => `/v1/datasets/a/images/${name}/image.png`),
      ...["/v1/datasets/a/archive", "/v1/datasets/b/archive", "/metrics"],
    ]
  ) await call("GET", path);
  attempt.tried(planted.places.size);

  const told = (name: string, where: string, forgiven: boolean) => {
    const { place, kept } = planted.places.get(name) ?? { place: name, kept: false };
    if (kept && forgiven) return;
    attempt.harm(`${place}: found in ${where}`);
  };
  for (const { what, bytes } of answers) {
    for (const name of planted.in(bytes)) told(name, `the answer to ${what}`, true);
  }
  const search = (when: string, forgiven: boolean) => {
    for (const file of filesBelow(victim.data)) {
      for (const name of planted.in(Deno.readFileSync(file))) {
        told(
          name,
          `${file.slice(victim.data.length + 1, victim.data.length + 20)} ${when}`,
          forgiven,
        );
      }
    }
    for (const name of planted.in(text(victim.log))) told(name, `the log ${when}`, false);
  };
  search("while the data sets exist", true);
  for (const name of ["a", "b"]) await call("DELETE", `/v1/datasets/${name}`);
  // The database's log is emptied soon after, not with it.
  await pause(3_000);
  search("after their deletion", false);
  await victim.end();
  search("after the server's end", false);
}

function* filesBelow(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* filesBelow(`${folder}/${name}`);
    else yield `${folder}/${name}`;
  }
}
