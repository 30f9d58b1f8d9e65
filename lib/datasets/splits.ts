/**
 * Splits of a data set (methods.md, section 9): by patient, stratified by label or findings, seeded; given
 * splits are honoured. A patient never stands on two sides.
 */
import { createHash } from "node:crypto";
import { InvalidInput } from "@/lib/errors.ts";
import { isHashedImage, isHashedPatient } from "./pseudonym.ts";
import { iterativeDeal } from "./iterative_stratification.ts";
import type { Findings, SplitName } from "@/lib/store/images.ts";

export interface SplitImage {
  name: string;
  label: string | null;
  /** Of an image of a multi-label set. */
  findings?: Findings | null;
  patient: string | null;
  split: SplitName | null;
  /** SHA-256 of its picture, by which it is drawn where its names are hashes: those differ between data directories. */
  file?: string;
}

/** Indices into the images that were given, ascending. */
export interface Split {
  train: number[];
  validation: number[];
  test: number[];
}

export interface HoldOutOptions {
  /** Shares of the images, 0 to 1; the rest trains. */
  test: number;
  validation: number;
  seed: number;
  /** Independent drawings. */
  repeats?: number;
}

export interface FoldOptions {
  /** At least 2. */
  folds: number;
  /** Share of each fold's training images that is set aside for choosing the checkpoint. */
  validation: number;
  seed: number;
}

/** Images of one patient (or one image without a patient) stay together. */
export interface Group {
  images: number[];
  /** The label of most of its images. */
  label: string;
}

/** A number in 0 to 1 that depends on nothing but its arguments. */
export function draw(seed: number, ...what: (string | number)[]): number {
  const digest = createHash("sha256").update(JSON.stringify([seed, ...what])).digest();
  return digest.readUInt32LE(0) / 2 ** 32 + digest.readUInt16LE(4) / 2 ** 48;
}

function mostCommon(labels: string[]): string {
  const counts = new Map<string, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts].toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))[0][0];
}

/** What stands for a group in a drawing. */
function drawnBy(key: string, [first, ...others]: SplitImage[]): string {
  const { name, patient, file } = first;
  const hashed = patient === null ? isHashedImage(name) : isHashedPatient(patient);
  if (!hashed || file === undefined) return key;
  return `picture ${others.reduce((least, { file }) => file! < least ? file! : least, file)}`;
}

/** Whether anything is known of an image that a classifier could be trained on. */
export function isLabelled({ label, findings }: Pick<SplitImage, "label" | "findings">): boolean {
  return label !== null || (findings ?? null) !== null;
}

/** Images of one patient together, in an order drawn from the seed, independent of upload order. */
export function groupsOf(images: SplitImage[], indices: number[], seed: number): Group[] {
  const byPatient = Map.groupBy(
    indices,
    (i) => images[i].patient === null ? `image ${images[i].name}` : `patient ${images[i].patient}`,
  );
  const groups = [...byPatient].map(([key, members]) => ({
    images: members,
    label: mostCommon(members.map((i) => images[i].label ?? "")),
    order: draw(seed, drawnBy(key, members.map((i) => images[i]))),
  }));
  return groups.sort((a, b) => a.order - b.order);
}

/** Groups by label; within a label in their drawn order. */
export function strata(images: SplitImage[], indices: number[], seed: number): Group[][] {
  const byLabel = Map.groupBy(groupsOf(images, indices, seed), ({ label }) => label);
  return [...byLabel].toSorted(([a], [b]) => a < b ? -1 : 1).map(([, list]) => list);
}

/**
 * Deals images into parts, patient by patient: stratified by label, or, where images have findings, by these
 * (`iterativeDeal`). Returns image indices per part.
 */
function dealt(
  images: SplitImage[],
  indices: number[],
  shares: number[],
  seed: number,
): number[][] {
  const parts = indices.some((i) => images[i].findings)
    ? iterativeDeal(
      groupsOf(images, indices, seed),
      (i) => Object.entries(images[i].findings ?? {}).flatMap(([name, is]) => is ? [name] : []),
      shares,
    )
    : deal(strata(images, indices, seed), shares);
  fillEmpty(parts, shares);
  return parts.map((part) => part.flatMap((group) => group.images).sort((a, b) => a - b));
}

/**
 * Deals groups into parts whose sizes approach `shares` (which sum to 1), label by label: each
 * group, the larger first, goes where most is missing, counting what earlier labels left over.
 */
function deal(levels: Group[][], shares: number[]): Group[][] {
  const parts: Group[][] = shares.map(() => []);
  const filled = shares.map(() => 0);
  let total = 0;
  const move = (group: Group, part: number) => {
    parts[part].push(group);
    filled[part] += group.images.length;
  };
  for (const level of levels) {
    total += level.reduce((sum, group) => sum + group.images.length, 0);
    const missing = (part: number) => shares[part] * total - filled[part];
    for (const group of level.toSorted((a, b) => b.images.length - a.images.length)) {
      let best = -1;
      for (let part = 0; part < shares.length; part++) {
        if (shares[part] > 0 && (best < 0 || missing(part) > missing(best) + 1e-9)) best = part;
      }
      move(group, best);
    }
  }
  return parts;
}

