/**
 * Sections of a report that are written by themselves: they stand at its end, each between marks, so that the rest can be
 * written anew around them.
 */

const opening = (name: string) => `<!-- section ${name} -->`;
const CLOSING = "<!-- end of section -->";
const SECTION = /<!-- section [a-z]+ -->\n[^]*?<!-- end of section -->\n/g;

/** The report with this section in place of the one of its name, or at the end. */
export function withSection(report: string, name: string, section: string): string {
  const text = `${opening(name)}\n\n${section.trim()}\n\n${CLOSING}\n`;
  const known = sectionsOf(report).find((one) => one.startsWith(opening(name)));
  if (known !== undefined) return report.replace(known, () => text);
  return `${report.trimEnd()}\n\n${text}`.trimStart();
}

/** A report written anew, with the sections of the one before it. */
export function keepingSections(report: string, before: string): string {
  return [report.trimEnd(), ...sectionsOf(before).map((section) => section.trimEnd())]
    .join("\n\n") + "\n";
}

function sectionsOf(report: string): string[] {
  return report.match(SECTION) ?? [];
}
