/** JSON sidecars of BIDS recordings: inherited, joined, and what they tell of the screen. */
import type { GazeOptions } from "./format.ts";
import { jsonOf } from "./untimed_points.ts";
import type { GazeSink } from "./sink.ts";
import { IDENTITY } from "./scanpath.ts";
import type { Mapping, Size } from "../gaze.ts";
import { pxPerDegree, screenLength } from "../screen.ts";

export type Sidecar = Record<string, unknown>;

/** Parts of a BIDS name: `sub-01`, `task-x`, ... */
function entities(name: string): Set<string> {
  return new Set(name.slice(name.lastIndexOf("/") + 1).split("_").slice(0, -1));
}

/** The sidecars of a kind that apply to the file, joined; the more special ones win. */
export async function sidecarOf(
  { beside, file }: GazeOptions,
  kind: string,
  sink: GazeSink,
): Promise<Sidecar> {
  const own = entities(file);
  const names = (beside?.names ?? []).filter((name) => {
    const folder = name.slice(0, name.lastIndexOf("/") + 1);
    return name.endsWith(`_${kind}.json`) && file.startsWith(folder) &&
      [...entities(name)].every((entity) => own.has(entity));
  });
  names.sort((a, b) => depth(a) - depth(b) || entities(a).size - entities(b).size);
  const joined: Sidecar = {};
  for (const name of names) {
    const value = jsonOf(new TextDecoder().decode(await beside!.read(name)));
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      sink.warn(`the sidecar ${name} is no JSON object: not read`);
      continue;
    }
    for (const [key, field] of Object.entries(value)) {
      // A field of its own for every column: what the special one leaves out is inherited.
      const known = joined[key];
      const both = [known, field].every((one) =>
        typeof one === "object" && one !== null && !Array.isArray(one)
      );
      joined[key] = both ? { ...known as Sidecar, ...field as Sidecar } : field;
    }
  }
  return joined;
}

const depth = (name: string) => name.split("/").length;

export interface Geometry {
  /** Of the screen, px. */
  size?: Size;
  /** How positions in these units (of x and of y, in columns) become px or shares of the screen from its top left. */
  place(units: string[], columns: number[]): { normalised: boolean; toScreen: Mapping };
}

/** Metres per unit of length. */
const METRES: Record<string, number> = { m: 1, cm: 1e-2, mm: 1e-3 };
const PIXELS = /^(px|pix|pixels?)$/;
const SHARES = /^(ratio|normali[sz]ed|norm|fraction|a\.?u\.? \(0-1\))$/;

export function geometryOf(physio: Sidecar, events: Sidecar, sink: GazeSink): Geometry {
  const shown = {
    ...physio,
    ...(physio.StimulusPresentation as Sidecar),
    ...(events.StimulusPresentation as Sidecar),
  };
  const system = String(physio.SampleCoordinateSystem ?? "gaze-on-screen").toLowerCase();
  if (!/gaze-on-screen/.test(system)) {
    sink.problem(`SampleCoordinateSystem "${system}" fits no image: gaze-on-screen is read`, 1);
  }
  const pair = (value: unknown): [number, number] | undefined => {
    const [a, b] = Array.isArray(value) ? value.map(Number) : [];
    return a > 0 && b > 0 ? [a, b] : undefined;
  };
  const resolution = pair(shown.ScreenResolution)?.map(screenLength);
  const metres = pair(shown.ScreenSize);
  const size = resolution && { width: resolution[0], height: resolution[1] };
  const distance = Number(shown.ScreenDistance);
  if (size && metres && distance > 0) {
    const screen = { width_px: size.width, height_px: size.height, width_mm: metres[0] * 1000 };
    sink.toldPxPerDegree = pxPerDegree(screen, distance * 1000);
  }
  const { screen } = sink.options;
  const px = screen ? { width: screen.width_px, height: screen.height_px } : size;
  const origin = originOf(shown.ScreenOrigin ?? shown.EnvironmentCoordinates, sink);
  return { size, place };

  function place(units: string[], columns: number[]) {
    const shares = units.every((unit) => SHARES.test(unit));
    const lengths = units.map((unit) => METRES[unit]);
    const inMetres = lengths.every((metres) => metres !== undefined);
    if (units.every((unit) => unit === "")) {
      sink.warn("the sidecar names no unit of x_coordinate and y_coordinate: pixels taken");
    } else if (inMetres && !metres) {
      sink.problem(
        `unit "${units[0]}" needs the ScreenSize in the events' sidecar`,
        1,
        columns[0] + 1,
      );
    } else if (!shares && !inMetres && !units.every((unit) => PIXELS.test(unit))) {
      const at = units.findIndex((unit) => !PIXELS.test(unit));
      sink.problem(
        `unit "${units[at]}" of ${
          at === 0 ? "x" : "y"
        }_coordinate is not pixel, normalized, mm, cm or m: convert it`,
        1,
        columns[at] + 1,
      );
    }
    const normalised = shares || inMetres;
    if (inMetres) sink.assume("lengths on the screen taken to shares of it by its ScreenSize");
    const [ax, ay] = inMetres && metres ? [lengths[0] / metres[0], lengths[1] / metres[1]] : [1, 1];
    const [width, height] = normalised ? [1, 1] : [px?.width ?? NaN, px?.height ?? NaN];
    const toScreen: Mapping = { ...IDENTITY, ax, ay };
    if (origin.x !== 0) [toScreen.ax, toScreen.bx] = along(origin.x, ax, width);
    if (origin.y !== 0) [toScreen.ay, toScreen.by] = along(origin.y, ay, height);
    if (Number.isNaN(toScreen.bx + toScreen.by)) {
      sink.problem("its ScreenOrigin needs the ScreenResolution, or the option `screen`", 1);
    }
    return { normalised, toScreen };
  }
}

/** Where the origin lies: 0 at the left or top, 1 at the right or bottom (and the axis points back), 0.5 between. */
function originOf(value: unknown, sink: GazeSink): { x: number; y: number } {
  const words = (Array.isArray(value) ? value.join(" ") : String(value ?? "top left"))
    .toLowerCase().split(/[^a-z]+/).filter((word) => word !== "");
  const has = (word: string) => words.includes(word);
  const known = ["top", "bottom", "left", "right", "center", "centre", "middle"];
  if (words.length === 0 || !words.every((word) => known.includes(word))) {
    sink.problem(`ScreenOrigin "${words.join(" ")}" is unknown: ["top", "left"] and such are`, 1);
  }
  const origin = {
    x: has("left") ? 0 : has("right") ? 1 : 0.5,
    y: has("top") ? 0 : has("bottom") ? 1 : 0.5,
  };
  if (origin.x + origin.y > 0) {
    sink.assume(`origin of the screen at ${words.join(" ")}, by the sidecar`);
  }
  if (origin.y === 0.5) sink.warn("ScreenOrigin in the middle: y taken to point down");
  return origin;
}

/** Factor and offset of one axis. */
function along(origin: number, scale: number, length: number): [number, number] {
  return origin === 1 ? [-scale, length] : [scale, origin * length];
}
