/** What the demo shows: steps with a progress bar, and tables. Plain lines where stdout is no terminal. */

const WIDTH = 28;
const PLAIN_EVERY_MS = 10_000;

export interface Step {
  /** 0 to 1, with a word about what is being counted. */
  progress(share: number, note: string): void;
  /** Ends the step's line. */
  done(note: string): void;
}

/** Begins a step: its name stays on the line, the bar moves, the note tells. */
export function step(name: string): Step {
  const started = performance.now();
  const live = Deno.stdout.isTerminal();
  const label = name.padEnd(34);
  let written = started;
  const seconds = () => `${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s`;
  const write = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(text));
  if (live) write(`${label}${bar(0)}`);
  return {
    progress(share, note) {
      if (live) return void write(`\r\x1b[K${label}${bar(share)} ${seconds()}  ${note}`);
      if (performance.now() - written < PLAIN_EVERY_MS) return;
      written = performance.now();
      write(`${label}${bar(share)} ${seconds()}  ${note}\n`);
    },
    done(note) {
      write(`${live ? "\r\x1b[K" : ""}${label}${bar(1)} ${seconds()}  ${note}\n`);
    },
  };
}

function bar(share: number): string {
  const full = Math.round(WIDTH * Math.min(1, Math.max(0, share)));
  return `[${"█".repeat(full)}${"·".repeat(WIDTH - full)}]`;
}

/** Columns padded to their widest cell; the first one left, the others right. */
export function table(rows: string[][]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row: string[]) =>
    row.map((cell, column) => column ? cell.padStart(widths[column]) : cell.padEnd(widths[column]))
      .join("   ");
  const rule = widths.map((width) => "─".repeat(width)).join("───");
  return [line(rows[0]), rule, ...rows.slice(1).map(line)].join("\n");
}
