/**
 * JPEG process 4 (ITU-T T.81, annexes E, F): sequential DCT with Huffman codes and 12 bits, one
 * component, as DICOM still allows it. Our own: of kept libraries only dcmjs-codecs reads it, in which
 * one damaged picture breaks every later call.
 */
import { InvalidInput } from "@/lib/errors.ts";
import { EntropyReader, type HuffmanTable, readHuffmanTables } from "./jpeg_entropy.ts";
import { readJpegHeader } from "./jpeg_header.ts";
import { checkSize } from "./limits.ts";

const refuse = (why: string) => new InvalidInput(`Cannot decode JPEG: ${why}`);

/** Natural position of the k-th coefficient in zigzag order: [8, 8]. */
const zigzag = (() => {
  const order: number[] = [];
  for (let sum = 0; sum < 15; sum++) {
    for (let i = Math.max(0, sum - 7); i <= Math.min(7, sum); i++) {
      // Even diagonals run upwards.
      const [row, column] = sum % 2 === 0 ? [sum - i, i] : [i, sum - i];
      order.push(row * 8 + column);
    }
  }
  return order;
})();

/** basis[u, x] = c(u) / 2 cos((2 x + 1) u pi / 16) */
const basis = Float64Array.from({ length: 64 }, (_, i) => {
  const u = i >> 3, x = i & 7;
  return (u === 0 ? Math.SQRT1_2 : 1) / 2 * Math.cos((2 * x + 1) * u * Math.PI / 16);
});

interface Tables {
  quantisation: Map<number, Uint16Array>;
  /** By class << 4 | destination. */
  huffman: Map<number, HuffmanTable>;
  restartInterval: number;
  /** Selectors of the scan: quantisation, DC and AC tables. */
  used: { quantisation: number; dc: number; ac: number };
  /** Where the compressed data start. */
  data: number;
}

function readTables(bytes: Uint8Array): Tables {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tables: Tables = {
    quantisation: new Map(),
    huffman: new Map(),
    restartInterval: 0,
    used: { quantisation: 0, dc: 0, ac: 0 },
    data: 0,
  };
  for (let at = 2;;) {
    while (bytes[at] === 0xff && bytes[at + 1] === 0xff) at++;
    if (at + 4 > bytes.length) throw refuse("the file ends in its header");
    const marker = bytes[at + 1];
    const end = at + 2 + view.getUint16(at + 2);
    if (bytes[at] !== 0xff || end > bytes.length) throw refuse("the file ends in its header");
    const body = bytes.subarray(at + 4, end);
    if (marker === 0xdb) readQuantisation(body, tables);
    else if (marker === 0xc4) readHuffmanTables(body, tables.huffman);
    else if (marker === 0xdd && body.length >= 2) tables.restartInterval = body[0] << 8 | body[1];
    else if (marker === 0xc1) tables.used.quantisation = body[8];
    else if (marker === 0xda) {
      if (body[0] !== 1) throw refuse("more than one component is not supported");
      tables.used.dc = body[2] >> 4;
      tables.used.ac = 0x10 | body[2] & 15;
      tables.data = end;
      return tables;
    }
    at = end;
  }
}

function readQuantisation(body: Uint8Array, tables: Tables): void {
  for (let at = 0; at < body.length;) {
    const wide = body[at] >> 4 === 1;
    const destination = body[at++] & 15;
    if (at + (wide ? 128 : 64) > body.length) throw refuse("a quantisation table is truncated");
    const table = new Uint16Array(64);
    for (let k = 0; k < 64; k++) {
      table[k] = wide ? body[at++] << 8 | body[at++] : body[at++];
    }
    tables.quantisation.set(destination, table);
  }
}

/** -> [height, width], values of 12 bits. Throws InvalidInput. */
export function decodeExtendedJpeg(bytes: Uint8Array): Uint16Array {
  const { width, height, components, precision, process } = readJpegHeader(bytes);
  checkSize("JPEG", width, height);
  if (process !== 1 || precision !== 12 || components !== 1) {
    throw refuse(`process ${process} with ${precision} bits is not supported`);
  }
  const tables = readTables(bytes);
  const quantisation = tables.quantisation.get(tables.used.quantisation);
  const dc = tables.huffman.get(tables.used.dc), ac = tables.huffman.get(tables.used.ac);
  if (!quantisation || !dc || !ac) throw refuse("a table is missing");
  const bits = new EntropyReader(bytes, tables.data);
  const out = new Uint16Array(width * height);
  const block = new Float64Array(64);
  const across = Math.ceil(width / 8), down = Math.ceil(height / 8);
  let before = 0;
  for (let n = 0; n < across * down; n++) {
    if (tables.restartInterval > 0 && n > 0 && n % tables.restartInterval === 0) {
      bits.restart(n / tables.restartInterval - 1);
      before = 0;
    }
    block.fill(0);
    before += bits.signed(bits.symbol(dc) & 15);
    block[0] = before * quantisation[0];
    for (let k = 1; k < 64; k++) {
      const symbol = bits.symbol(ac);
      if (symbol === 0) break;
      k += symbol >> 4;
      if (k > 63) throw refuse("its pixels are damaged");
      block[zigzag[k]] = bits.signed(symbol & 15) * quantisation[k];
    }
    place(block, out, (n % across) * 8, Math.floor(n / across) * 8, width, height);
  }
  bits.end();
  return out;
}

/** Inverse DCT (A.3.3) of one block [v, u], shifted by 2048, into the picture at (x0, y0). */
function place(
  block: Float64Array,
  out: Uint16Array,
  x0: number,
  y0: number,
  width: number,
  height: number,
): void {
  const rows = new Float64Array(64);
  for (let v = 0; v < 8; v++) {
    for (let x = 0; x < 8; x++) {
      let sum = 0;
      for (let u = 0; u < 8; u++) sum += block[v * 8 + u] * basis[u * 8 + x];
      rows[v * 8 + x] = sum;
    }
  }
  for (let y = 0; y < 8 && y0 + y < height; y++) {
    for (let x = 0; x < 8 && x0 + x < width; x++) {
      let sum = 2048;
      for (let v = 0; v < 8; v++) sum += rows[v * 8 + x] * basis[v * 8 + y];
      out[(y0 + y) * width + x0 + x] = Math.min(4095, Math.max(0, Math.round(sum)));
    }
  }
}
