/** Which kind of picture some bytes are, by their first bytes; names and content types are not trusted. */

export const imageFormats = ["png", "jpeg", "pnm", "dicom"] as const;
export type ImageFormat = (typeof imageFormats)[number];

const signatures: [format: ImageFormat, offset: number, bytes: number[]][] = [
  ["png", 0, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ["jpeg", 0, [0xff, 0xd8, 0xff]],
  ["dicom", 128, [0x44, 0x49, 0x43, 0x4d]],
];

/** undefined for anything that is not a picture we decode. */
export function sniffImage(bytes: Uint8Array): ImageFormat | undefined {
  for (const [format, offset, signature] of signatures) {
    if (signature.every((byte, i) => bytes[offset + i] === byte)) return format;
  }
  // P2, P3 (text), P5, P6 (binary) and white space.
  const isPnm = bytes[0] === 0x50 && [0x32, 0x33, 0x35, 0x36].includes(bytes[1]) &&
    [0x20, 0x09, 0x0a, 0x0d, 0x23].includes(bytes[2]);
  if (isPnm) return "pnm";
  return bareDicomStart(bytes) === undefined ? undefined : "dicom";
}

/**
 * Where a DICOM file without its 128 bytes of preamble starts: with an element of group 2 or 8, at
 * the first byte or after one left over from a preamble that was cut off.
 */
export function bareDicomStart(bytes: Uint8Array): number | undefined {
  for (const start of [0, 1]) {
    const head = bytes.subarray(start, start + 8);
    const little = head[1] === 0 && (head[0] === 2 || head[0] === 8);
    const big = head[0] === 0 && head[1] === 8;
    if (bytes.length < 16 || (!little && !big)) continue;
    const explicit = [4, 5].every((i) => head[i] >= 0x41 && head[i] <= 0x5a);
    // An implicit first element (group length or a short text) is short.
    if (explicit || (little && head[5] === 0 && head[6] === 0 && head[7] === 0)) return start;
  }
  return undefined;
}
