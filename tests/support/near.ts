import assert from "node:assert/strict";

/** Throws unless two numbers, or two lists or records of them, are the same to `tolerance`. */
export function near(actual: unknown, expected: unknown, what: string, tolerance = 1e-9): void {
  if (expected === null || typeof expected !== "object") {
    if (typeof expected !== "number") return assert.equal(actual, expected, what);
    assert.ok(
      typeof actual === "number" && Math.abs(actual - expected) <= tolerance,
      `${what}: ${actual}, ${expected} expected`,
    );
    return;
  }
  const keys = Object.keys(expected);
  assert.equal(Object.keys(actual as object).length, keys.length, `${what}: number of entries`);
  for (const key of keys) {
    const [a, b] = [actual, expected].map((value) => (value as Record<string, unknown>)[key]);
    near(a, b, `${what}.${key}`, tolerance);
  }
}
