/** The house rules that can be read off the text: who may import whom, and which words live where. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { launcherArguments } from "@/lib/launcher_permissions.ts";
import { importsOf, projectFiles, reach, readText, root } from "./support/imports.ts";

/** From the ground up; rooms of one floor leave each other alone. "lib": the files directly in it. */
const FLOORS = [
  ["kernels"],
  ["gpu"],
  ["lib"],
  ["lib/threads"],
  ["lib/images", "lib/evaluation", "lib/setup"],
  ["lib/gaze"],
  ["lib/store"],
  ["lib/access", "lib/datasets", "lib/models"],
  ["lib/inference", "lib/similarities", "lib/ssl"],
  ["lib/specs"],
  ["lib/training"],
  ["lib/jobs"],
  ["lib/studies"],
  ["lib/worker", "lib/demo", "lib/operations", "cluster"],
  ["routes"],
  ["main"],
];

/** Programs at the top level are composition roots like `main.ts`. */
function roomOf(file: string): string {
  const parts = file.split("/");
  if (parts.length === 1) return "main";
  return parts[0] === "lib" && parts.length > 2 ? `lib/${parts[1]}` : parts[0];
}
const floorOf = (file: string) => FLOORS.findIndex((rooms) => rooms.includes(roomOf(file)));

const sources = projectFiles(".ts");
const product = sources.filter((file) => !/^(tests|bench)\//.test(file));

Deno.test("every room has a floor", () => {
  assert.deepEqual(product.filter((file) => floorOf(file) < 0), []);
});

Deno.test("imports, of types too, point down the floors", () => {
  const wrong: string[] = [];
  for (const file of product) {
    for (const { file: target } of importsOf(file)) {
      if (target === undefined || roomOf(target) === roomOf(file)) continue;
      if (floorOf(target) >= floorOf(file)) wrong.push(`${file} -> ${target}`);
    }
  }
  assert.deepEqual(wrong, []);
});

Deno.test("every import inside the project names a file that exists", () => {
  const wrong = sources.flatMap((file) =>
    importsOf(file)
      .filter((made) => made.file !== undefined && !existsSync(root + made.file))
      .map((made) => `${file} -> ${made.specifier}`)
  );
  assert.deepEqual(wrong, []);
});

Deno.test("no circle of imports, of types neither", () => {
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, path: string[]) => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(" -> "));
    if (path.includes(file) || done.has(file) || !existsSync(root + file)) return;
    for (const made of importsOf(file)) {
      if (made.file?.endsWith(".ts") && !made.dynamic) {
        visit(made.file, [...path, file]);
      }
    }
    done.add(file);
  };
  for (const file of product) visit(file, []);
  assert.deepEqual(circles, []);
});

Deno.test("the API never loads GPU code", () => {
  const wrong = sources.filter((file) => roomOf(file) === "routes").flatMap((file) =>
    [...reach(file, { dynamic: false })]
      .filter((reached) => roomOf(reached) === "gpu")
      .map((reached) => `${file} reaches ${reached}`)
  );
  assert.deepEqual(wrong, []);
});

Deno.test("WebGPU words live in gpu/ only", () => {
  const wrong = product.filter((file) =>
    roomOf(file) !== "gpu" && /\bGPU[A-Z][A-Za-z]+\b|navigator\.gpu/.test(readText(file))
  );
  assert.deepEqual(wrong, []);
});

/** Folders with a configuration of their own: what only they need does not come with the server. */
const CONFIGURED = ["", "cluster/", "tests/", "bench/"];

/** The packages of a folder's configuration: what is imported, and what that stands for. */
function packagesOf(folder: string): Record<string, string> {
  const { "@/": _root, ...map } = JSON.parse(readText(`${folder}deno.json`)).imports;
  return map;
}

/** Of everything that `files` load, or only of what they say themselves, what is neither ours nor Node's. */
function bareImports(files: Iterable<string>): { file: string; specifier: string }[] {
  return [...files].filter((file) => file.endsWith(".ts")).flatMap((file) =>
    importsOf(file)
      .filter((made) => made.file === undefined && !made.specifier.startsWith("node:"))
      .map(({ specifier }) => ({ file, specifier }))
  );
}

const filesOf = (folder: string) =>
  folder === ""
    ? product.filter((file) => roomOf(file) !== "cluster")
    : sources.filter((file) => file.startsWith(folder));

Deno.test("packages are named in deno.json only, with exact versions", () => {
  for (const folder of CONFIGURED) {
    const map = packagesOf(folder);
    const loose = Object.values(map).filter((target) =>
      !/^npm:(@[\w-]+\/)?[\w.-]+@\d+\.\d+\.\d+(\/\S*)?$/.test(target)
    );
    assert.deepEqual(loose, [], `${folder}deno.json`);
    const reached = new Set(filesOf(folder).flatMap((file) => [...reach(file)]));
    const wrong = bareImports(reached).filter(({ specifier }) => !(specifier in map));
    assert.deepEqual(wrong, [], `not in ${folder}deno.json`);
  }
});

