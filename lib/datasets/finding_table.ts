/** What a table of labels says of findings: whether it is multi-label at all, and which image has what. */
import {
  CandidateColumns,
  contradictsItself,
  type FindingColumn,
  findingOf,
  fromList,
  isListHeader,
  isUncertain,
  listed,
  listsSeveral,
  namedColumns,
  namesOne,
  notAFinding,
  notBinary,
  otherNone,
  saysNone,
} from "./finding_columns.ts";
import { maxProblems } from "./csv_table.ts";
import { unescapeFormula } from "@/lib/csv.ts";
import { type LabelColumns, labelColumns, quoted } from "./label_columns.ts";
import { isMissing } from "./missing.ts";
import { InvalidInput, type Problem } from "@/lib/errors.ts";
import { contradicted, type SaidFindings } from "./multi_label.ts";

/** What a table says of an image. */
interface Row {
  image: string;
  label?: string | null;
  findings?: SaidFindings;
}

/** A cell that lists findings. */
interface ListCell {
  cell: string;
  line: number;
}

export interface MultiLabel {
  /** The findings, in the order of their columns, or of their names where a column lists them. */
  classes: string[];
  /** Warnings of the header, and of the whole. */
  header: string[];
  warnings: string[];
}

/**
 * A table is multi-label where the set's findings are given (`classes` of dataset.json); where it has no column of a
 * label and two or more others that hold nothing but 0, 1 and what is not known; or where its column is called
 * `labels` or `findings` and a cell of it names several, with | or ; between them.
 */
export class FindingTable {
  readonly at: LabelColumns;
  readonly #named: FindingColumn[];
  readonly #candidates: CandidateColumns;
  readonly #isList: boolean;
  readonly #said = new Map<string, { cells: Map<number, 0 | 1 | null>[]; lists: ListCell[] }>();
  #uncertain = 0;
  /** Rows of lists that contradict others of their image. */
  readonly #opposed: Problem[] = [];

  constructor(
    readonly headers: string[],
    readonly written: string[],
    readonly given?: string[],
    /** As problems name it. */
    readonly file = "labels.csv",
  ) {
    this.#named = given ? namedColumns(written, given) : [];
    const at = labelColumns(this.#without(this.#named), true);
    const ignored = this.#named.length > 0 && at.label >= 0;
    this.at = ignored
      ? {
        ...at,
        label: -1,
        warnings: [
          ...at.warnings,
          `The column "${headers[at.label]}" is not used: the findings have columns of their own`,
        ],
      }
      : at;
    const open = given === undefined && at.label < 0 && at.image >= 0 ? at.unused : [];
    this.#candidates = new CandidateColumns(
      open.map((index) => ({ index, name: unescapeFormula(written[index]).normalize("NFC") })),
    );
    this.#isList = this.#named.length === 0 && at.label >= 0 &&
      (given !== undefined || isListHeader(headers[at.label]));
  }

