/** Times and sizes as they are typed. */

const SIZE_UNITS: Record<string, number> = { "": 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12 };
const DAY_MS = 24 * 3_600_000;
const SPAN_UNITS: Record<string, number> = { h: DAY_MS / 24, d: DAY_MS, w: 7 * DAY_MS };

/**
 * Bytes: `500`, `20M`, `10GB`, in powers of 1000.
 * @throws {Error} that says how sizes are written
 */
export function readSize(option: string, text: string): number {
  const found = /^(\d+(?:\.\d+)?)([kMGT]?)B?$/.exec(text);
  if (!found) throw new Error(`Cannot use ${option} ${text}: a size like 500M or 10G is needed`);
  return Math.round(Number(found[1]) * SIZE_UNITS[found[2]]);
}

/**
 * A time to come, RFC 3339: `30d`, `12h`, `2w` from now, or a date.
 * @throws {Error} that says how times are written
 */
export function readTime(option: string, text: string, now: number = Date.now()): string {
  const span = /^(\d{1,6})([hdw])$/.exec(text);
  const time = span ? now + Number(span[1]) * SPAN_UNITS[span[2]] : Date.parse(text);
  if (!span && !/^\d{4}-\d\d-\d\d/.test(text) || Number.isNaN(time)) {
    throw new Error(
      `Cannot use ${option} ${text}: a span like 30d, 12h or 2w, or a date is needed`,
    );
  }
  return new Date(time).toISOString();
}
