/**
 * Where a row of a Tobii export has a position: in px of the screen, px of the media or shares of the media. Px of the
 * media are Pro Lab's of the original media, Studio's of the media as it was shown (MediaWidth, MediaHeight).
 */
import type { Point } from "./eyes.ts";
import type { Mapping, Rectangle, Size } from "../gaze.ts";
import type { Row, Table } from "./gaze_table.ts";
import { IDENTITY, ofRectangle, type Positions, type Scanpath } from "./scanpath.ts";
import type { GazeSink } from "./sink.ts";

/** Endings of the columns' names, letters and digits alone; RCS, ADCS and no ending at all are older. */
const KINDS = [
  { endings: ["dacspx", "adcspx", "rcspx", ""], positions: "px of the screen" },
  { endings: ["mcspx"], positions: "px of the image" },
  { endings: ["mcsnorm"], positions: "share of the image" },
] as const satisfies { endings: readonly string[]; positions: Positions }[];
const [SCREEN, MEDIA] = [0, 1];

export interface TobiiPlace extends Point {
  kind: number;
  mapping: Mapping;
}

/** The columns of one point, `gazepoint` or `fixationpoint`, in every kind of coordinates that there is. */
export class TobiiPlaces {
  readonly #table: Table;
  readonly #sink: GazeSink;
  /** x and y by kind; -1 where there is none. */
  readonly #pairs: [number, number][];
  readonly #rect: number[];
  readonly #original: number[];
  readonly #studioSize: number[];
  readonly #resolution: number[];
  readonly #text: number;
  #told?: Size;

  constructor(table: Table, sink: GazeSink, name: string) {
    const find = (...names: string[]) => table.findSqueezed(...names);
    this.#table = table;
    this.#sink = sink;
    this.#pairs = KINDS.map(({ endings }) => {
      const ending = endings.find((ending) =>
        find(`${name}x${ending}`) >= 0 && find(`${name}y${ending}`) >= 0
      );
      return ending === undefined
        ? [-1, -1]
        : [find(`${name}x${ending}`), find(`${name}y${ending}`)];
    });
    this.#rect = [
      find("presentedmediapositionxdacspx", "mediaposxadcspx"),
      find("presentedmediapositionydacspx", "mediaposyadcspx"),
      find("presentedmediawidthpx", "presentedmediawidth", "mediawidth"),
      find("presentedmediaheightpx", "presentedmediaheight", "mediaheight"),
    ];
    this.#original = [find("originalmediawidthpx"), find("originalmediaheightpx")];
    this.#studioSize = [find("mediawidth"), find("mediaheight")];
    this.#resolution = [find("recordingresolutionwidthpx"), find("recordingresolutionheightpx")];
    this.#text = find("recordingresolution");
  }

  /** Whether the point has columns at all. */
  get known(): boolean {
    return this.#pairs.some(([x]) => x >= 0);
  }

  /** Whether both have the same kinds of coordinates, at least one. */
  sameKinds(other: TobiiPlaces): boolean {
    return this.known && this.#pairs.every(([x], k) => (x >= 0) === (other.#pairs[k][0] >= 0));
  }

  /** Whether the row holds the point in any coordinates. */
  filled(row: Row): boolean {
    return this.#pairs.some((_, kind) => this.#has(row, kind));
  }

  /** The cells as they are, to tell points apart. */
  cells(row: Row): string {
    return this.#pairs.flat().map((column) => this.#table.text(row, column)).join(" ");
  }

  /** The point in one kind of coordinates. */
  of(row: Row, kind: number): Point {
    const [x, y] = this.#pairs[kind].map((column) => this.#table.number(row, column));
    return { x, y };
  }

  /** The point of a row, in the coordinates that the row has it in, and what takes these to the image. */
  read(row: Row, scanpath: Scanpath): TobiiPlace {
    const on = this.shownAt(row);
    const order = on ? [0, 1, 2] : [1, 2, 0];
    const kind = order.find((kind) => this.#has(row, kind)) ??
      order.find((kind) => this.#pairs[kind][0] >= 0) ?? SCREEN;
    const filled = this.#has(row, kind);
    const mapping = filled ? this.#mapping(kind, row, scanpath, on) : IDENTITY;
    if (filled && scanpath.sampleCount + scanpath.fixationCount === 0) {
      scanpath.positions = KINDS[kind].positions;
      scanpath.mapping = mapping;
    }
    return { ...this.of(row, kind), kind, mapping };
  }

  #has(row: Row, kind: number): boolean {
    const [x, y] = this.#pairs[kind];
    return x >= 0 && this.#table.text(row, x) !== "" && this.#table.text(row, y) !== "";
  }

  /** Where the media stood on the screen in this row. */
  shownAt(row: Row): Rectangle | undefined {
    if (this.#rect.some((column) => column < 0)) return undefined;
    const [x, y, width, height] = this.#rect.map((column) => this.#table.number(row, column));
    return Number.isFinite(x + y) && width > 0 && height > 0 ? { x, y, width, height } : undefined;
  }

  #mapping(kind: number, row: Row, scanpath: Scanpath, on?: Rectangle): Mapping {
    const { size } = scanpath;
    const sink = this.#sink;
    if (kind === MEDIA) {
      sink.assume("positions in px of the media");
      const media = this.#sizeOf(row, this.#original) ?? this.#sizeOf(row, this.#studioSize);
      return size && media ? ofRectangle({ x: 0, y: 0, ...media }, size) : IDENTITY;
    }
    if (kind !== SCREEN) {
      sink.assume("positions 0..1 of the media");
      if (!size) {
        sink.problem(`normalised positions need the size of image "${scanpath.image}"`, row.line);
        return IDENTITY;
      }
      return ofRectangle({ x: 0, y: 0, width: 1, height: 1 }, size);
    }
    if (on) {
      sink.assume("screen px taken to image px by the position and size of the presented media");
    }
    const screen = on ? undefined : sink.screen(this.#told ??= this.#screenOf(row));
    if (!size || (!screen && !on)) {
      sink.assume("screen px taken for image px (no screen given)");
      return IDENTITY;
    }
    const { mapping, imagePxPerScreenPx } = sink.mappingOf(size, screen, on);
    scanpath.imagePxPerScreenPx = imagePxPerScreenPx;
    return mapping;
  }

  #sizeOf(row: Row, columns: number[]): Size | undefined {
    const [width, height] = columns.map((column) => this.#table.number(row, column));
    return width > 0 && height > 0 ? { width, height } : undefined;
  }

  /** Pro Lab has two columns, Studio one: `1920 x 1080`. */
  #screenOf(row: Row): Size | undefined {
    const words = /^(\d+)\s*x\s*(\d+)$/i.exec(this.#table.text(row, this.#text));
    return words
      ? { width: Number(words[1]), height: Number(words[2]) }
      : this.#sizeOf(row, this.#resolution);
  }
}
