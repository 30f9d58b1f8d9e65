/** What files say besides their pixels is gone; the pixels are the same, and stand as they stood. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import { decodeImage } from "@/lib/images/decode.ts";
import { readJpegHeader } from "@/lib/images/jpeg_header.ts";
import { withoutMetadata } from "@/lib/images/metadata.ts";
import { sniffImage } from "@/lib/images/sniff.ts";
import { importArchive } from "@/lib/datasets/archive.ts";
import { picture, zipTo } from "../support/archives.ts";
import { sharedTest } from "../support/shared.ts";
import { withStore } from "../support/temporary.ts";

const CANARY = "MUSTERMANN^ERIKA";
const fixture = (name: string) =>
  Deno.readFileSync(new URL(`../fixtures/images/${name}`, import.meta.url));
const holds = (bytes: Uint8Array, text = CANARY) => Buffer.from(bytes).includes(text);

function chunk(type: string, body: string): Uint8Array {
  const data = Buffer.from(type + body, "latin1");
  const out = Buffer.alloc(data.length + 8);
  out.writeUInt32BE(data.length - 4, 0);
  data.copy(out, 4);
  out.writeUInt32BE(crc32(data), data.length + 4);
  return out;
}

/** Texts, EXIF and a chunk of somebody's own before the pixels, more of it behind the end. */
function talkativePng(): Uint8Array<ArrayBuffer> {
  const plain = picture(9, 7);
  return new Uint8Array(Buffer.concat([
    plain.subarray(0, 33),
    chunk("tEXt", `Patient\0${CANARY}`),
    chunk("eXIf", `MM\0*${CANARY}`),
    chunk("abCd", CANARY),
    chunk("gAMA", "\0\0\xb1\x8f"),
    plain.subarray(33),
    Buffer.from(CANARY),
  ]));
}

function segment(marker: number, body: string): Uint8Array {
  const out = Buffer.alloc(4 + body.length);
  out.writeUInt16BE(0xff00 + marker, 0);
  out.writeUInt16BE(body.length + 2, 2);
  out.write(body, 4, "latin1");
  return out;
}

function talkativeJpeg(name: string): Uint8Array<ArrayBuffer> {
  const plain = fixture(name);
  return new Uint8Array(Buffer.concat([
    plain.subarray(0, 2),
    segment(0xe0, `JFIF\0\x01\x01\0\0\x01\0\x01\x10\x01${CANARY.padEnd(48)}`),
    plain.subarray(2, -2),
    segment(0xfe, CANARY),
    segment(0xe1, `http://ns.adobe.com/xap/1.0/\0<x>${CANARY}</x>`),
    segment(0xed, `Photoshop 3.0\0${CANARY}`),
    plain.subarray(-2),
    Buffer.from(CANARY),
  ]));
}

Deno.test("of a PNG what is not needed for its pixels goes", async () => {
  const bytes = talkativePng();
  const clean = withoutMetadata("png", bytes);
  assert.ok(holds(bytes) && !holds(clean));
  assert.ok(holds(clean, "gAMA"));
  assert.deepEqual(await decodeImage(clean), await decodeImage(bytes));
  const plain = picture(9, 7);
  assert.equal(withoutMetadata("png", plain), plain, "the same buffer");
  const cut = bytes.slice(0, 60);
  assert.equal(withoutMetadata("png", cut), cut, "what is damaged is left to the decoder");
});

Deno.test("of a JPEG too, and it stands as it stood", async () => {
  const names = [
    "grey_baseline",
    "grey_progressive",
    "colour_baseline",
    "colour_progressive",
    ...Array.from({ length: 8 }, (_, i) => `orientation_${i + 1}`),
  ];
  for (const name of names) {
    const bytes = talkativeJpeg(`${name}.jpg`);
    const clean = withoutMetadata("jpeg", bytes);
    assert.ok(holds(bytes) && !holds(clean), name);
    assert.equal(readJpegHeader(clean).orientation, readJpegHeader(bytes).orientation, name);
    assert.deepEqual(await decodeImage(clean), await decodeImage(bytes), name);
    assert.deepEqual(withoutMetadata("jpeg", clean), clean, `${name} twice`);
  }
});

Deno.test("names in pictures are nowhere once they are imported", () =>
  withStore(async (store) => {
    const path = await zipTo(`${store.directory}/upload.zip`, {
      "images/a.png": talkativePng(),
      "images/b.jpg": talkativeJpeg("orientation_6.jpg"),
    });
    await importArchive(store, "d", path);
    const { id } = await store.datasets.byName("d");
    for (const image of await store.images.all(id)) {
      assert.ok(!holds(await store.files.read(image.file)), image.name);
    }
  }));

for (const corpus of ["gofuzz/jpeg/corpus", "png-libspng/images", "png-imagers"]) {
  sharedTest(`pixels stay as they are in ${corpus}`, [`badinputs/${corpus}`], async (folder) => {
    let [same, changed] = [0, 0];
    for (const path of filesBelow(folder).slice(0, 300)) {
      const bytes = Deno.readFileSync(path);
      const format = sniffImage(bytes);
      if (format !== "png" && format !== "jpeg") continue;
      const before = await decodeImage(bytes.slice()).catch(() => undefined);
      const clean = withoutMetadata(format, bytes);
      if (before === undefined) continue;
      assert.deepEqual(await decodeImage(clean.slice()), before, path);
      if (clean === bytes) same++;
      else changed++;
    }
    assert.ok(same + changed > 0, `${same} + ${changed}`);
  });
}

function filesBelow(folder: string): string[] {
  return [...Deno.readDirSync(folder)].toSorted((a, b) => a.name < b.name ? -1 : 1).flatMap(
    (entry) =>
      entry.isDirectory
        ? filesBelow(`${folder}/${entry.name}`)
        : entry.isFile
        ? [`${folder}/${entry.name}`]
        : [],
  );
}
