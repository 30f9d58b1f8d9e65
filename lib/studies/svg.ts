/** What the pictures of studies share: a plot area with axes, points, intervals and a legend, as SVG text. */

/** Told apart also by readers who do not see red and green (Okabe and Ito 2008). */
export const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];

export interface Axis {
  low: number;
  high: number;
  label: string;
  /** Digits of the numbers beside it. */
  digits: number;
}

/** A plot area in px and the scales of its axes. */
export interface Area {
  left: number;
  top: number;
  width: number;
  height: number;
  x: Axis;
  y: Axis;
}

export const escaped = (text: string) =>
  text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

/** Pixels to a hundredth: the same numbers give the same file. */
const px = (value: number) => String(Math.round(value * 100) / 100);

export function toX({ left, width, x }: Area, value: number): number {
  return left + width * (value - x.low) / (x.high - x.low);
}

export function toY({ top, height, y }: Area, value: number): number {
  return top + height * (1 - (value - y.low) / (y.high - y.low));
}

/** Limits that hold all values with some air, and zero or one where asked. */
export function limits(values: number[], also: number[] = []): { low: number; high: number } {
  const all = [...values, ...also];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const air = (high - low || 0.1) * 0.08;
  return { low: low - air, high: high + air };
}

/** Round numbers between the limits, about `count` of them. */
export function ticks({ low, high }: { low: number; high: number }, count = 6): number[] {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough)!;
  const list: number[] = [];
  for (let k = Math.ceil(low / step); k * step <= high; k++) list.push(k * step);
  return list;
}

export function text(
  x: number,
  y: number,
  content: string,
  { anchor = "middle", size = 11, angle = 0 }: {
    anchor?: "start" | "middle" | "end";
    size?: number;
    /** Degrees, clockwise, about the anchor. */
    angle?: number;
  } = {},
): string {
  const turned = angle === 0 ? "" : ` transform="rotate(${angle} ${px(x)} ${px(y)})"`;
  return `<text x="${px(x)}" y="${px(y)}" font-size="${size}" text-anchor="${anchor}"${turned}>${
    escaped(content)
  }</text>`;
}

export function line(
  [x1, y1]: [number, number],
  [x2, y2]: [number, number],
  { colour = "#444", width = 1, dashed = false }: {
    colour?: string;
    width?: number;
    dashed?: boolean;
  } = {},
): string {
  const dash = dashed ? ' stroke-dasharray="4 3"' : "";
  return `<line x1="${px(x1)}" y1="${px(y1)}" x2="${px(x2)}" y2="${
    px(y2)
  }" stroke="${colour}" stroke-width="${width}"${dash}/>`;
}

/** A run; `hint` is shown by a browser under the pointer. */
export function point(x: number, y: number, colour: string, hint: string): string {
  return `<circle cx="${px(x)}" cy="${px(y)}" r="2.6" fill="${colour}" fill-opacity="0.55"><title>${
    escaped(hint)
  }</title></circle>`;
}

/** A mean with its interval, upright; what is beyond the area is cut off. */
export function interval(
  area: Area,
  x: number,
  { mean, interval }: { mean: number; interval: [number, number] | null },
  colour: string,
): string {
  const y = toY(area, mean);
  const within = (value: number) =>
    Math.min(area.top + area.height, Math.max(area.top, toY(area, value)));
  const bar = interval === null
    ? []
    : [line([x, within(interval[0])], [x, within(interval[1])], { colour, width: 2 })];
  return [
    ...bar,
    `<rect x="${px(x - 3.5)}" y="${
      px(y - 3.5)
    }" width="7" height="7" fill="${colour}" stroke="#fff"/>`,
  ].join("\n");
}

/** The area's frame with the y axis; x ticks are the caller's where they are no numbers. */
export function frame(area: Area, { title, xTicks = true }: { title: string; xTicks?: boolean }) {
  const { left, top, width, height, x, y } = area;
  const [right, bottom] = [left + width, top + height];
  const parts = [
    `<rect x="${left}" y="${top}" width="${width}" height="${height}" fill="none" stroke="#444"/>`,
    text(left + width / 2, top - 8, title, { size: 12 }),
    text(left - 44, top + height / 2, y.label, { angle: -90 }),
    text(left + width / 2, bottom + 34, x.label),
  ];
  for (const value of ticks(y)) {
    const at = toY(area, value);
    parts.push(line([left - 4, at], [left, at]));
    parts.push(text(left - 7, at + 4, value.toFixed(y.digits), { anchor: "end", size: 10 }));
  }
  if (y.low < 0 && y.high > 0) {
    parts.push(line([left, toY(area, 0)], [right, toY(area, 0)], { dashed: true }));
  }
  if (xTicks) {
    for (const value of ticks(x)) {
      const at = toX(area, value);
      parts.push(line([at, bottom], [at, bottom + 4]));
      parts.push(text(at, bottom + 16, value.toFixed(x.digits), { size: 10 }));
    }
  }
  return parts.join("\n");
}

export function legend(x: number, y: number, names: string[]): string {
  return names.map((name, i) => {
    const at = y + 16 * i;
    return `<circle cx="${px(x)}" cy="${px(at - 4)}" r="4" fill="${
      COLOURS[i % COLOURS.length]
    }"/>\n${text(x + 9, at, name, { anchor: "start" })}`;
  }).join("\n");
}

export function svg(width: number, height: number, title: string, parts: string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}
