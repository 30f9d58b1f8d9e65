/**
 * Prometheus' text format (version 0.0.4): families of samples with help texts and escaped labels.
 *
 * Ours, because prom-client 15.1.3 brings three packages and 4.6 MB with it into every start, and keeps figures
 * in a registry that the process changes; most of ours are read from the store when they are asked for.
 */

/** Content type of the format. */
export const EXPOSITION = "text/plain; version=0.0.4; charset=utf-8";

export interface Sample {
  labels?: Record<string, string | number>;
  value: number;
  /** Appended to the family's name: a histogram's samples are `_bucket`, `_sum` and `_count`. */
  suffix?: "_bucket" | "_sum" | "_count";
}

/** Samples of one name. A figure that is not known has no sample; it is not 0. */
export interface Family {
  /** With its unit, and `_total` when it only grows. */
  name: string;
  help: string;
  type: "counter" | "gauge" | "histogram";
  samples: Sample[];
}

export function exposition(families: Iterable<Family>): string {
  let text = "";
  for (const { name, help, type, samples } of families) {
    text += `# HELP ${name} ${escape(help)}\n# TYPE ${name} ${type}\n`;
    for (const { suffix = "", labels = {}, value } of samples) {
      const pairs = Object.entries(labels).map(([label, of]) =>
        `${label}="${escape(String(of)).replaceAll('"', '\\"')}"`
      );
      const braces = pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
      text += `${name}${suffix}${braces} ${number(value)}\n`;
    }
  }
  return text;
}

/** Few texts hold anything to escape, and there are hundreds of them. */
const ESCAPED = /[\\\n]/;

function escape(text: string): string {
  if (!ESCAPED.test(text)) return text;
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function number(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}
