/** Just enough XML for the parts of a workbook: elements of a name, one after the other, and their text. */

export interface Element {
  attributes: Record<string, string>;
  /** What stands between its tags, "" where it has none. */
  inner: string;
}

const ATTRIBUTE = /([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;

/** Elements of a name (whatever its prefix) that do not stand in one another, in their order. */
export function elements(xml: string, name: string): Element[] {
  const open = new RegExp(`<(?:[\\w.-]+:)?${name}(?=[\\s/>])`, "g");
  const close = new RegExp(`</(?:[\\w.-]+:)?${name}\\s*>`, "g");
  const found: Element[] = [];
  for (let tag = open.exec(xml); tag; tag = open.exec(xml)) {
    const end = endOfTag(xml, open.lastIndex);
    if (end < 0) break;
    const empty = xml[end - 1] === "/";
    const attributes: Record<string, string> = {};
    for (const [, key, double, single] of xml.slice(open.lastIndex, end).matchAll(ATTRIBUTE)) {
      attributes[key] = decoded(double ?? single);
    }
    close.lastIndex = end + 1;
    const closing = empty ? null : close.exec(xml);
    if (!empty && !closing) break;
    found.push({ attributes, inner: closing ? xml.slice(end + 1, closing.index) : "" });
    open.lastIndex = closing ? close.lastIndex : end + 1;
  }
  return found;
}

/** The text of a string item: that of its `t`, in one run or several, without how it is pronounced. */
export function textOf(inner: string, runs = true): string {
  if (!runs) return decoded(inner);
  const spoken = inner.includes("rPh")
    ? inner.replace(/<(?:[\w.-]+:)?rPh\b[\s\S]*?<\/(?:[\w.-]+:)?rPh>/g, "")
    : inner;
  return elements(spoken, "t").map(({ inner: text }) => decoded(text)).join("");
}

/** Where a tag ends; a `>` within quotes does not. */
function endOfTag(xml: string, from: number): number {
  let quote = "";
  for (let at = from; at < xml.length; at++) {
    const mark = xml[at];
    if (quote !== "") {
      if (mark === quote) quote = "";
    } else if (mark === '"' || mark === "'") quote = mark;
    else if (mark === ">") return at;
  }
  return -1;
}

const NAMED: Record<string, string> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

function decoded(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(
    /&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(\w{2,4}));/gi,
    (whole, hex, digits, name) => {
      if (name) return NAMED[name] ?? whole;
      const code = hex ? parseInt(hex, 16) : Number(digits);
      return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    },
  );
}
