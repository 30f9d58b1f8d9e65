/**
 * The entropy-coded part of a JPEG with Huffman codes (ITU-T T.81, annexes B.2.4.2, C and F.2.2),
 * shared by the two processes that are decoded here.
 */
import { InvalidInput } from "@/lib/errors.ts";

const refuse = (why: string) => new InvalidInput(`Cannot decode JPEG: ${why}`);

/** By the next 16 bits: symbol << 8 | length of its code; 0 where no code begins so. */
export type HuffmanTable = Uint16Array;

/** The table of `counts` codes per length, 1 to 16, and their symbols. Throws InvalidInput. */
export function huffmanTable(counts: Uint8Array, symbols: Uint8Array): HuffmanTable {
  const table = new Uint16Array(1 << 16);
  let code = 0, used = 0;
  for (let length = 1; length <= 16; length++, code <<= 1) {
    for (let i = 0; i < counts[length - 1]; i++, code++, used++) {
      if (code >= 1 << length) throw refuse("a Huffman table has more codes than there can be");
      const from = code << (16 - length);
      table.fill(symbols[used] << 8 | length, from, from + (1 << (16 - length)));
    }
  }
  return table;
}

/** The tables of a DHT segment, by class << 4 | destination. Throws InvalidInput. */
export function readHuffmanTables(body: Uint8Array, into: Map<number, HuffmanTable>): void {
  for (let at = 0; at < body.length;) {
    const destination = body[at];
    const counts = body.slice(at + 1, at + 17);
    const total = counts.reduce((sum, count) => sum + count, 0);
    at += 17 + total;
    if (at > body.length) throw refuse("a Huffman table is truncated");
    into.set(destination, huffmanTable(counts, body.slice(at - total, at)));
  }
}

/** Reads codes and numbers up to the next marker; needing more than stands there is an error. */
export class EntropyReader {
  /** The last `#count` bits are those still to be read. */
  #buffer = 0;
  #count = 0;
  /** How many of these stand behind the data: a code may be shorter than what is looked at. */
  #missing = 0;

  constructor(readonly bytes: Uint8Array, public at: number) {}

  /** Holds 16 bits at least. */
  #fill(): void {
    const { bytes } = this;
    while (this.#count < 16) {
      const byte = bytes[this.at];
      let next = 0;
      if (this.at >= bytes.length || (byte === 0xff && bytes[this.at + 1] !== 0)) {
        this.#missing += 8;
      } else {
        next = byte;
        this.at += byte === 0xff ? 2 : 1;
      }
      this.#buffer = (this.#buffer << 8 | next) & 0xffffff;
      this.#count += 8;
    }
  }

  symbol(table: HuffmanTable): number {
    if (this.#count < 16) this.#fill();
    const entry = table[(this.#buffer >> (this.#count - 16)) & 0xffff];
    if (entry === 0) throw refuse("its pixels are damaged");
    this.#count -= entry & 255;
    if (this.#count < this.#missing) throw refuse("its pixels are truncated");
    return entry >> 8;
  }

  /** A number of `size` bits, 0 to 16, with its sign (F.2.2.1, EXTEND). */
  signed(size: number): number {
    if (size === 0) return 0;
    if (this.#count < size) this.#fill();
    this.#count -= size;
    if (this.#count < this.#missing) throw refuse("its pixels are truncated");
    const value = (this.#buffer >> this.#count) & ((1 << size) - 1);
    return value < 1 << (size - 1) ? value - (1 << size) + 1 : value;
  }

  /** Passes restart marker `number`, modulo 8. */
  restart(number: number): void {
    if (this.#count - this.#missing >= 8) throw refuse("its pixels are damaged");
    this.#count = this.#missing = 0;
    const { bytes } = this;
    while (bytes[this.at] === 0xff && bytes[this.at + 1] === 0xff) this.at++;
    if (bytes[this.at] !== 0xff || bytes[this.at + 1] !== 0xd0 + (number & 7)) {
      throw refuse("a restart marker is missing");
    }
    this.at += 2;
  }

  /**
   * Where the next marker stands, after the data of a scan. There must be one: what is cut off may
   * have been filled up with zeros that look like samples.
   */
  end(): number {
    const { bytes } = this;
    let { at } = this;
    while (at + 1 < bytes.length && !(bytes[at] === 0xff && bytes[at + 1] > 0)) at++;
    while (bytes[at + 1] === 0xff) at++;
    if (at + 1 >= bytes.length) throw refuse("its pixels are truncated");
    return at;
  }
}
