/** Values as people read them. */

export function number(value, digits = 3) {
  if (typeof value !== "number" || !Number.isFinite(value)) return "–";
  return Number.isInteger(value) ? value.toLocaleString("en") : value.toFixed(digits);
}

/** "1 image", "1,200 images". */
export function count(value, one, many = `${one}s`) {
  return `${number(value)} ${value === 1 ? one : many}`;
}

/** A share or a score: always with its decimals. */
export function score(value) {
  return typeof value === "number" ? value.toFixed(3) : "–";
}

export function percent(value) {
  return typeof value === "number" ? `${(100 * value).toFixed(1)} %` : "–";
}

/** "14:03:10" today, else with the date. */
export function time(value) {
  if (!value) return "–";
  const date = new Date(value);
  const clock = date.toLocaleTimeString("en-GB");
  return date.toDateString() === new Date().toDateString()
    ? clock
    : `${date.toLocaleDateString("en-CA")} ${clock}`;
}

/** "1 min 20 s" between two times (or until now). */
export function span(from, to) {
  if (!from) return "–";
  const seconds = Math.max(0, (new Date(to ?? Date.now()) - new Date(from)) / 1000);
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function bytes(value) {
  if (typeof value !== "number") return "–";
  const units = ["B", "KiB", "MiB", "GiB"];
  let step = 0;
  while (value >= 1024 && step < units.length - 1) [value, step] = [value / 1024, step + 1];
  return `${step ? value.toFixed(1) : value} ${units[step]}`;
}

/** The first characters of a digest. */
export function short(digest) {
  return digest ? digest.slice(0, 12) : "–";
}

/** A field's name as words: `m_auc` to "M-AUC", `auc_one_vs_rest` to "AUC one vs rest". */
export function words(name) {
  return name.replaceAll("_", " ").replace(/\b(auc|f1|p)\b/g, (match) => match.toUpperCase())
    .replace(/^m AUC/, "M-AUC");
}

/** Sides of a picture: 224, or 300 x 600 (height x width). */
export function sides(size) {
  return [size].flat().join(" x ");
}
