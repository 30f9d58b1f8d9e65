/** Whether a file holds the tensors of a network, all of them and no other. */
import { InvalidInput } from "@/lib/errors.ts";

export type Shapes = Map<string, { shape: number[] }>;

/**
 * A network that holds more or other than the architecture answers differently, so it is no such network.
 * @throws {InvalidInput} that names some of what is wrong, missing or too much
 */
export function refuseOthers(
  weights: Shapes,
  needed: Map<string, number[]>,
  backbone: string,
): void {
  const wrong: string[] = [], missing: string[] = [];
  for (const [name, shape] of needed) {
    const actual = weights.get(name)?.shape;
    if (!actual) missing.push(`"${name}" of shape [${shape.join(", ")}] expected, it is missing`);
    else if (actual.join() !== shape.join()) {
      wrong.push(
        `"${name}" of shape [${shape.join(", ")}] expected, got [${actual.join(", ")}]`,
      );
    }
  }
  const unexpected = [...weights.keys()].filter((name) => !needed.has(name))
    .map((name) => `"${name}" is no part of it`);
  const kinds = [wrong, missing, unexpected].filter((problems) => problems.length > 0);
  if (kinds.length === 0) return;
  // Some of each kind: together they tell which network it is.
  const told = kinds.map(([first, ...more]) =>
    more.length > 0 ? `${first} (and ${more.length} more like this)` : first
  );
  throw new InvalidInput(
    `Cannot use these weights as ${backbone}: ${told.join("; ")}`,
    kinds.flatMap((problems) => problems.slice(0, 20)).map((message) => ({ message })),
  );
}
