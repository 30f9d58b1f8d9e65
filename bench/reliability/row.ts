/** A promise with what was measured of it. */
export interface Row {
  /** What it is about: a section of the table. */
  of: string;
  what: string;
  wanted: string;
  measured: string;
  /** undefined: told, and no promise. */
  holds?: boolean;
}

export const MiB = (bytes: number) => Math.round(bytes / 2 ** 20);

/** Escapes what would end a cell. */
const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ");

/** Markdown: a table for each section, in the order in which sections first appear. */
export function tables(rows: Row[]): string {
  const sections = [...new Set(rows.map((row) => row.of))];
  return sections.map((section) => {
    const lines = rows.filter((row) => row.of === section).map((
      { what, wanted, measured, holds },
    ) =>
      `| ${
        [what, wanted, measured, holds === undefined ? "" : holds ? "yes" : "**no**"].map(cell)
          .join(" | ")
      } |`
    );
    return `## ${section}\n\n| what | wanted | measured | holds |\n| --- | --- | --- | --- |\n${
      lines.join("\n")
    }\n`;
  }).join("\n");
}
