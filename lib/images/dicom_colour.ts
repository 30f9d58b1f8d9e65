/** Colours of DICOM become red, green, blue (PS3.3, C.7.6.3.1.2 and C.7.9). */
import { type Elements, refuse } from "./dicom_elements.ts";
import {
  type Frame,
  type PixelFormat,
  storedValues,
  unsupportedPhotometric,
} from "./dicom_format.ts";
import { readTable, tableEntry } from "./dicom_table.ts";
import { type Raster, raster } from "./raster.ts";

/** Y Y B R for every two pixels -> Y B R for each. */
export function spreadChroma(data: Uint8Array): Uint8Array {
  const out = new Uint8Array(data.length / 2 * 3);
  for (let i = 0, o = 0; i < data.length; i += 4, o += 6) {
    out.set([data[i], data[i + 2], data[i + 3], data[i + 1], data[i + 2], data[i + 3]], o);
  }
  return out;
}

/** [3, pixels] -> [pixels, 3], samples of `bytes` bytes. */
export function interleave(data: Uint8Array, pixels: number, bytes: number): Uint8Array {
  const out = new Uint8Array(pixels * 3 * bytes);
  for (let i = 0; i < pixels; i++) {
    for (let c = 0; c < 3; c++) {
      for (let b = 0; b < bytes; b++) {
        out[(i * 3 + c) * bytes + b] = data[(c * pixels + i) * bytes + b];
      }
    }
  }
  return out;
}

/** A frame of three samples; 8 bits stay 8. Throws InvalidInput. */
export function colourRaster(frame: Frame, format: PixelFormat): Raster {
  const isYbr = /^YBR_FULL(_422)?$/.test(format.photometric);
  if (!frame.isRgb && !isYbr && format.photometric !== "RGB") throw unsupportedPhotometric(format);
  const bits = format.allocated === 8 ? 8 : 16;
  const out = raster(format.width, format.height, 3, bits);
  const values = storedValues(frame, { ...format, signed: false });
  const most = 2 ** format.stored - 1;
  if (isYbr && !frame.isRgb) fromYbr(values, most);
  const scale = (2 ** bits - 1) / most;
  for (let i = 0; i < values.length; i++) out.data[i] = Math.round(values[i] * scale);
  return out;
}

/** YBR_FULL -> RGB in place, values of 0 to `most`. */
function fromYbr(data: Int32Array, most: number): void {
  const clamp = (value: number) => Math.min(most, Math.max(0, Math.round(value)));
  const middle = (most + 1) / 2;
  for (let i = 0; i < data.length; i += 3) {
    const y = data[i], b = data[i + 1] - middle, r = data[i + 2] - middle;
    data[i] = clamp(y + 1.402 * r);
    data[i + 1] = clamp(y - 0.344136 * b - 0.714136 * r);
    data[i + 2] = clamp(y + 1.772 * b);
  }
}

/** PALETTE COLOR, always of 16 bits. Throws InvalidInput. */
export function paletteRaster(
  frame: Frame,
  elements: Elements,
  little: boolean,
  format: PixelFormat,
): Raster {
  const out = raster(format.width, format.height, 3, 16);
  const values = storedValues(frame, format);
  for (let c = 0; c < 3; c++) {
    if (elements.has(0x00281221 + c)) {
      throw refuse("its palette is segmented: convert it to one that is not, or to RGB");
    }
    const table = readTable(elements, 0x00281101 + c, 0x00281201 + c, little, format.signed);
    if (!table) throw refuse("its palette is missing");
    const scale = 65535 / (2 ** table.bits - 1);
    for (let i = 0; i < values.length; i++) {
      out.data[3 * i + c] = Math.min(65535, Math.round(tableEntry(table, values[i]) * scale));
    }
  }
  return out;
}
