/** Which of several networks in one file is meant. */
import { InvalidInput } from "@/lib/errors.ts";

/** Networks that follow another one: of two in a file, they are not the one that is wanted. */
const FOLLOWERS = /(^|[._])(target|teacher|momentum|ema|key|encoder_k|k)(?=$|[._])/i;

/**
 * The prefix that is named, else the only one, else the only one of a network that follows no other.
 * @param found what stands in front of each network's names
 * @throws {InvalidInput} when it cannot be told, or none has the prefix that is named
 */
export function chosenPrefix(found: string[], named?: string): string {
  const leading = found.length === 1 ? found : found.filter((prefix) => !FOLLOWERS.test(prefix));
  const chosen = named === undefined
    ? (leading.length === 1 ? leading[0] : undefined)
    : found.find((prefix) => prefix === named);
  if (chosen !== undefined) return chosen;
  throw new InvalidInput(
    `Cannot tell which network to use: give one of the prefixes ${
      found.map((prefix) => `"${prefix}"`).join(", ")
    }`,
  );
}

/** The prefix of the network that a name belongs to: of two one of which begins like the other, the longer one. */
export function ownerOf(found: string[], name: string): string | undefined {
  return found.filter((prefix) => name.startsWith(prefix))
    .toSorted((a, b) => b.length - a.length)[0];
}
