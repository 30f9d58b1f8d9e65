/**
 * Small compressed DICOM files in `tests/fixtures/images/codecs`, and what is in them. Run as a program
 * it writes them, by DCMTK, GDCM, OpenJPEG's tools and, of HTJ2K, the encoder of OpenJPH.
 */
import { dicomFile, pixelElements, type PixelForm, u16 } from "./dicom_file.ts";

export interface CodecFixture extends PixelForm {
  /** What follows 1.2.840.10008.1.2 in the transfer syntax. */
  syntax: string;
  /** The program that compresses, and its options. */
  by: string[];
  /** Without it the picture comes out as it went in. */
  lossy?: boolean;
}

const grey = { width: 17, height: 13 };
const colour = { ...grey, samples: 3, allocated: 8 };

export const codecFixtures: Record<string, CodecFixture> = {
  rle_16: { ...grey, stored: 12, syntax: ".5", by: ["dcmcrle"] },
  rle_rgb: { ...colour, syntax: ".5", by: ["dcmcrle"] },
  lossless_sv6_12: { ...grey, stored: 12, syntax: ".4.57", by: ["dcmcjpeg", "+el", "+sv", "6"] },
  lossless_sv1_16: { ...grey, signed: true, syntax: ".4.70", by: ["dcmcjpeg", "+e1"] },
  lossless_rgb: { ...colour, syntax: ".4.57", by: ["dcmcjpeg", "+el", "+sv", "4"] },
  jpeg_ls_12: { ...grey, stored: 12, signed: true, syntax: ".4.80", by: ["dcmcjpls"] },
  jpeg_ls_planes: { ...colour, syntax: ".4.80", by: ["dcmcjpls", "+in"] },
  jpeg_ls_lines: { ...colour, syntax: ".4.80", by: ["dcmcjpls", "+il"] },
  jpeg_2000_16: { ...grey, syntax: ".4.90", by: ["gdcmconv", "--j2k"] },
  jpeg_2000_signed_8: {
    ...grey,
    allocated: 8,
    signed: true,
    syntax: ".4.90",
    by: ["gdcmconv", "--j2k"],
  },
  jpeg_2000_rct: { ...colour, syntax: ".4.90", photometric: "YBR_RCT", by: ["opj_compress"] },
  jpeg_2000_rgb: { ...colour, syntax: ".4.90", by: ["opj_compress", "-mct", "0"] },
  htj2k_16: { ...grey, syntax: ".4.201", by: ["openjph"] },
  htj2k_rct: { ...colour, syntax: ".4.201", photometric: "YBR_RCT", by: ["openjph"] },
  jpeg_ybr_422: { ...colour, syntax: ".4.50", by: ["dcmcjpeg", "+eb", "+q", "98"], lossy: true },
  jpeg_extended_12: {
    ...grey,
    stored: 12,
    syntax: ".4.51",
    by: ["dcmcjpeg", "+ee", "+q", "98"],
    lossy: true,
  },
};

/** [height, width, samples]: waves, steps and the ends of the range. */
export function fixturePixels({ width, height, samples = 1, ...form }: PixelForm): number[] {
  const { allocated = 16, stored = allocated, signed = false } = form;
  const most = 2 ** stored - 1;
  return Array.from({ length: width * height * samples }, (_, i) => {
    const pixel = Math.floor(i / samples), x = pixel % width, y = Math.floor(pixel / width);
    const wave = Math.sin(x / 3 + y / 5 + i % samples) / 2 + 0.5;
    const value = x < 3 ? most * (y & 1) : Math.round(wave * most);
    return signed ? value - (most + 1) / 2 : value;
  });
}

/** The same picture without compression. */
export function plainFile(form: PixelForm): Uint8Array {
  const values = fixturePixels(form);
  const photometric = form.samples === 3 ? "RGB" : "MONOCHROME2";
  return dicomFile({
    ...pixelElements({ ...form, photometric }),
    "7fe00010 OW": (form.allocated ?? 16) === 8 ? values.map((v) => v & 255) : u16(...values),
  });
}

export const fixtureFile = (name: string) =>
  new URL(`../fixtures/images/codecs/${name}.dcm`, import.meta.url);

async function compress(form: CodecFixture, folder: string): Promise<Uint8Array> {
  const [program, ...options] = form.by;
  const run = (...args: string[]) => {
    const { success } = new Deno.Command(program, { args, stdout: "null" }).outputSync();
    if (!success) throw new Error(`Cannot make a fixture: ${program} ${args.join(" ")} failed`);
  };
  const wrap = (data: Uint8Array) =>
    dicomFile({ ...pixelElements(form), "7fe00010 OB": { fragments: [data] } }, form.syntax);
  if (program === "openjph") return wrap(await openJph(form));
  if (program === "opj_compress") {
    const pnm = `P6\n${form.width} ${form.height}\n255\n`;
    const samples = fixturePixels(form);
    Deno.writeFileSync(
      `${folder}/in.ppm`,
      new Uint8Array([...new TextEncoder().encode(pnm), ...samples]),
    );
    run("-i", `${folder}/in.ppm`, "-o", `${folder}/out.j2k`, "-n", "3", ...options);
    return wrap(Deno.readFileSync(`${folder}/out.j2k`));
  }
  Deno.writeFileSync(`${folder}/in.dcm`, plainFile(form));
  run(...options, `${folder}/in.dcm`, `${folder}/out.dcm`);
  return Deno.readFileSync(`${folder}/out.dcm`);
}

interface Encoder {
  getDecodedBuffer(info: Record<string, unknown>): Uint8Array;
  setQuality(reversible: boolean, step: number): void;
  encode(): void;
  getEncodedBuffer(): Uint8Array;
}

async function openJph(form: CodecFixture): Promise<Uint8Array> {
  // @ts-types="../../lib/images/codec.d.ts"
  const { default: open } = await import("@cornerstonejs/codec-openjph");
  const { default: wasmBinary } = await import("@cornerstonejs/codec-openjph/wasm", {
    with: { type: "bytes" },
  });
  const codec = await open({ print() {}, printErr() {}, wasmBinary });
  const { HTJ2KEncoder } = codec as unknown as { HTJ2KEncoder: new () => Encoder };
  const encoder = new HTJ2KEncoder();
  const { width, height, samples = 1, allocated = 16, stored = allocated } = form;
  const info = { width, height, bitsPerSample: stored, componentCount: samples, isSigned: false };
  const values = fixturePixels(form);
  const raw = allocated === 8 ? values : u16(...values);
  encoder.getDecodedBuffer({ ...info, isUsingColorTransform: samples === 3 }).set(raw);
  encoder.setQuality(true, 0);
  encoder.encode();
  return new Uint8Array(encoder.getEncodedBuffer());
}

if (import.meta.main) {
  const folder = Deno.makeTempDirSync();
  Deno.mkdirSync(new URL(".", fixtureFile("x")), { recursive: true });
  for (const [name, form] of Object.entries(codecFixtures)) {
    Deno.writeFileSync(fixtureFile(name), await compress(form, folder));
  }
  Deno.removeSync(folder, { recursive: true });
}
