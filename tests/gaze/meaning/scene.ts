/**
 * What readers did on images, made up: the truth that a file is written from and must come back to. Positions are
 * image px, times s from the first sample of a trial.
 */
import type { Rectangle, Size } from "@/lib/gaze/gaze.ts";
import { Dice } from "./dice.ts";

export interface Point {
  x: number;
  y: number;
}

export interface SceneImage extends Size {
  name: string;
}

export interface SceneSample {
  t: number;
  /** undefined: the eye was not found */
  left?: Point;
  right?: Point;
  /** What both eyes together say: their mean, where short gaps of one eye are filled. */
  mean?: Point;
  /** How much the mean may differ because times are rounded in the file, px. */
  slack: number;
}

export interface SceneFixation extends Point {
  start: number;
  duration: number;
  /** The eye was lost: no position. */
  lost: boolean;
}

export interface SceneTrial {
  image: SceneImage;
  reader: string;
  fixations: SceneFixation[];
  samples: SceneSample[];
}

export interface Scene {
  images: SceneImage[];
  screen: Size;
  /** Samples per second. */
  rate: number;
  trials: SceneTrial[];
}

/** Gaps of one eye up to this long are filled before both are averaged, s. */
const FILLED = 0.075;

export function sceneOf(dice: Dice): Scene {
  const images = Array.from({ length: dice.whole(1, 3) }, (_, i): SceneImage => ({
    name: dice.pick([`im${i}.png`, `thorax_${i}.png`, `Brüste${i}.png`]),
    width: dice.whole(300, 2500),
    height: dice.whole(300, 2500),
  }));
  const readers = ["P01", "s2", "Müller"].slice(0, dice.whole(1, 3));
  const scene: Scene = {
    images,
    screen: dice.pick([[1280, 1024], [1920, 1080], [2560, 1440]].map(([width, height]) => ({
      width,
      height,
    }))),
    rate: dice.pick([60, 100, 250]),
    trials: [],
  };
  for (const reader of readers) {
    for (const image of images) {
      if (scene.trials.length === 0 || dice.chance(0.6)) {
        scene.trials.push(trialOf(dice, image, reader, scene));
      }
    }
  }
  return scene;
}

/** Where the image stands on the screen: as large as it can, centred. */
export function letterbox({ width, height }: Size, screen: Size): Rectangle {
  const scale = Math.min(screen.width / width, screen.height / height);
  return {
    x: (screen.width - width * scale) / 2,
    y: (screen.height - height * scale) / 2,
    width: width * scale,
    height: height * scale,
  };
}

/** Where the image stands on the screen when nothing is said: own size in the middle, or fitted if it is too large. */
export function centred(image: Size, screen: Size): Rectangle {
  const { width, height } = image;
  if (width > screen.width || height > screen.height) return letterbox(image, screen);
  return { x: (screen.width - width) / 2, y: (screen.height - height) / 2, width, height };
}

/** A place in the image as px of the screen. */
export function onScreen({ x, y }: Point, { width, height }: Size, on: Rectangle): Point {
  return { x: on.x + x * on.width / width, y: on.y + y * on.height / height };
}

/** Whether gaze there counts as on the image. */
export function isInside({ x, y }: Point, { width, height }: Size): boolean {
  return x >= 0 && y >= 0 && x < width && y < height;
}

function trialOf(
  dice: Dice,
  image: SceneImage,
  reader: string,
  { screen, rate }: Scene,
): SceneTrial {
  const fixations: SceneFixation[] = [];
  let start = 0;
  for (let i = dice.whole(2, 4); i > 0; i--) {
    const duration = dice.whole(Math.ceil(0.15 * rate), Math.floor(0.35 * rate)) / rate;
    fixations.push({ ...placeOf(dice, image, screen), start, duration, lost: dice.chance(0.1) });
    start += duration + dice.whole(2, 5) / rate;
  }
  if (fixations.every(({ lost }) => lost)) fixations[0].lost = false;
  return { image, reader, fixations, samples: samplesOf(dice, fixations, rate, image) };
}