/** No part stays empty while another has two groups. */
function fillEmpty(parts: Group[][], shares: number[]): void {
  for (let part = 0; part < shares.length; part++) {
    if (shares[part] === 0 || parts[part].length > 0) continue;
    const giver = parts.reduce((best, _, k) => parts[k].length > parts[best].length ? k : best, 0);
    if (parts[giver].length < 2) continue;
    const smallest = parts[giver].toSorted((a, b) => a.images.length - b.images.length)[0];
    parts[giver].splice(parts[giver].indexOf(smallest), 1);
    parts[part].push(smallest);
  }
}

function assertShare(name: string, share: number): void {
  if (!(share >= 0 && share < 1)) {
    throw new InvalidInput(
      `Cannot split: ${name} must be at least 0 and less than 1, got ${share}`,
    );
  }
}

/** Whether the data set brings its own split: some image is marked as test. */
export function hasGivenSplit(images: SplitImage[]): boolean {
  return images.some(({ split }) => split === "test");
}

/**
 * The split that came with the data set. Images without a mark are left out where others are marked as
 * training, else they are the training part. A missing validation part is drawn from the training part. Throws InvalidInput when there is none, or a patient
 * stands on two sides.
 */
export function givenSplit(
  images: SplitImage[],
  options: { validation: number; seed: number },
): Split {
  const of = (name: SplitName) => images.flatMap(({ split }, i) => split === name ? [i] : []);
  const unmarked = images.flatMap(({ split }, i) => split === null ? [i] : []);
  const split: Split = { train: of("train"), validation: of("validation"), test: of("test") };
  if (split.train.length === 0) split.train = unmarked;
  if (split.train.length === 0 || split.test.length === 0) {
    const lacking = split.test.length === 0 ? "test" : "training";
    throw new InvalidInput(
      `Cannot use the data set's split: none of its ${images.length} labelled images is for ${lacking}; ` +
        "mark some otherwise, or take the marks away",
    );
  }
  if (split.validation.length === 0 && options.validation > 0) {
    const shares = [1 - options.validation, options.validation];
    [split.train, split.validation] = dealt(images, split.train, shares, options.seed);
  }
  assertPatientsApart(images, split);
  return split;
}

/** One split per repeat. Throws InvalidInput when a part that was asked for stays empty. */
export function holdOut(images: SplitImage[], options: HoldOutOptions): Split[] {
  const { test, validation, seed, repeats = 1 } = options;
  assertShare("test", test);
  assertShare("validation", validation);
  assertShare("test and validation together", test + validation);
  const all = images.map((_, i) => i);
  return Array.from({ length: repeats }, (_, repeat) => {
    const shares = [1 - test - validation, validation, test];
    const [train, val, tested] = dealt(images, all, shares, draw(seed, "repeat", repeat));
    const split = { train, validation: val, test: tested };
    assertFilled(split, { test: test > 0, validation: validation > 0 });
    return split;
  });
}

/** One split per fold; every image is tested once. Throws InvalidInput. */
export function kFolds(images: SplitImage[], options: FoldOptions): Split[] {
  const { folds, validation, seed } = options;
  assertShare("validation", validation);
  if (!Number.isInteger(folds) || folds < 2) {
    throw new InvalidInput(`Cannot split into ${folds} folds: at least 2 are needed`);
  }
  const all = images.map((_, i) => i);
  const parts = dealt(images, all, new Array(folds).fill(1 / folds), seed);
  return parts.map((test, fold) => {
    const rest = parts.flatMap((part, k) => k === fold ? [] : part);
    const shares = [1 - validation, validation];
    const [train, val] = dealt(images, rest, shares, draw(seed, "validation", fold));
    const split = { train, validation: val, test };
    assertFilled(split, { test: true, validation: validation > 0 });
    return split;
  });
}

function assertFilled(split: Split, needed: { test: boolean; validation: boolean }): void {
  for (const part of ["train", "validation", "test"] as const) {
    if (split[part].length === 0 && (part === "train" || needed[part])) {
      throw new InvalidInput(
        `Cannot split: the ${part} part would be empty, there are too few patients`,
      );
    }
  }
}

function assertPatientsApart(images: SplitImage[], split: Split): void {
  const sides = new Map<string, string>();
  for (const [side, indices] of Object.entries(split)) {
    for (const i of indices as number[]) {
      const { patient } = images[i];
      if (patient === null) continue;
      const known = sides.get(patient) ?? side;
      if (known !== side) {
        throw new InvalidInput(`Cannot split: patient "${patient}" is in ${known} and ${side}`);
      }
      sides.set(patient, side);
    }
  }
}
