/**
 * Is the write-ahead log of a server that was cut off whole? SQLite takes a frame whose sum is wrong for the end of
 * the log: what was acknowledged behind it would be gone without a word. The format: sqlite.org/fileformat2.html#walformat.
 */
const HEADER = 32;
const FRAME_HEADER = 24;
/** A larger log would keep a start waiting, bytes; none that a server leaves is. */
const MOST_BYTES = 256 * 2 ** 20;

type Sum = [number, number];

/** The sum goes on over words of either byte order, two at a time. */
function summed(view: DataView, from: number, to: number, [a, b]: Sum, little: boolean): Sum {
  for (let at = from; at < to; at += 8) {
    a = (a + view.getUint32(at, little) + b) >>> 0;
    b = (b + view.getUint32(at + 4, little) + a) >>> 0;
  }
  return [a, b];
}

const holds = (view: DataView, at: number, [a, b]: Sum) =>
  view.getUint32(at) === a && view.getUint32(at + 4) === b;

/**
 * What is wrong with the log at `path`, before anybody opens its database; undefined where nothing is, or nothing
 * can be told: a last frame that is half there is one that was being written.
 */
export function logDamage(path: string): string | undefined {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    const { size } = Deno.statSync(path);
    if (size < HEADER || size > MOST_BYTES) return undefined;
    bytes = Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const view = new DataView(bytes.buffer);
  const little = (view.getUint32(0) & 1) === 0;
  let sum = summed(view, 0, 24, [0, 0], little);
  if (!holds(view, 24, sum)) return "its head is damaged";
  const size = FRAME_HEADER + view.getUint32(8);
  const frames = Math.floor((bytes.length - HEADER) / size);
  const place = (frame: number) => HEADER + frame * size;
  // Frames of before the log began anew have other salts.
  const isOurs = (frame: number) =>
    view.getUint32(place(frame) + 8) === view.getUint32(16) &&
    view.getUint32(place(frame) + 12) === view.getUint32(20);
  for (let frame = 0; frame < frames; frame++) {
    const at = place(frame);
    sum = summed(view, at, at + 8, sum, little);
    sum = summed(view, at + FRAME_HEADER, at + size, sum, little);
    if (isOurs(frame) && holds(view, at + 16, sum)) continue;
    const more = Array.from({ length: frames - frame }, (_, i) => frame + i).filter(isOurs);
    return more.length === 0 ? undefined : `frame ${frame + 1} of ${more.at(-1)! + 1} is damaged`;
  }
}
