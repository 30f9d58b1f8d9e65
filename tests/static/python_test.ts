/** The client for Python, as the server gives it, run by the system's Python. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { withServer } from "../support/server.ts";
import { smallArchive } from "../support/small_set.ts";

const PYTHON = "/usr/bin/python3";
const python = existsSync(PYTHON);
const skipped = python ? "" : " (skipped: no python3)";
const fixture = (name: string) =>
  fileURLToPath(new URL(`../fixtures/clients/${name}.py`, import.meta.url));

/** @returns what the program printed; fails with its errors */
async function run(
  args: string[],
  env: Record<string, string> = {},
  cwd?: string,
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(PYTHON, {
    args,
    cwd,
    env: { PYTHONDONTWRITEBYTECODE: "1", ...env },
    stdin: "null",
  }).output();
  const [said, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert.ok(success, `${said}\n${errors}`);
  return said;
}

Deno.test({
  name: `the client is Python 3.8, and needs the standard library alone${skipped}`,
  ignore: !python,
  async fn() {
    const client = fileURLToPath(new URL("../../static/mcgip.py", import.meta.url));
    const said = await run([
      "-c",
      `import ast, sys
tree = ast.parse(open(sys.argv[1]).read(), feature_version=(3, 8))
names = {alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import)
         for alias in node.names}
names |= {node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
print(sorted(names - set(sys.stdlib_module_names)))`,
      client,
    ]);
    assert.equal(said.trim(), "[]");
  },
});

Deno.test({
  name: `the client goes the whole way${skipped}`,
  ignore: !python,
  fn: () =>
    withServer(async (server) => {
      await server.ready();
      const folder = Deno.makeTempDirSync();
      try {
        // No key is needed for the file.
        const file = await fetch(`${server.url}/mcgip.py`);
        assert.deepEqual([file.status, file.headers.get("content-type")], [
          200,
          "text/x-python; charset=utf-8",
        ]);
        await Deno.writeTextFile(`${folder}/mcgip.py`, await file.text());
        await Deno.writeFile(`${folder}/set.zip`, await smallArchive(24));
        const said = JSON.parse(
          await run([fixture("client"), folder], {
            MCGIP_URL: server.url,
            MCGIP_API_KEY: server.key,
            PYTHONPATH: folder,
          }),
        );
        assert.match(said.events, /^events\.out\.tfevents\.job_/);
        const missing = ["numpy", "pandas"].filter((name) => !said[name]);
        if (missing.length > 0) {
          console.log(`not tried, as Python lacks them: ${missing.join(", ")}`);
        }
      } finally {
        Deno.removeSync(folder, { recursive: true });
      }
    }),
});

const pictures = python && new Deno.Command(PYTHON, {
  args: ["-c", "import matplotlib, numpy"],
  stderr: "null",
}).outputSync().success;

Deno.test({
  name: `the notebook goes the whole way${pictures ? "" : " (skipped: no matplotlib for python3)"}`,
  ignore: !pictures,
  fn: () =>
    withServer(async (server) => {
      await server.ready();
      const folder = Deno.makeTempDirSync();
      try {
        const notebook = await fetch(`${server.url}/mcgip.ipynb`);
        assert.equal(notebook.headers.get("content-type"), "application/x-ipynb+json");
        await Deno.writeTextFile(`${folder}/mcgip.ipynb`, await notebook.text());
        await Deno.writeFile(`${folder}/set.zip`, await smallArchive(24));
        const said = await run([fixture("run_notebook"), "mcgip.ipynb"], {
          ...{ MCGIP_URL: server.url, MCGIP_API_KEY: server.key, MPLBACKEND: "Agg" },
          // It takes the client from the server.
          ...{ PYTHONPATH: folder, MPLCONFIGDIR: folder, PYTHONWARNINGS: "ignore" },
        }, folder);
        assert.match(said, /pictures: 7\n$/);
        assert.match(said, /\| *n *\||n = 24/);
        const made = [...Deno.readDirSync(folder)].map(({ name }) => name);
        for (
          const file of ["mcgip.py", "notebook.safetensors", "predictions.parquet", "scores.csv"]
        ) {
          assert.ok(made.includes(file), `${file} of ${made}`);
        }
      } finally {
        Deno.removeSync(folder, { recursive: true });
      }
    }),
});
