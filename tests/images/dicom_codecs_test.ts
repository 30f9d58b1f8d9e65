/** Compressed pixels beside the encoders and decoders of DCMTK and GDCM, where these are installed. */
import assert from "node:assert/strict";
import { decodeDicom } from "@/lib/images/dicom.ts";
import { dicomFile, pixelElements, type PixelForm, u16 } from "../support/dicom_file.ts";
import { encodeLossless } from "../support/lossless_jpeg.ts";
import { programTest, run } from "../support/programs.ts";

/** Steps, slopes and noise of `stored` bits: [height, width, samples]. */
function pixels({ width, height, samples = 1, allocated = 16, stored = allocated }: PixelForm) {
  const most = 2 ** stored - 1;
  const out = new Uint16Array(width * height * samples);
  let state = stored * 77 + samples;
  for (let i = 0; i < out.length; i++) {
    state = Math.imul(state, 1664525) + 1013904223 | 0;
    const x = Math.floor(i / samples) % width, noise = state >>> 12;
    const slope = Math.floor(most * (x + i % samples * 5) / (width + 10));
    out[i] = noise % 7 === 0
      ? noise & most
      : noise % 31 === 1
      ? most
      : noise % 31 === 2
      ? 0
      : slope;
  }
  return out;
}

function fileOf(form: PixelForm, values: Uint16Array): Uint8Array {
  const wide = (form.allocated ?? 16) === 16;
  return dicomFile({
    ...pixelElements(form),
    "7fe00010 OW": wide ? u16(...values) : [...values],
  });
}

const grey = (stored: number, signed = false): PixelForm => ({
  width: 37,
  height: 29,
  allocated: stored > 8 ? 16 : 8,
  stored,
  signed,
});
const colour = (photometric = "RGB"): PixelForm => ({
  width: 38,
  height: 29,
  samples: 3,
  allocated: 8,
  photometric,
});

/** Compresses a picture with a program; what we decode must be what we read from the original. */
function same(folder: string, programs: string[], forms: PixelForm[], ways: string[][]) {
  programTest(folder, programs, async (place) => {
    let compared = 0;
    for (const form of forms) {
      const plain = fileOf(form, pixels(form));
      Deno.writeFileSync(`${place}/plain.dcm`, plain);
      const original = await decodeDicom(plain);
      for (const [program, ...options] of ways) {
        const label = `${program} ${options.join(" ")} ${JSON.stringify(form)}`;
        // What a program does not take is not compared.
        if (!run(program, ...options, `${place}/plain.dcm`, `${place}/small.dcm`)) continue;
        const decoded = await decodeDicom(Deno.readFileSync(`${place}/small.dcm`));
        assert.deepEqual([decoded.width, decoded.bits], [original.width, original.bits], label);
        let differ = 0;
        decoded.data.forEach((value, i) => differ += value === original.data[i] ? 0 : 1);
        assert.equal(differ, 0, `${differ} samples differ: ${label}`);
        compared++;
      }
    }
    assert(compared >= forms.length * ways.length / 2, `only ${compared} were compared`);
  });
}

const depths = [8, 9, 10, 12, 14, 16];
const greys = depths.flatMap((stored) => [grey(stored), grey(stored, true)]);

same("lossless JPEG by DCMTK, every selection value", ["dcmcjpeg"], [...greys, colour()], [
  ...[1, 2, 3, 4, 5, 6, 7].map((value) => ["dcmcjpeg", "+el", "+sv", String(value)]),
  ["dcmcjpeg", "+e1"],
]);
same("lossless JPEG by GDCM", ["gdcmconv"], [...greys, colour()], [["gdcmconv", "--jpeg"]]);
same("JPEG-LS by DCMTK, every interleave", ["dcmcjpls"], [...greys, colour(), colour("YBR_FULL")], [
  ["dcmcjpls", "+il"],
  ["dcmcjpls", "+is"],
  ["dcmcjpls", "+in"],
]);
same("JPEG-LS by GDCM", ["gdcmconv"], [...greys, colour()], [["gdcmconv", "--jpegls"]]);
same("JPEG 2000 by GDCM, grey and colour", ["gdcmconv"], [...greys, colour(), colour("YBR_FULL")], [
  ["gdcmconv", "--j2k"],
  ["gdcmconv", "--j2k", "--tile", "16,16"],
]);
same("RLE by DCMTK and GDCM, 8 and 16 bits, colour", ["dcmcrle", "gdcmconv"], [
  ...greys,
  colour(),
  colour("YBR_FULL"),
], [["dcmcrle"], ["gdcmconv", "--rle"]]);

programTest("lossy JPEG by DCMTK: as DCMTK decodes it, to within its rounding", [
  "dcmcjpeg",
  "dcmdjpeg",
], async (place) => {
  const ways: [PixelForm, string[], number][] = [
    [grey(8), ["+eb", "+q", "90"], 1],
    [grey(12), ["+ee", "+q", "90"], 1],
    [colour(), ["+eb", "+q", "90", "+s4"], 3],
    [colour(), ["+eb", "+q", "90", "+s2"], 3],
    [colour(), ["+ep", "+q", "90", "+s4"], 3],
  ];
  for (const [form, options, within] of ways) {
    const label = options.join(" ");
    Deno.writeFileSync(`${place}/plain.dcm`, fileOf(form, pixels(form)));
    assert(run("dcmcjpeg", ...options, `${place}/plain.dcm`, `${place}/small.dcm`), label);
    assert(run("dcmdjpeg", `${place}/small.dcm`, `${place}/theirs.dcm`), label);
    // Stored values, so that windows take no part.
    const most = 2 ** form.stored! - 1 || 255;
    const view = form.samples === 3
      ? {}
      : { window: [most / 2 + 0.5, most + 1] as [number, number] };
    const [ours, theirs] = await Promise.all(
      ["small", "theirs"].map((name) =>
        decodeDicom(Deno.readFileSync(`${place}/${name}.dcm`), view)
      ),
    );
    const unit = form.samples === 3 ? 1 : 65535 / most;
    let worst = 0;
    ours.data.forEach((value, i) =>
      worst = Math.max(worst, Math.abs(value - theirs.data[i]) / unit)
    );
    assert(worst <= within + 0.5, `${label}: off by ${worst}`);
  }
});

programTest("our lossless JPEG is read by GDCM as by us", ["gdcmconv"], async (folder) => {
  let compared = 0;
  const ways = [{}, { restartRows: 2 }, { restartRows: 1, short: true }];
  const all = Deno.env.has("PROPERTY_RUNS");
  for (let predictor = 1; predictor <= 7; predictor++) {
    for (let precision = 2; precision <= 16; precision++) {
      for (const more of all ? ways : [ways[(predictor + precision) % ways.length]]) {
        const form = { ...grey(precision), precision, predictor, ...more };
        const values = pixels(form);
        const compressed = dicomFile({
          ...pixelElements(form),
          "7fe00010 OB": { fragments: [encodeLossless(values, form)] },
        }, ".4.57");
        const ours = await decodeDicom(compressed);
        const original = await decodeDicom(fileOf(form, values));
        assert.deepEqual(ours.data, original.data, JSON.stringify(form));
        Deno.writeFileSync(`${folder}/small.dcm`, compressed);
        if (!run("gdcmconv", "--raw", `${folder}/small.dcm`, `${folder}/plain.dcm`)) continue;
        const theirs = await decodeDicom(Deno.readFileSync(`${folder}/plain.dcm`));
        assert.deepEqual(theirs.data, ours.data, JSON.stringify(form));
        compared++;
      }
    }
  }
  assert(compared > 50, `only ${compared} were compared`);
});
