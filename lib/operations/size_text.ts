/** Sizes as people read and write them. */

const UNITS = ["bytes", "kB", "MB", "GB", "TB"];

/** `3.1 GB`, in powers of 1000. */
export function sizeText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  for (; value >= 1000 && unit < UNITS.length - 1; unit++) value /= 1000;
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}
