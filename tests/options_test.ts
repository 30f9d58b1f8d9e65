/** Options of programs: what is not known is refused in a line, by each of them. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { readOptions, wholeNumber } from "@/lib/options.ts";

const root = fileURLToPath(new URL("../", import.meta.url));

Deno.test("an option that is unknown, without its value or too much is named", () => {
  const options = { into: { type: "string" }, keep: { type: "boolean" } } as const;
  const cases: [string[], RegExp][] = [
    [["--foo"], /^Cannot run: unknown option '--foo'; see --help$/],
    [["-x"], /^Cannot run: unknown option '-x'; see --help$/],
    [["--into"], /^Cannot run: option '--into.*' argument missing; see --help$/],
    [
      ["--into", "-3"],
      /^Cannot run: --into is followed by -3, .* is given as --into=-3; see --help$/,
    ],
    [["a", "b"], /^Cannot run: unexpected argument 'b'; see --help$/],
  ];
  for (const [args, message] of cases) {
    assert.throws(() => readOptions("run", options, args, 1), { message });
  }
  assert.throws(() => readOptions("run", options, ["a"]), /unexpected argument 'a'/);
  const { values, positionals } = readOptions("run", options, ["-h", "a", "--into", "b"], 1);
  assert.deepEqual([values.help, values.into, positionals], [true, "b", ["a"]]);
});

Deno.test("numbers of options have bounds", () => {
  const bounds = { otherwise: 7, least: 4, most: 10 };
  assert.equal(wholeNumber("--n", undefined, bounds), 7);
  assert.equal(wholeNumber("--n", "4", bounds), 4);
  for (const text of ["3", "11", "x", "5.5", "", "-4"]) {
    assert.throws(() => wholeNumber("--n", text, bounds), {
      message: `Cannot use --n ${text}: a whole number from 4 to 10 is needed`,
    });
  }
});

Deno.test("every program answers -h, and refuses what it cannot use in one line", async () => {
  const folder = Deno.makeTempDirSync();
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--quiet", ...args],
      cwd: root,
      env: { NO_COLOR: "1" },
    }).output();
    const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trim());
    return { code, out, error };
  };
  try {
    for (const program of ["main.ts", "demo.ts", "study.ts"]) {
      const help = await run(program, "-h");
      assert.deepEqual([help.code, help.error], [0, ""], program);
      assert.match(help.out, /^deno task \w+ \[OPTIONS\]\n[^]*-h, --help/, program);
      const refused = await run(program, "--foo");
      assert.equal(refused.code, 1);
      assert.match(refused.error, /^Cannot [^\n]*unknown option '--foo'; see --help$/, program);
    }
    for (const bench of ["bench", "default", "profile", "precision", "soak"]) {
      const program = ["--config=bench/deno.json", `bench/${bench}.ts`];
      assert.match((await run(...program, "-h")).out, /^deno task [\w:]+ \[OPTIONS\]\n/, bench);
      assert.match(
        (await run(...program, "--foo")).error,
        /^Cannot [^\n]*'--foo'; see --help$/,
        bench,
      );
    }
    assert.match(
      (await run("--config=tests/deno.json", "tests/run.ts", "-h")).out,
      /^deno task test/,
    );
    const write = (path: string) => run("demo.ts", "--images=4", "--size=16", "--write", path);
    const nowhere = await write(`${folder}/none/set.zip`);
    assert.equal(nowhere.code, 1);
    assert.equal(
      nowhere.error,
      `Cannot write ${folder}/none/set.zip: there is no folder ${folder}/none`,
    );
    assert.match(
      (await write(folder)).error,
      /^Cannot write .*: it is a folder; name a file in it$/,
    );
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
