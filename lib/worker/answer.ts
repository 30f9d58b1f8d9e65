/** Answers of the store on their way: JSON has no maps, and no nothing. */

export type Answer = { value?: unknown } | { map: [unknown, unknown][] };

export const toAnswer = (value: unknown): Answer =>
  value instanceof Map ? { map: [...value] } : { value };

export function fromAnswer(answer: unknown): unknown {
  const given = answer as { value?: unknown; map?: [unknown, unknown][] };
  return given.map ? new Map(given.map) : given.value;
}
