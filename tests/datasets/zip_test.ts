import assert from "node:assert/strict";
import { crc32, deflateRawSync } from "node:zlib";
import { InvalidInput } from "@/lib/errors.ts";
import { defaultLimits } from "@/lib/datasets/limits.ts";
import { openZip } from "@/lib/datasets/zip.ts";
import { writeZip, type ZipFile } from "@/lib/datasets/zip_writer.ts";
import { sharedTest } from "../support/shared.ts";
import { withDirectory } from "../support/temporary.ts";

const text = (value: string) => new TextEncoder().encode(value);

async function written(path: string, files: ZipFile[]): Promise<Uint8Array<ArrayBuffer>> {
  await Deno.writeFile(path, ReadableStream.from(writeZip(ReadableStream.from(files))));
  return Deno.readFileSync(path);
}

/** Opens and reads every file. */
async function readAll(path: string, limits = {}) {
  const zip = await openZip(path, { ...defaultLimits, ...limits });
  try {
    const files: [string, Uint8Array][] = [];
    for (const name of zip.names) files.push([name, await zip.read(name)]);
    return files;
  } finally {
    zip.close();
  }
}

/** An archive of one deflated file whose headers may lie. */
function deflated(name: string, data: Uint8Array, claim = data.length, checksum = crc32(data)) {
  const body = deflateRawSync(data, { level: 9 });
  const nameBytes = text(name);
  const header = (size: number) => new DataView(new ArrayBuffer(size));
  const sizes = (view: DataView, at: number) => {
    view.setUint16(at, 20, true);
    view.setUint16(at + 4, 8, true);
    view.setUint32(at + 10, checksum, true);
    view.setUint32(at + 14, body.length, true);
    view.setUint32(at + 18, claim, true);
    view.setUint16(at + 22, nameBytes.length, true);
  };
  const local = header(30), central = header(46), end = header(22);
  local.setUint32(0, 0x04034b50, true);
  sizes(local, 4);
  central.setUint32(0, 0x02014b50, true);
  central.setUint16(4, 20, true);
  sizes(central, 6);
  const offset = 30 + nameBytes.length + body.length;
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(8, 1, true);
  end.setUint16(10, 1, true);
  end.setUint32(12, 46 + nameBytes.length, true);
  end.setUint32(16, offset, true);
  return new Uint8Array([
    ...new Uint8Array(local.buffer),
    ...nameBytes,
    ...body,
    ...new Uint8Array(central.buffer),
    ...nameBytes,
    ...new Uint8Array(end.buffer),
  ]);
}

/** Checks that an archive is refused with a message. */
const refused = (bytes: Uint8Array, message: RegExp, limits = {}) =>
  withDirectory(async (directory) => {
    const path = `${directory}/x.zip`;
    Deno.writeFileSync(path, bytes);
    await assert.rejects(readAll(path, limits), (error) => {
      assert(error instanceof InvalidInput, String(error));
      assert.match(error.message, message);
      return true;
    });
  });

Deno.test("what is written is read", () =>
  withDirectory(async (directory) => {
    const files = [
      { name: "images/ü/1.png", data: text("one") },
      { name: "empty", data: new Uint8Array(0) },
      { name: "large", data: new Uint8Array(300_000).fill(7) },
    ];
    await written(`${directory}/x.zip`, files);
    const read = await readAll(`${directory}/x.zip`);
    assert.deepEqual(read, files.map(({ name, data }) => [name, data]));
    await written(`${directory}/none.zip`, []);
    assert.deepEqual(await readAll(`${directory}/none.zip`), []);
  }));

Deno.test("more files than a plain ZIP can count are all read, as are as many as it just can", () =>
  withDirectory(async (directory) => {
    for (const count of [65_535, 70_000]) {
      const path = `${directory}/${count}.zip`;
      const files = Array.from({ length: count }, (_, i) => ({
        name: `images/${i}`,
        data: text(String(i)),
      }));
      await written(path, files);
      const zip = await openZip(path, defaultLimits);
      try {
        assert.equal(zip.names.length, count);
        const last = `images/${count - 1}`;
        assert.equal(new TextDecoder().decode(await zip.read(last)), String(count - 1));
      } finally {
        zip.close();
      }
    }
  }));

Deno.test("a bomb is stopped by the bytes that come out, whatever its headers claim", async () => {
  const zeros = new Uint8Array(20 * 2 ** 20);
  await refused(deflated("bomb", zeros), /expands more than 200 times/);
  await refused(deflated("bomb", zeros), /larger than 1000000 bytes/, {
    entryBytes: 1e6,
    ratio: 1e9,
  });
  await refused(deflated("forged", zeros, 100), /more bytes than it claims/);
  await refused(deflated("forged", zeros, 2 ** 31), /larger than/);
  await refused(deflated("forged", text("hello"), 900_000), /not as long as it claims/);
  await refused(deflated("many", zeros), /together exceed/, { totalBytes: 2 ** 20 });
});