/** On the image, or now and then clearly beside it, but on the screen. */
function placeOf(dice: Dice, image: Size, screen: Size): Point {
  const on = letterbox(image, screen);
  const beside = dice.chance(0.2);
  const inside = (length: number) => dice.between(4, length - 4);
  const point = { x: inside(image.width), y: inside(image.height) };
  if (!beside) return point;
  // The bars are at the sides, or above and below.
  const [bar, length, axis] = on.x > 20
    ? [on.x * image.width / on.width, image.width, "x"] as const
    : [on.y * image.height / on.height, image.height, "y"] as const;
  if (bar < 12) return point;
  const away = dice.between(6, bar - 4);
  return { ...point, [axis]: dice.chance(0.5) ? -away : length + away };
}

function samplesOf(
  dice: Dice,
  fixations: SceneFixation[],
  rate: number,
  image: Size,
): SceneSample[] {
  const last = fixations.at(-1)!;
  const count = Math.round((last.start + last.duration) * rate);
  const path = Array.from({ length: count }, (_, k) => pathAt(fixations, k / rate));
  const apart = image.width * dice.between(0.002, 0.004);
  const lost = { left: new Set<number>(), right: new Set<number>() };
  const lose = (eyes: ("left" | "right")[], from: number, length: number) => {
    for (const eye of eyes) for (let k = from; k < from + length; k++) lost[eye].add(k);
  };
  // A blink at the beginning, one in between, and one eye that is gone for a while within a fixation.
  if (dice.chance(0.3)) lose(["left", "right"], 0, dice.whole(2, 6));
  else if (dice.chance(0.2)) lose([dice.pick(["left", "right"])], 0, dice.whole(2, 6));
  if (dice.chance(0.3)) {
    lose(["left", "right"], dice.whole(count >> 1, count - 8), dice.whole(2, 6));
  }
  if (dice.chance(0.6)) {
    const { start, duration } = dice.pick(fixations);
    const first = Math.round(start * rate) + 8;
    const room = Math.round((start + duration) * rate) - first - 2;
    const short = Math.floor((FILLED - 0.002) * rate) - 1;
    const length = dice.chance(0.5) ? dice.whole(1, short) : Math.ceil(0.09 * rate);
    if (length <= room) lose([dice.pick(["left", "right"])], first, length);
  }
  return path.map((point, k) => {
    const left = lost.left.has(k) ? undefined : { x: point.x + apart, y: point.y };
    const right = lost.right.has(k) ? undefined : { x: point.x - apart, y: point.y };
    return { t: k / rate, left, right, ...meanOf(k, point, left, right) };
  });

  function meanOf(
    k: number,
    point: Point,
    left?: Point,
    right?: Point,
  ): { mean?: Point; slack: number } {
    if (!left && !right) return { slack: 0 };
    if (left && right) return { mean: point, slack: 0 };
    const set = left ? lost.right : lost.left;
    let [from, to] = [k, k];
    while (set.has(from)) from--;
    while (set.has(to)) to++;
    const filled = from >= 0 && to < count && (to - from) / rate <= FILLED + 1e-6;
    if (!filled) return { mean: left ?? right, slack: 0 };
    // The lost eye is taken on a straight line between where it was before and after.
    const sign = left ? -1 : 1;
    const share = (k - from) / (to - from);
    const at = (axis: "x" | "y") => path[from][axis] + share * (path[to][axis] - path[from][axis]);
    const other = { x: at("x") + sign * apart, y: at("y") };
    const seen = (left ?? right)!;
    const moved = Math.abs(path[to].x - path[from].x) + Math.abs(path[to].y - path[from].y);
    return {
      mean: { x: (seen.x + other.x) / 2, y: (seen.y + other.y) / 2 },
      slack: 0.1 * moved,
    };
  }
}

/** Where the gaze is: in a fixation, or on the straight way to the next. */
function pathAt(fixations: SceneFixation[], t: number): Point {
  const next = fixations.findIndex(({ start, duration }) => t < start + duration - 1e-9);
  const to = fixations[next] ?? fixations.at(-1)!;
  const from = fixations[next - 1];
  if (!from || t >= to.start - 1e-9) return { x: to.x, y: to.y };
  const left = from.start + from.duration;
  const share = (t - left) / (to.start - left);
  return { x: from.x + share * (to.x - from.x), y: from.y + share * (to.y - from.y) };
}
