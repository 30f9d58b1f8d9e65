/** What a JPEG says before its pixels: size, components, orientation (ITU-T T.81, EXIF 2.3). */
import { InvalidInput } from "@/lib/errors.ts";

export interface JpegHeader {
  width: number;
  height: number;
  components: number;
  /** Bits per sample. */
  precision: number;
  /**
   * The number of the start-of-frame marker: 0 baseline, 1 extended, 2 progressive, 3 lossless; 55
   * for JPEG-LS.
   */
  process: number;
  /** EXIF orientation, 1 to 8. */
  orientation: number;
}

const refuse = (why: string) => new InvalidInput(`Cannot decode JPEG: ${why}`);

/** Reads up to the frame header; throws InvalidInput. */
export function readJpegHeader(bytes: Uint8Array): JpegHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let orientation = 1;
  for (let at = 2;;) {
    // Any number of fill bytes may stand before a marker.
    while (bytes[at] === 0xff && bytes[at + 1] === 0xff) at++;
    if (at + 4 > bytes.length) throw refuse("the file ends in its header");
    if (bytes[at] !== 0xff) throw refuse(`no marker at byte ${at}`);
    const marker = bytes[at + 1];
    const length = view.getUint16(at + 2);
    const end = at + 2 + length;
    if (length < 2 || end > bytes.length) throw refuse("the file ends in its header");
    if (marker === 0xe1) orientation = exifOrientation(bytes.subarray(at + 4, end)) ?? orientation;
    // Start of frame, but not DHT (c4), JPG (c8), DAC (cc); f7 is that of JPEG-LS.
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame || marker === 0xf7) {
      if (length < 8) throw refuse("its frame header is damaged");
      return {
        precision: bytes[at + 4],
        height: view.getUint16(at + 5),
        width: view.getUint16(at + 7),
        components: bytes[at + 9],
        process: marker - 0xc0,
        orientation,
      };
    }
    if (marker === 0xda || marker === 0xd9) throw refuse("it has no frame header");
    at = end;
  }
}

/** Tag 0x0112 of the first directory of an APP1 segment's body. */
function exifOrientation(body: Uint8Array): number | undefined {
  if (body.length < 20 || String.fromCharCode(...body.subarray(0, 6)) !== "Exif\0\0") {
    return undefined;
  }
  const tiff = new DataView(body.buffer, body.byteOffset + 6, body.byteLength - 6);
  const little = tiff.getUint16(0) === 0x4949;
  const directory = tiff.getUint32(4, little);
  if (directory + 2 > tiff.byteLength) return undefined;
  const count = tiff.getUint16(directory, little);
  for (let i = 0; i < count; i++) {
    const entry = directory + 2 + i * 12;
    if (entry + 12 > tiff.byteLength) return undefined;
    if (tiff.getUint16(entry, little) === 0x0112) {
      const value = tiff.getUint16(entry + 8, little);
      return value >= 1 && value <= 8 ? value : undefined;
    }
  }
  return undefined;
}
