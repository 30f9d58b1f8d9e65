/** What the server says of its work: lines of text, or of JSON. Nobody's name is in them. */

export const logFormats = ["text", "json"] as const;
export type LogFormat = (typeof logFormats)[number];

/** Figures and ids beside a message; of lines of text they are no part. */
export type LogFields = Record<string, string | number | boolean | null>;
export type Log = (message: string, fields?: LogFields) => void;

/** @param of fields of every line */
export function logger(
  format: LogFormat,
  of: LogFields = {},
  write: (line: string) => void = console.error,
): Log {
  return (message, fields = {}) => {
    const time = new Date().toISOString();
    write(
      format === "text"
        ? `${time} ${message}`
        : JSON.stringify({ time, level: "info", message, ...of, ...fields }),
    );
  };
}

/**
 * An error as a log may hold it: its class, where it happened, and its message without what stands in quotes, which
 * may name an image, a file or a person.
 */
export function withoutNames(error: unknown): string {
  if (!(error instanceof Error)) return unquoted(String(error));
  const { name, message, stack = "" } = error;
  const frames = stack.split("\n").filter((line) => /^\s+at /.test(line)).join("\n");
  return `${name}: ${unquoted(message)}${frames && `\n${frames}`}`;
}

export const unquoted = (text: string) => text.replace(/"[^"\n]*"|'[^'\n]*'|`[^`\n]*`/g, '"…"');

/** Lines of other programs of the server, which know no JSON, as lines of `log`; JSON goes on as it is. */
export async function relayLines(
  stream: ReadableStream<Uint8Array>,
  log: Log,
  write: (line: string) => void = console.error,
): Promise<void> {
  const tell = (text: string) => {
    // A stack's lines belong to the line before them.
    for (const entry of text.split(/\n(?!\s)/).filter((entry) => entry.trim() !== "")) {
      if (entry.startsWith('{"time":')) write(entry);
      else log(unquoted(entry.trimEnd()), { level: "error" });
    }
  };
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const end = text.lastIndexOf("\n");
    if (end < 0) rest += text;
    else {
      tell(rest + text.slice(0, end));
      rest = text.slice(end + 1);
    }
  }
  tell(rest);
}
