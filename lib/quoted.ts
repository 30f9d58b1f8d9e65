/** Names in a message. */

/** Each in quotes, with commas: a log leaves out what stands in quotes. */
export const quoted = (names: string[]): string =>
  names.map((name) => JSON.stringify(name)).join(", ");
