/** Findings in a table of labels: a column for each, of 0 and 1, or one column that lists those that are present. */
import { closest } from "@/lib/closest.ts";
import { unescapeFormula } from "@/lib/csv.ts";
import { NO_FINDING } from "./findings.ts";
import { plain, quoted, words } from "./label_columns.ts";
import { isMissing } from "./missing.ts";
import type { SaidFindings } from "./multi_label.ts";

/** Names of a column that may list several findings of an image. */
const LISTS = words("labels findings finding_labels classes targets pathologies diagnoses");
const SEPARATORS = ["|", ";"];

export const isListHeader = (header: string): boolean => LISTS.includes(plain(header));
export const listsSeveral = (cell: string): boolean => SEPARATORS.some((s) => cell.includes(s));

/** 1, 0, or null for what is not known; undefined for anything else. */
export function findingOf(cell: string): 0 | 1 | null | undefined {
  const text = unescapeFormula(cell);
  // CheXpert and MIMIC-CXR write -1 for what the report leaves open.
  if (isMissing(text) || isUncertain(cell)) return null;
  if (/^(1(\.0*)?|true)$/i.test(text)) return 1;
  if (/^(0(\.0*)?|false)$/i.test(text)) return 0;
  return undefined;
}

export const isUncertain = (cell: string): boolean => /^-1(\.0*)?$/.test(unescapeFormula(cell));

/** What a cell of another kind is refused with. */
export const notBinary = (cell: string, name: string): string =>
  `Cannot use "${
    cell.slice(0, 60)
  }" as finding "${name}": 0, 1, true or false is expected, empty where it is not known`;

/** The names in a cell, each once. */
function namesIn(cell: string): string[] {
  const separator = SEPARATORS.find((mark) => cell.includes(mark)) ?? "|";
  const names = cell.normalize("NFC").split(separator).map((name) => name.trim());
  return [...new Set(names.filter((name) => name !== ""))];
}

/**
 * The names that a cell lists, each once; none for one that says that there is no finding, unless the set's findings
 * have that word among them.
 */
export function listed(cell: string, classes: string[] = []): string[] {
  return namesIn(cell).filter((name) => classes.includes(name) || !NO_FINDING.test(name));
}

/** Whether a cell says that there is no finding. */
export const saysNone = (cell: string): boolean =>
  namesIn(cell).some((name) => NO_FINDING.test(name));

/** Whether a cell names a finding. */
export const namesOne = (cell: string): boolean => listed(cell).length > 0;

/** Whether a cell says that there is no finding and names one as well. */
export const contradictsItself = (cell: string): boolean => saysNone(cell) && namesOne(cell);

/**
 * Why a cell cannot say that there is no finding in another word than the set's own finding of that meaning; undefined
 * where it does not.
 */
export function otherNone(cell: string, classes: string[]): string | undefined {
  const own = classes.find((name) => NO_FINDING.test(name));
  const other = namesIn(cell).find((name) => NO_FINDING.test(name) && !classes.includes(name));
  if (own === undefined || other === undefined) return undefined;
  return `Cannot use "${other}": the set's finding "${own}" says that there is none; write "${own}" there`;
}

/** Of a list that names all that is present: everything else is absent. */
export function fromList(names: string[], classes: string[]): SaidFindings {
  return Object.fromEntries(classes.map((name) => [name, names.includes(name) ? 1 : 0]));
}

/** Why a listed name is none of a set's findings, with the one that may be meant. */
export function notAFinding(name: string, classes: string[]): string {
  const meant = closest(name, classes);
  return `Cannot use finding "${name.slice(0, 60)}": the set's findings are ${quoted(classes)}${
    meant === undefined ? "" : `; "${meant}" may be meant`
  }`;
}

/** Columns of findings: their places, and their names as the header writes them. */
export interface FindingColumn {
  index: number;
  name: string;
}

/**
 * Those columns that a set's findings name, without regard to case where that is not needed to tell them apart.
 */
export function namedColumns(headers: string[], classes: string[]): FindingColumn[] {
  const given = headers.map((header) => unescapeFormula(header).normalize("NFC"));
  return classes.flatMap((name) => {
    const exact = given.indexOf(name);
    const alike = given.flatMap((header, i) =>
      header.toLowerCase() === name.toLowerCase() ? [i] : []
    );
    const index = exact >= 0 ? exact : alike.length === 1 ? alike[0] : -1;
    return index < 0 ? [] : [{ index, name }];
  });
}

/** A column that was no finding from a line on. */
interface Spoilt {
  name: string;
  line: number;
  cell: string;
  /** Cells that hold 0 or 1, and those that hold anything else. */
  known: number;
  others: number;
}

/** Columns that may be findings by having no other use: what is in them decides. */
export class CandidateColumns {
  /** Those that have held nothing but 0, 1 and what is not known so far. */
  readonly #open: Map<number, { name: string; known: number; uncertain: number }>;

  readonly #spoilt = new Map<number, Spoilt>();

  constructor(columns: FindingColumn[]) {
    this.#open = new Map(
      columns.map(({ index, name }) => [index, { name, known: 0, uncertain: 0 }]),
    );
  }

  /** The values of a row, by place of the column; a column that holds anything else is none from then on. */
  read(cells: string[], line: number): Map<number, 0 | 1 | null> {
    const values = new Map<number, 0 | 1 | null>();
    for (const [index, column] of this.#spoilt) {
      const value = findingOf(cells[index]);
      if (value === undefined) column.others++;
      else if (value !== null) column.known++;
    }
    for (const [index, column] of this.#open) {
      const value = findingOf(cells[index]);
      if (value === undefined) {
        this.#open.delete(index);
        const { name, known } = column;
        this.#spoilt.set(index, { name, line, cell: cells[index], known, others: 1 });
        continue;
      }
      values.set(index, value);
      if (value !== null) column.known++;
      if (isUncertain(cells[index])) column.uncertain++;
    }
    return values;
  }

  /** The findings, where there are two or more. */
  found(): FindingColumn[] {
    const columns = [...this.#open].filter(([, { known }]) => known > 0)
      .map(([index, { name }]) => ({ index, name }));
    return columns.length >= 2 ? columns : [];
  }

  /** Columns that hold 0 and 1 more often than anything else, and so are no findings, in words. */
  spoilt(): string[] {
    return [...this.#spoilt.values()].filter(({ known, others }) => known > others).map((one) =>
      `The column "${one.name}" is no finding, as line ${one.line} holds "${
        one.cell.slice(0, 60)
      }"${
        one.others > 1 ? `, and ${one.others - 1} more lines such` : ""
      }: 0, 1, true or false is ` +
      "expected, empty where it is not known; name the findings as `classes` in dataset.json to have such " +
      "cells refused"
    );
  }

  /** Cells that said -1, in these columns. */
  uncertain(columns: FindingColumn[]): number {
    return columns.reduce((sum, { index }) => sum + (this.#open.get(index)?.uncertain ?? 0), 0);
  }
}
