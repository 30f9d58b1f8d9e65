/** The README's curl examples, pasted into a shell against a real server. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { version } from "@/lib/version.ts";
import { startServer } from "@/lib/demo/server.ts";
import { writeSynthetic } from "@/lib/demo/synthetic.ts";
import { projectFiles, readText } from "./support/imports.ts";

const blocks = [...readText("README.md").matchAll(/<!-- tested -->\s+```bash\n([\s\S]*?)```/g)]
  .map((match) => match[1]);

const programs = [...readText("README.md").matchAll(/<!-- tested -->\s+```python\n([\s\S]*?)```/g)]
  .map((match) => match[1]);

const curl = existsSync("/usr/bin/curl");
/** With NumPy, as the example makes arrays. */
const python = existsSync("/usr/bin/python3") &&
  new Deno.Command("/usr/bin/python3", { args: ["-c", "import numpy"], stderr: "null" })
    .outputSync().success;

Deno.test({
  name: `the README's curl examples work when pasted${curl ? "" : " (skipped: no curl)"}`,
  ignore: !curl,
  fn: pasteExamples,
});

async function pasteExamples(): Promise<void> {
  assert.ok(blocks.length >= 5);
  const folder = Deno.makeTempDirSync();
  const server = await startServer(`${folder}/data`);
  try {
    Deno.writeFileSync(`${folder}/set.zip`, await writeSynthetic({ images: 24, size: 32 }));
    const said = await bash(folder, blocks.join("\necho; echo --\n"), {
      MCGIP_API_KEY: server.key,
      MCGIP_URL: server.url,
    });
    const [, upload, preview, similarity, training, readings, prediction] = said.split("\n--\n");
    if (python) await pastePrograms(folder, { MCGIP_API_KEY: server.key, MCGIP_URL: server.url });
    else console.log("the README's example in Python was not tried: no python3 with NumPy");
    assert.match(upload, /"images": ?24/);
    assert.match(upload, /"has_more": ?true/);
    assert.match(upload, /"assumptions"/);
    assert.match(preview, /"first":\[\{"x":10,"y":12,"start":0,"duration":0.25\}\]/);
    assert.match(similarity, /"auc"/);
    assert.match(training, /"m_auc"/);
    assert.match(readings, /"readings":4/);
    assert.match(readings, /"fleiss_kappa"/);
    assert.match(prediction, /"probabilities"/);
    const start = (file: string) => Deno.readFileSync(`${folder}/${file}`).subarray(0, 8);
    assert.deepEqual([...start("overlay.png")].slice(1, 4), [0x50, 0x4e, 0x47]);
    assert.deepEqual([...start("picture.png")].slice(1, 4), [0x50, 0x4e, 0x47]);
    assert.equal(Deno.readTextFileSync(`${folder}/matrix.csv`).trim().split("\n").length, 25);
    assert.ok(Deno.statSync(`${folder}/weights.safetensors`).size > 10_000);
  } finally {
    await server.stop();
    Deno.removeSync(folder, { recursive: true });
  }
}

/** The client lies in the folder since the curl examples. */
async function pastePrograms(cwd: string, env: Record<string, string>): Promise<void> {
  assert.equal(programs.length, 1);
  const { success, stdout, stderr } = await new Deno.Command("/usr/bin/python3", {
    args: ["-c", programs[0]],
    cwd,
    env: { ...env, PYTHONDONTWRITEBYTECODE: "1" },
    stdin: "null",
  }).output();
  const [said, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert.ok(success, `${said}\n${errors}`);
  assert.match(said, /P\d+_\w+ (benign|malignant) \{'benign': 0\.\d+/);
  assert.match(said, /404 Cannot find dataset "nothing" \[\]\n$/);
}

/** @returns what the script printed; fails with its errors when any command failed */
async function bash(cwd: string, script: string, env: Record<string, string>): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("bash", {
    args: ["-euo", "pipefail", "-c", script.replaceAll("curl -sS", "curl -sS --fail-with-body")],
    cwd,
    env,
    stdin: "null",
  }).output();
  const [said, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert.ok(success, `${said}\n${errors}`);
  return said;
}

Deno.test("the documents name commands and files that exist", () => {
  const tasks = JSON.parse(readText("deno.json")).tasks as Record<string, unknown>;
  const all = projectFiles("");
  const rooms = /^(main|demo|study|routes|lib|gpu|kernels|static|tests|bench)\b/;
  for (const document of ["README", "ARCHITECTURE", "CONTRIBUTING", "SECURITY", "CHANGELOG"]) {
    const text = readText(`${document}.md`);
    const named = [...text.matchAll(/(?:deno|2\.9\.6) task ([\w:]+)/g)].map((match) => match[1]);
    assert.deepEqual(named.filter((task) => !(task in tasks)), [], document);
    const files = [...text.matchAll(/(?:`|\s)([\w/]+(?:\.\w+|\/))(?=[`:,; ])/g)]
      .map((match) => match[1]).filter((file) => rooms.test(file) && !/\bx[_.]/.test(file));
    const missing = files.filter((file) => !existsSync(new URL(`../${file}`, import.meta.url)));
    assert.deepEqual(missing, [], document);
    // `tape.ts` alone, or `layouts/mod.ts`: a file of the folder that the sentence is about.
    const short = [...text.matchAll(/`((?:\w+\/)*\w+\.ts)`/g)]
      .map((match) => match[1]).filter((file) => !/\bx[_.]/.test(file));
    assert.deepEqual(
      short.filter((file) => !all.some((known) => `/${known}`.endsWith(`/${file}`))),
      [],
      document,
    );
    const links = [...text.matchAll(/\]\(([^)#:]+)\)/g)].map((match) => match[1]);
    assert.deepEqual(
      links.filter((file) => !existsSync(new URL(`../${file}`, import.meta.url))),
      [],
      document,
    );
  }
  const readme = readText("README.md");
  for (const task of ["demo", "test", "start"]) assert.ok(readme.includes(` task ${task}`), task);
});

Deno.test("every task is told, in CONTRIBUTING and where tasks are listed", () => {
  const tasks = JSON.parse(readText("deno.json")).tasks as Record<string, { description?: string }>;
  const text = readText("CONTRIBUTING.md");
  for (const [name, { description }] of Object.entries(tasks)) {
    assert.ok(description, name);
    assert.ok(text.includes(`task ${name}`) || text.includes(`\`${name}\``), name);
  }
});

Deno.test("the citation names the version that runs", () => {
  const cited = /^version: (.+)$/m.exec(readText("CITATION.cff"))![1];
  assert.equal(cited, version);
});