Deno.test("a cluster, tests and benches run with the server's versions", () => {
  const server = packagesOf("");
  const cluster = packagesOf("cluster/");
  for (const folder of ["tests/", "bench/"]) {
    const wrong = Object.entries(packagesOf(folder))
      .filter(([name, target]) => name in cluster && cluster[name] !== target);
    assert.deepEqual(wrong, [], folder);
  }
  // It is the whole server, and more.
  for (const [name, target] of Object.entries(server)) assert.equal(cluster[name], target);
});

Deno.test("every package in a deno.json is used", () => {
  for (const folder of CONFIGURED) {
    const reached = new Set(filesOf(folder).flatMap((file) => [...reach(file)]));
    const texts = [...reached].filter((file) => file.endsWith(".ts") && existsSync(root + file))
      .map(readText).join("\n");
    const server = folder === "cluster/" ? packagesOf("") : {};
    const unused = Object.keys(packagesOf(folder)).filter((name) =>
      !(name in server) && !texts.includes(`"${name}"`) && !texts.includes(`"${name}/`)
    );
    assert.deepEqual(unused, [], `${folder}deno.json`);
  }
});

Deno.test("the start is lean: the server's packages bring no others beyond 33", () => {
  const { npm } = JSON.parse(readText("deno.lock"));
  const packages = Object.keys(npm);
  assert.ok(packages.length <= 33, `${packages.length} packages: ${packages.join(", ")}`);
});

Deno.test("what only a cluster needs is not fetched by a start without one", () => {
  const { npm } = JSON.parse(readText("deno.lock"));
  const cluster = Object.keys(JSON.parse(readText("cluster/deno.lock")).npm);
  for (const name of ["pg", "pg-boss", "aws4fetch"]) {
    assert.ok(cluster.some((found) => found.startsWith(`${name}@`)), name);
    assert.equal(Object.keys(npm).find((found) => found.startsWith(`${name}@`)), undefined);
  }
  assert.ok(cluster.length <= Object.keys(npm).length + 26, `${cluster.length} packages`);
  // Nothing loads it before it is asked for.
  const wrong = product.filter((file) => roomOf(file) !== "cluster").flatMap((file) =>
    importsOf(file).filter((made) => made.file?.startsWith("cluster/")).map(() => file)
  );
  assert.deepEqual(wrong, []);
});

Deno.test("the start task gives the first process the permissions that programs give it", () => {
  const { tasks } = JSON.parse(readText("deno.json"));
  assert.equal(tasks.start.command, ["deno", ...launcherArguments].join(" "));
  assert.equal(tasks.dev.command, ["deno", ...launcherArguments, "--watch"].join(" "));
});

Deno.test("no file knows the machine it was written on", () => {
  const files = projectFiles(".ts", ".js", ".wgsl", ".json", ".md", ".html", ".css", ".sql", "run");
  const machine = new RegExp(["/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/\\w+/"].join("|"));
  assert.deepEqual(files.filter((file) => machine.test(readText(file))), []);
});

Deno.test("the lock files name no host", () => {
  for (const folder of CONFIGURED) {
    assert.doesNotMatch(readText(`${folder}deno.lock`), /https?:|\.(org|com|io|dev)\//);
  }
});

Deno.test("a folder of tests is named like the folder of code that it tests", () => {
  const folders = new Set(
    sources.filter((file) => /^tests\/.*_test\.ts$/.test(file)).map((file) =>
      dirname(file).slice(6)
    ),
  );
  const wrong = [...folders].filter((folder) =>
    !existsSync(`${root}lib/${folder}`) && !existsSync(`${root}${folder}`)
  );
  assert.deepEqual(wrong, []);
});

Deno.test("names are snake_case, and no file is a catch-all", () => {
  const wrong = sources.filter((file) =>
    !/^([a-z0-9_.]+\/)*[a-z0-9]+(_[a-z0-9]+)*(\.d)?\.ts$/.test(file) ||
    /(^|\/)(utils?|helpers?|misc|common)\.ts$/.test(file)
  );
  assert.deepEqual(wrong, []);
});

Deno.test("no file is over 600 lines", () => {
  const files = projectFiles(".ts", ".js", ".wgsl", ".css");
  const wrong = files
    .map((file) => ({ file, lines: readText(file).split("\n").length - 1 }))
    .filter(({ lines }) => lines > 600)
    .map(({ file, lines }) => `${file}: ${lines} lines`);
  assert.deepEqual(wrong, []);
});

Deno.test("the dashboard holds no inline script or style, and never writes HTML", () => {
  for (const page of projectFiles(".html")) {
    const text = readText(page);
    assert.doesNotMatch(text, /<script(?![^>]*\ssrc=)/i, `${page}: inline script`);
    assert.doesNotMatch(text, /<style|\sstyle=|\son[a-z]+=|javascript:/i, `${page}: inline style`);
  }
  for (const script of projectFiles(".js")) {
    assert.doesNotMatch(
      readText(script),
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc/,
      `${script} writes HTML`,
    );
  }
});
