/** Which frame and which window of a DICOM picture is taken, over HTTP. */
import assert from "node:assert/strict";
import { decodeImage } from "@/lib/images/decode.ts";
import { picture, zipOf } from "../support/archives.ts";
import { bytes, dicomFile, pixelElements, u16, type Value } from "../support/dicom_file.ts";
import { fixtureFile } from "../support/codec_fixtures.ts";
import { withServer } from "../support/server.ts";

const width = 32, height = 16;
/** Two frames, 0 to 1022 and its reverse, shown from 0 to 101 by their own window. */
const values = Array.from({ length: width * height }, (_, i) => i * 2);
const dicom = (more: Record<string, Value> = {}) =>
  new Uint8Array(dicomFile({
    ...pixelElements({ width, height, stored: 12 }),
    "00280008 IS": bytes("2"),
    "00281050 DS": bytes("50.5"),
    "00281051 DS": bytes("101"),
    "7fe00010 OW": u16(...values, ...values.toReversed()),
    ...more,
  }));
const burned = dicom({ "00280301 CS": bytes("YES") });
const shown = (map: (value: number) => number, of = values) =>
  of.map((value) => Math.round(65535 * Math.min(1, Math.max(0, map(value)))));
/** To within one level, as both round; more where a window has spread what was rounded. */
function same(found: { data: ArrayLike<number> }, expected: number[], within = 1): void {
  assert.equal(found.data.length, expected.length);
  expected.forEach((value, i) => {
    assert(Math.abs(found.data[i] - value) <= within, `${found.data[i]} for ${value} at ${i}`);
  });
}
const ownWindow = shown((value) => value / 100);
const fullRange = shown((value) => value / 1022);

