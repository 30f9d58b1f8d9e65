/** Programs of other people beside which ours is tested; such tests skip with a message without them. */

function runs(program: string): boolean {
  try {
    new Deno.Command(program, { args: ["--help"], stdout: "null", stderr: "null" }).outputSync();
    return true;
  } catch {
    return false;
  }
}

/** A test that needs programs; `folder` is its own and goes afterwards. */
export function programTest(
  name: string,
  programs: string[],
  test: (folder: string) => Promise<void> | void,
): void {
  const missing = programs.find((program) => !runs(program));
  if (missing) {
    Deno.test({ name: `${name} (skipped: ${missing} is not installed)`, ignore: true, fn() {} });
    return;
  }
  Deno.test(name, async () => {
    const folder = Deno.makeTempDirSync();
    try {
      await test(folder);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  });
}

/** Whether a program did what it was asked. */
export function run(program: string, ...args: string[]): boolean {
  return new Deno.Command(program, { args, stdout: "null", stderr: "null" }).outputSync().success;
}
