/** What is shown of a DICOM picture, beside DCMTK's dcm2pnm where it is installed. */
import assert from "node:assert/strict";
import { decodeDicom } from "@/lib/images/dicom.ts";
import type { ViewOptions } from "@/lib/images/view.ts";
import { decodePnm } from "@/lib/images/pnm.ts";
import { bytes, dicomFile, pixelElements, u16, type Value } from "../support/dicom_file.ts";
import { programTest, run } from "../support/programs.ts";

interface Case {
  elements: Record<string, Value>;
  /** How dcm2pnm is asked for the same. */
  theirs: string[];
  ours?: ViewOptions;
  /** Of 65,535; DCMTK's own tables have steps. */
  within?: number;
}

const width = 64, height = 48, pixels = width * height;
const ramp = (from: number, to: number) =>
  Array.from({ length: pixels }, (_, i) => Math.round(from + (to - from) * i / (pixels - 1)));

function grey(values: number[], form: Partial<Parameters<typeof pixelElements>[0]>) {
  return {
    ...pixelElements({ width, height, ...form }),
    "7fe00010 OW": (form.allocated ?? 16) === 8 ? values.map((v) => v & 255) : u16(...values),
  };
}

const window = (centre: string, width: string, kind?: string) => ({
  "00281050 DS": bytes(centre),
  "00281051 DS": bytes(width),
  ...(kind ? { "00281056 CS": bytes(kind) } : {}),
});
const rescale = (slope: string, intercept: string) => ({
  "00281052 DS": bytes(intercept),
  "00281053 DS": bytes(slope),
});
const lut = (first: number, entries: number[], bits: number, vr = "US") => ({
  items: [{
    [`00283002 ${vr}`]: u16(entries.length & 65535, first, bits),
    "00283006 OW": u16(...entries),
  }],
});
const curve = (count: number, most: number) =>
  Array.from({ length: count }, (_, i) => Math.round(most * Math.sqrt(i / (count - 1))));

const cases: Record<string, Case> = {
  "a window after a rescale": {
    elements: {
      ...grey(ramp(0, 4095), { stored: 12 }),
      ...window("40\\600", "400\\2000"),
      ...rescale("1", "-1024"),
    },
    theirs: ["+Wi", "1"],
  },
  "a window over signed values": {
    elements: {
      ...grey(ramp(-2048, 2047), { stored: 12, signed: true }),
      ...window("-100", "900"),
    },
    theirs: ["+Wi", "1"],
  },
  "a window of our own": {
    elements: { ...grey(ramp(0, 4095), { stored: 12 }), ...window("40", "400") },
    theirs: ["+Ww", "1000", "1500"],
    ours: { window: [1000, 1500] },
  },
  "SIGMOID": {
    elements: { ...grey(ramp(0, 4095), { stored: 12 }), ...window("2000", "1000", "SIGMOID ") },
    theirs: ["+Wi", "1", "+Wfs"],
    within: 80,
  },
  "the full range": {
    elements: { ...grey(ramp(300, 3000), { stored: 12 }), ...window("40", "400") },
    theirs: ["+Wm"],
    ours: { fullRange: true },
    within: 66,
  },
  "MONOCHROME1": {
    elements: {
      ...grey(ramp(0, 4095), { stored: 12, photometric: "MONOCHROME1" }),
      ...window("2000", "1000"),
    },
    theirs: ["+Wi", "1"],
  },
  "a high bit above the stored bits": {
    elements: {
      ...grey(ramp(0, 4095).map((v) => v << 4 | v & 15), { stored: 12, highBit: 15 }),
      ...window("2000", "3000"),
    },
    theirs: ["+Wi", "1"],
  },
  "bits above the stored ones": {
    elements: {
      ...grey(ramp(0, 4095).map((v, i) => v | (i % 16) << 12), { stored: 12 }),
      ...window("2000", "3000"),
    },
    theirs: ["+Wi", "1"],
  },
  "bits above the stored ones, signed": {
    elements: {
      ...grey(ramp(-2048, 2047).map((v, i) => v & 4095 | (i % 16) << 12), {
        stored: 12,
        signed: true,
      }),
      ...window("0", "3000"),
    },
    theirs: ["+Wi", "1"],
  },
  "a VOI table of 16 bits": {
    elements: {
      ...grey(ramp(0, 4095), { stored: 12 }),
      "00283010 SQ": lut(0, curve(4096, 65535), 16),
    },
    theirs: ["+Wl", "1"],
  },
  "a VOI table of 8 bits": {
    elements: {
      ...grey(ramp(0, 4095), { stored: 12 }),
      "00283010 SQ": lut(0, curve(4096, 255), 8),
    },
    theirs: ["+Wl", "1"],
    within: 256,
  },
  "a VOI table with a negative first value": {
    elements: {
      ...grey(ramp(-2048, 2047), { stored: 12, signed: true }),
      "00283010 SQ": lut(-1000, curve(2000, 4095), 12, "SS"),
    },
    theirs: ["+Wl", "1"],
    within: 16,
  },
  "a modality table, then a window": {
    elements: {
      ...grey(ramp(0, 255), { allocated: 8 }),
      "00283000 SQ": lut(0, curve(256, 65535), 16),
      ...window("30000", "50000"),
    },
    theirs: ["+Wi", "1"],
  },
  "palette of 16 bits": {
    elements: {
      ...grey(ramp(0, 255), { allocated: 8, photometric: "PALETTE COLOR" }),
      ...Object.fromEntries([1, 2, 3].flatMap((c) => [
        [`0028110${c} US`, u16(256, 0, 16)],
        [`0028120${c} OW`, u16(...curve(256, 65535 / c))],
      ])),
    },
    theirs: [],
  },
  "YBR_FULL": {
    elements: {
      ...pixelElements({ width, height, samples: 3, allocated: 8, photometric: "YBR_FULL" }),
      "7fe00010 OW": ramp(0, 255).flatMap((v, i) => [v, 128 + i % 60 - 30, 128 - i % 50 + 25]),
    },
    theirs: [],
    within: 2 * 257,
  },
  "colours in planes": {
    elements: {
      ...pixelElements({ width, height, samples: 3, allocated: 8 }),
      "00280006 US": u16(1),
      "7fe00010 OW": [...ramp(0, 255), ...ramp(255, 0), ...ramp(50, 90)],
    },
    theirs: [],
  },
};

for (const [name, { elements, theirs, ours, within = 2 }] of Object.entries(cases)) {
  programTest(`shown as by DCMTK: ${name}`, ["dcm2pnm"], async (folder) => {
    const file = dicomFile(elements);
    Deno.writeFileSync(`${folder}/a.dcm`, file);
    assert(run("dcm2pnm", "-O", ...theirs, "+opw", `${folder}/a.dcm`, `${folder}/a.pnm`));
    const expected = decodePnm(Deno.readFileSync(`${folder}/a.pnm`));
    const found = await decodeDicom(file, ours);
    assert.equal(found.data.length, expected.data.length);
    const scale = found.bits === 8 ? 257 : 1;
    let worst = 0, place = 0;
    found.data.forEach((value, i) => {
      const off = Math.abs(value * scale - expected.data[i]);
      if (off > worst) [worst, place] = [off, i];
    });
    assert(
      worst <= within,
      `off by ${worst} at ${place}: ${found.data[place] * scale} for ${expected.data[place]}`,
    );
  });
}
