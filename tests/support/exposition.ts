/** Reads Prometheus' text format as strictly as its description says. */

export interface ReadFamily {
  help: string;
  type: string;
  samples: { name: string; labels: Record<string, string>; value: number }[];
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\["\\n])*)"(,|$)/gy;
const unescape = (text: string) => text.replace(/\\(.)/g, (_, of) => of === "n" ? "\n" : of);

/** @throws {Error} for a line that is none of the format, a sample without help and type, a label twice */
export function readExposition(text: string): Map<string, ReadFamily> {
  if (!text.endsWith("\n")) throw new Error("Cannot read: the last line has no end");
  const families = new Map<string, ReadFamily>();
  let current: ReadFamily | undefined;
  let name = "";
  for (const line of text.trimEnd().split("\n")) {
    const help = new RegExp(`^# HELP (${NAME}) (.+)$`).exec(line);
    const type = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram)$`).exec(line);
    const sample = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (\\S+)$`).exec(line);
    if (help) {
      name = help[1];
      if (families.has(name)) throw new Error(`Cannot read: "${name}" comes twice`);
      families.set(name, current = { help: unescape(help[2]), type: "", samples: [] });
    } else if (type) {
      if (type[1] !== name || !current) throw new Error(`Cannot read: no help before "${line}"`);
      current.type = type[2];
    } else if (sample && current?.type) {
      const suffix = sample[1].slice(name.length);
      const suffixes = current.type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
      if (!sample[1].startsWith(name) || !suffixes.includes(suffix)) {
        throw new Error(`Cannot read: "${sample[1]}" under "${name}"`);
      }
      current.samples.push({
        name: sample[1],
        labels: labelsOf(sample[2] ?? ""),
        value: numberOf(sample[3]),
      });
    } else throw new Error(`Cannot read the line "${line}"`);
  }
  return families;
}

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let end = 0;
  for (const match of text.matchAll(LABEL)) {
    if (match[1] in labels) throw new Error(`Cannot read: label "${match[1]}" twice`);
    labels[match[1]] = unescape(match[2]);
    end = match.index + match[0].length;
  }
  if (end !== text.length) throw new Error(`Cannot read the labels "${text}"`);
  return labels;
}

function numberOf(text: string): number {
  if (text === "NaN") return NaN;
  if (text === "+Inf" || text === "-Inf") return text === "+Inf" ? Infinity : -Infinity;
  const value = Number(text);
  if (Number.isNaN(value)) throw new Error(`Cannot read the number "${text}"`);
  return value;
}