  #without(columns: FindingColumn[]): string[] {
    return this.headers.map((header, i) => columns.some(({ index }) => index === i) ? "" : header);
  }

  /** Keeps what a row says of an image; what is wrong with it, in words. */
  read(image: string, cells: string[], line: number): string[] {
    const problems: string[] = [];
    const values = this.#candidates.read(cells, line);
    for (const { index, name } of this.#named) {
      const value = findingOf(cells[index]);
      if (value === undefined) problems.push(notBinary(cells[index], name));
      else values.set(index, value);
      if (isUncertain(cells[index])) this.#uncertain++;
    }
    const known = this.#said.get(image) ?? { cells: [], lists: [] };
    this.#said.set(image, known);
    for (const other of known.cells) {
      const wrong = this.#named.filter(({ index }) => {
        const [a, b] = [other.get(index) ?? null, values.get(index) ?? null];
        return a !== null && b !== null && a !== b;
      });
      for (const { name } of wrong) {
        problems.push(`Cannot say both 0 and 1 of "${name}" on "${image}"`);
      }
    }
    if (values.size > 0) known.cells.push(values);
    const list = this.#isList ? unescapeFormula(cells[this.at.label]) : "";
    if (!this.#isList || isMissing(list)) return problems;
    if (this.given !== undefined) {
      const given = this.given;
      const other = listed(list, given).find((name) => !given.includes(name));
      if (other !== undefined) problems.push(notAFinding(other, given));
      const word = otherNone(list, given);
      if (word !== undefined) problems.push(word);
      if (contradictsItself(list)) {
        problems.push(
          `Cannot use "${list.slice(0, 60)}": it says that there is none, and names one`,
        );
      }
    }
    const [none, named] = [saysNone(list), namesOne(list)];
    const opposed = none === named
      ? undefined
      : known.lists.find(({ cell }) => saysNone(cell) !== none && namesOne(cell) !== named);
    if (opposed) {
      const message = `Cannot use "${
        list.slice(0, 60)
      }" for "${image}": line ${opposed.line} says "${
        opposed.cell.slice(0, 60)
      }", and one of the two says that there is no finding`;
      if (this.given !== undefined) problems.push(message);
      else if (this.#opposed.length < maxProblems) this.#opposed.push({ line, message });
    }
    known.lists.push({ cell: list, line });
    return problems;
  }

  /**
   * Gives every image its findings and takes its label away, where the table is multi-label; undefined where not.
   * @param several labels of images that rows name differently
   */
  finish(labels: Row[], several: Map<string, Set<string>>): MultiLabel | undefined {
    if (this.#named.length > 0) return this.#byColumns(labels, this.#named, this.#uncertain);
    if (this.#isList) return this.#byLists(labels, several);
    const found = this.#candidates.found();
    if (found.length === 0) return undefined;
    return this.#byColumns(labels, found, this.#candidates.uncertain(found));
  }

  /** Columns that would be findings but for few of their cells, in words. */
  spoilt(): string[] {
    return this.#candidates.spoilt();
  }

  #byColumns(labels: Row[], columns: FindingColumn[], uncertain: number): MultiLabel {
    const contradicting: string[] = [];
    for (const row of labels) {
      const said: SaidFindings = Object.fromEntries(columns.map(({ name }) => [name, null]));
      for (const values of this.#said.get(row.image)?.cells ?? []) {
        const more = Object.fromEntries(
          columns.map(({ index, name }) => [name, values.get(index) ?? null]),
        );
        for (const name of contradicted(said, more)) {
          contradicting.push(`"${name}" of "${row.image}"`);
          more[name] = null;
          said[name] = null;
        }
        for (const [name, value] of Object.entries(more)) if (value !== null) said[name] = value;
      }
      row.findings = said;
      row.label = undefined;
    }
    const names = columns.map(({ name }) => name);
    const { warnings } = labelColumns(this.#without(columns), true);
    const header = this.given === undefined
      ? [
        `The set is multi-label: the columns ${
          quoted(names)
        } hold 0, 1 or nothing, and were taken for findings; ` +
        "`classes` in dataset.json names those that are",
        ...warnings,
      ]
      : this.at.warnings;
    return {
      classes: this.given ?? names,
      header,
      warnings: [
        ...this.spoilt(),
        ...(uncertain > 0
          ? [`${uncertain} cells say -1, uncertain: these findings count as not known`]
          : []),
        ...(contradicting.length > 0
          ? [
            `Rows contradict each other, and the finding counts as not known, in ${contradicting.length} cases: ` +
            contradicting.slice(0, 5).join(", "),
          ]
          : []),
      ],
    };
  }

  #byLists(labels: Row[], several: Map<string, Set<string>>): MultiLabel | undefined {
    const all = [...this.#said.values()].flatMap(({ lists }) => lists.map(({ cell }) => cell));
    if (this.given === undefined && !all.some(listsSeveral)) return undefined;
    if (this.#opposed.length > 0) {
      throw new InvalidInput(
        `Cannot read ${this.file}`,
        this.#opposed.map((problem) => ({ file: this.file, ...problem })),
      );
    }
    const both = all.filter(contradictsItself).length;
    const classes = this.given ?? [...new Set(all.flatMap((cell) => listed(cell)))].sort();
    for (const row of labels) {
      const lists = this.#said.get(row.image)?.lists ?? [];
      row.findings = lists.length > 0
        ? fromList(lists.flatMap(({ cell }) => listed(cell, this.given)), classes)
        : Object.fromEntries(classes.map((name) => [name, null]));
      row.label = undefined;
    }
    several.clear();
    const header = this.headers[this.at.label];
    return {
      classes,
      header: [
        `${
          this.given === undefined ? "The set is multi-label: the" : "The"
        } column "${header}" lists the findings ${
          quoted(classes)
        }; one that an image's cell does ` +
        "not list is taken as absent there, an empty cell as not known",
        ...this.at.warnings.filter((text) => !text.includes("was taken for the label")),
      ],
      warnings: both > 0
        ? [`${both} cells say that there is no finding, and name one: the one that is named counts`]
        : [],
    };
  }
}