Deno.test("frames, windows and burned-in annotations over HTTP", async (t) => {
  await withServer(async (server) => {
    const files = { "images/a.dcm": dicom(), "labels.csv": "image,label\na,x\n" };
    const putSet = async (query: string, more: Record<string, string | Uint8Array> = {}) => {
      const body = await zipOf({ ...files, ...more });
      const response = await server.fetch(`/v1/datasets/set${query}`, { method: "PUT", body });
      return { status: response.status, text: await response.text() };
    };
    const put = async (query: string, body: BodyInit) => {
      const path = `/v1/datasets/set/images/one${query}`;
      const response = await server.fetch(path, { method: "PUT", body });
      return { status: response.status, text: await response.text() };
    };
    const stored = async (name: string, query = "") => {
      const path = `/v1/datasets/set/images/${name}/image.png${query}`;
      const response = await server.fetch(path);
      assert.equal(response.status, 200, path);
      return await decodeImage(await response.bytes());
    };

    await t.step("an archive: the file's window and first frame, and that is said", async () => {
      const { status, text } = await putSet("");
      assert.equal(status, 201, text);
      const { warnings } = JSON.parse(text);
      assert.match(warnings[0].file, /^images\/dcm_[0-9a-f]{16}\.dcm$/);
      assert.equal(
        warnings[0].message,
        'The first of 2 frames is taken; another one with "frame", from 0',
      );
      assert.match(warnings[1].message, /^No patient is known/);
      same(await stored("a"), ownWindow);
    });

    await t.step("an archive: by dataset.json, and by the query before it", async () => {
      const json = { "dataset.json": JSON.stringify({ voi: "full", frame: 1 }) };
      assert.equal((await putSet("", json)).status, 201);
      same(await stored("a"), fullRange.toReversed());
      assert.equal((await putSet("?frame=0", json)).status, 201);
      same(await stored("a"), fullRange);
      assert.equal((await putSet("?window=200.5,401")).status, 201);
      same(await stored("a"), shown((value) => value / 400));
    });

    await t.step("an archive: what cannot be used is refused or told", async () => {
      const refused = async (query: string, message: RegExp, more = {}) => {
        const { status, text } = await putSet(query, more);
        assert(status === 400 || status === 422, text);
        assert.match(text, message);
      };
      await refused("?frame=2", /it has 2 frames.*there is no frame 2/);
      await refused("?voi=full&window=1,2", /both a window and/);
      await refused("?window=1", /CENTRE,WIDTH/);
      await refused("", /voi/, { "dataset.json": '{"voi": "all"}' });
      await refused("", /Burned In Annotation.*force/, { "images/a.dcm": burned });
      const forced = await putSet("?force=true", { "images/a.dcm": burned });
      assert.equal(forced.status, 201, forced.text);
      const png = await zipOf({ "images/a.png": picture(32, 16) });
      const response = await server.fetch("/v1/datasets/set?voi=full", {
        method: "PUT",
        body: png,
      });
      assert.match(await response.text(), /Not used: frame, window, voi and force/);
    });

    await t.step("one image: frame, window, full range, force", async () => {
      assert.equal((await put("", dicom())).status, 201);
      same(await stored("one"), ownWindow);
      const second = await put("?frame=1&voi=full", dicom());
      assert.equal(second.status, 200, second.text);
      assert.deepEqual(JSON.parse(second.text).warnings, []);
      same(await stored("one"), fullRange.toReversed());
      const { status, text } = await put("", burned);
      assert.equal(status, 422);
      assert.match(text, /Burned In Annotation/);
      assert.equal((await put("?force=true", burned)).status, 200);
      assert.match((await put("?voi=full", picture(32, 16))).text, /they are for DICOM files/);
    });

    await t.step("every codec works under the server's few permissions", async () => {
      for (const name of ["jpeg_2000_16", "jpeg_ls_12", "htj2k_16", "jpeg_ybr_422", "rle_16"]) {
        const { status, text } = await put("", Deno.readFileSync(fixtureFile(name)));
        assert.equal(status < 300, true, `${name}: ${text}`);
      }
    });

    await t.step("the picture of a stored image: window, full range, size, frame", async () => {
      await put("?window=2000.5,4001", dicom());
      const grey = shown((value) => value / 4000);
      same(await stored("one"), grey);
      same(await stored("one", "?frame=0"), grey);
      const most = Math.max(...grey);
      same(await stored("one", "?voi=full"), shown((value) => value / most, grey), 8);
      same(await stored("one", "?window=5000.5,10001"), shown((value) => value / 10000, grey), 8);
      const small = await stored("one", "?size=16");
      assert.deepEqual([small.width, small.height, small.bits], [16, 8, 16]);
      const path = "/v1/datasets/set/images/one/image.png?frame=1";
      const response = await server.fetch(path);
      assert.equal(response.status, 422);
      assert.match(await response.text(), /one frame is kept.*Put the image in again/);
    });

    await t.step("the layers of a picture are shown alike, whatever is asked for", async () => {
      const body = await zipOf({
        "images/a.dcm": dicom(),
        "labels.csv": "image,label\na,x\n",
        "gaze/f.csv": "image,reader,x,y,duration_ms\na,r,31,15,1\n",
      });
      await (await server.fetch("/v1/datasets/layers", { method: "PUT", body })).body?.cancel();
      const layer = async (name: string, query: string) => {
        const response = await server.fetch(`/v1/datasets/layers/images/a/${name}.png${query}`);
        assert.equal(response.status, 200, `${name}${query}`);
        return await decodeImage(await response.bytes());
      };
      for (const query of ["?window=30000,20000", "?voi=full", "?voi=file"]) {
        const plain = await layer("image", `${query}&bits=8`);
        assert.equal(plain.bits, 8);
        const wide = await layer("image", query);
        assert.equal(wide.bits, 16);
        wide.data.forEach((value, i) => assert.equal(plain.data[i], Math.round(value / 257)));
        // The one fixation is in a corner; the other end of the picture has no gaze on it.
        const drawn = await layer("scanpath", query);
        for (let y = 0; y < 4; y++) {
          for (let x = 0; x < 8; x++) {
            const at = y * width + x;
            assert.ok(Math.abs(drawn.data[at * 3] - plain.data[at]) <= 1, `${query} at ${x}, ${y}`);
          }
        }
      }
    });
  });
});
