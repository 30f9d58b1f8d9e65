/** Modules of the dashboard as tests see them: plain functions, whose values the tests look at. */
// deno-lint-ignore-file no-explicit-any
export function preparePairs(given: {
  values: Float32Array;
  labels: (string | null)[];
  looked: number[];
}): any;
export function cutAt(pairs: any, share: number): number;
export function chosenAt(pairs: any, cut: number): any;
export function labelHistogram(pairs: any, bins: number): { same: number[]; other: number[] };
export function examplesAt(
  pairs: any,
  cut: number,
  count: number,
): { right: [number, number, number][]; wrong: [number, number, number][] };
export function lookedWords(told: object): string;
export function reached(runs: object[]): any;
export function sameImages(groups: string[][][]): boolean;
export function titledApart(groups: object[]): { title: string }[];
export function sameInSet(image: string | undefined, nearest: object[]): string | undefined;
export function knownWords(known: object): string;
export function seedFirst(title: string): string;
export function toldApart<T>(
  things: T[],
  words: { textOf: (thing: T) => string; more: ((thing: T) => string)[] },
): [T, string][];
export function within(point: number[], polygon: number[][]): boolean;
export function foldBands(scores: object[], label: string): any;
export const METHODS: Record<string, string>;
export const ARMS: Record<string, string>;
export const KINDS: Record<string, string>;
export function backboneName(backbone: string): string;
export function isCut(spec: { arm: string }): boolean;
export function cutName(cut: object): string | undefined;
export function runName(kind: string, spec: object, from?: string): string;
export function groupName(kind: string, spec: object): string;
export function modelName(model: object, modelOf: (id: string) => object | undefined): string;
export function groupOfModel(model: object, modelOf: (id: string) => object | undefined): string;
export function labelOf(image: object): string | null;
export function comparedOf(image: object): string | null;
export function saidOf(prediction: object): string;
export function sureOf(prediction: object): number;
export function isWrong(score: object): boolean;
export function has(image: object, name: string): boolean;
export function aucOf(metrics: object): number | null;
export function figureHead(name: string, evaluations: object[]): string;
export function foldMean(metrics: object, field: string): string | undefined;
export function namesIn(set: object): string[];
export function countsIn(set: object): [string, number][];