Deno.test("damage is found by the checksum", async () => {
  await refused(deflated("x", text("hello"), 5, 1234), /checksum of "x" is wrong/);
});

Deno.test("overlapping, repeated, linked, escaping and encrypted entries are refused", () =>
  withDirectory(async (directory) => {
    const make = () =>
      written(`${directory}/x.zip`, [
        { name: "a", data: text("aaaa") },
        { name: "b", data: text("bbbb") },
      ]);
    const central = (bytes: Uint8Array, nth: number) => {
      for (let i = 0, found = 0; i < bytes.length; i++) {
        const is = bytes[i] === 0x50 && bytes[i + 1] === 0x4b && bytes[i + 2] === 1;
        if (is && found++ === nth) return { at: i, view: new DataView(bytes.buffer) };
      }
      throw new Error("no such entry");
    };
    const overlap = await make();
    const second = central(overlap, 1);
    second.view.setUint32(second.at + 42, 0, true);
    await refused(overlap, /overlaps with another/);

    const link = await make();
    const first = central(link, 0);
    first.view.setUint16(first.at + 4, (3 << 8) | 20, true);
    first.view.setUint32(first.at + 38, (0o120777 << 16) >>> 0, true);
    await refused(link, /link or a device/);

    const encrypted = deflated("x", text("hello"));
    const flagged = central(encrypted, 0);
    flagged.view.setUint16(flagged.at + 8, 1, true);
    await refused(encrypted, /encrypted/);

    const data = text("x");
    const twice = [{ name: "a", data }, { name: "a", data }];
    await refused(await written(`${directory}/x.zip`, twice), /twice/);
    for (const name of ["../x", "/x", "a/../../x", "C:/x", "..\\x"]) {
      await refused(await written(`${directory}/x.zip`, [{ name, data }]), /path|characters/);
    }
    await refused(
      await written(`${directory}/x.zip`, [{ name: "a\nb", data }]),
      /control characters/,
    );
    await refused(await make(), /more than the allowed 1/, { entries: 1 });
  }));

Deno.test("every prefix of an archive is refused", () =>
  withDirectory(async (directory) => {
    const whole = await written(`${directory}/x.zip`, [{ name: "a", data: text("hello") }]);
    for (let length = 0; length < whole.length; length++) {
      Deno.writeFileSync(`${directory}/x.zip`, whole.subarray(0, length));
      await assert.rejects(readAll(`${directory}/x.zip`), InvalidInput, `${length} bytes`);
    }
  }));

for (const corpus of ["zip-libzip/data", "zip-yauzl/failure", "zip-rs", "gofuzz/zip"]) {
  sharedTest(
    `hostile archives are refused or read: ${corpus}`,
    [`badinputs/${corpus}`],
    async (path) => {
      const folders = [path];
      let files = 0;
      for (const folder of folders) {
        for (const { name, isDirectory } of Deno.readDirSync(folder)) {
          if (isDirectory) {
            folders.push(`${folder}/${name}`);
            continue;
          }
          files++;
          const started = performance.now();
          try {
            await readAll(`${folder}/${name}`);
          } catch (error) {
            assert(error instanceof InvalidInput, `${name}: ${error}`);
          }
          assert(performance.now() - started < 2000, name);
        }
      }
      assert(files > 20);
    },
  );
}

Deno.test("a file that is no archive is told by what it looks like", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/x.zip`;
    const whole = await written(path, [{ name: "a.txt", data: text("a".repeat(2000)) }]);
    const tar = new Uint8Array(600);
    tar.set(text("ustar"), 257);
    const cases: [Uint8Array, RegExp][] = [
      [new Uint8Array(), /it is empty/],
      [whole.subarray(0, 900), /a ZIP archive that is cut off/],
      [new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0]), /PNG picture.*PUT/],
      [new Uint8Array([0x1f, 0x8b, 8, 0]), /gzip; pack/],
      [tar, /a tar archive/],
      [text("image,label\na,b\n"), /looks like text; tables go into the archive/],
      [text(' {"a": 1}'), /looks like JSON/],
      [text("<!DOCTYPE html><html>"), /HTML/],
      [text("--abc\r\nContent-Disposition: form-data"), /a form; send it with the type/],
      [new Uint8Array([1, 2, 3, 4]), /nothing that is known here/],
    ];
    for (const [bytes, message] of cases) {
      Deno.writeFileSync(path, bytes);
      await assert.rejects(openZip(path, defaultLimits), (error) => {
        assert.ok(error instanceof InvalidInput);
        assert.match(error.message, /^Cannot read the archive: it /);
        assert.match(error.message, message);
        return true;
      });
    }
  }));
