/** Git, whatever this machine's settings are. */
import assert from "node:assert/strict";

/** @throws {AssertionError} with what it says, where it fails */
export function git(cwd: string, ...args: string[]): void {
  const identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
  const { success, stderr } = new Deno.Command("git", {
    args: ["-C", cwd, ...identity, ...args],
    env: { GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" },
  }).outputSync();
  assert.ok(success, new TextDecoder().decode(stderr));
}
