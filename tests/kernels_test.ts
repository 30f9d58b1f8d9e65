/** Every kernel keeps the conventions of `kernels/`, and compiles on this device as it stands. */
import assert from "node:assert/strict";
import { basename } from "node:path";
import { makeShaderDataDefinitions } from "webgpu-utils";
import { type Gpu, openGpu } from "@/gpu/device.ts";
import { aliasesOf, codeFor } from "@/gpu/element_type.ts";
import { importsOf, projectFiles, readText } from "./support/imports.ts";

const kernels = projectFiles(".wgsl").filter((file) =>
  file.startsWith("kernels/") && !file.startsWith("kernels/include/")
);
const snippets = projectFiles(".wgsl").filter((file) => file.startsWith("kernels/include/"));

/** Without comments. */
function code(file: string): string {
  return readText(file).replace(/\/\/.*$/gm, "").replace(/\/\*[\s\S]*?\*\//g, "");
}

/** What the device has against a text. */
async function problemOf(gpu: Gpu, file: string, code: string): Promise<string | undefined> {
  gpu.device.pushErrorScope("validation");
  const module = gpu.device.createShaderModule({ label: file, code });
  if (kernels.includes(file)) {
    gpu.device.createComputePipeline({
      label: file,
      layout: "auto",
      compute: { module, entryPoint: basename(file, ".wgsl") },
    });
  }
  return (await gpu.device.popErrorScope())?.message;
}

Deno.test("there are kernels, flat in kernels/", () => {
  assert.ok(kernels.length > 0);
  assert.deepEqual(kernels.filter((file) => !/^kernels\/[a-z0-9_]+\.wgsl$/.test(file)), []);
});

for (const file of kernels) {
  const name = basename(file, ".wgsl");

  Deno.test(`${name}: conventions`, () => {
    const text = readText(file);
    assert.match(text.split("\n", 1)[0], /^\/\/ \w+.*=/, "the first line is the formula");
    const entries = [...code(file).matchAll(/@compute[\s\S]*?\bfn\s+(\w+)/g)].map((hit) => hit[1]);
    assert.deepEqual(entries, [name], "one entry point, named like the file");
    assert.doesNotMatch(code(file), /^\s*enable\s+subgroups/m, "the runtime refuses this line");
    assert.doesNotMatch(code(file), /\b(\w+)\s*!=\s*\1\b(?!\s*[.[(])/, "NaN is tested by its bits");
    for (const override of code(file).matchAll(/\boverride\s+(\w+)[^;]*;/g)) {
      assert.match(override[1], /^[A-Z][A-Z0-9_]*$/, "overrides are UPPER_SNAKE");
      assert.match(override[0], /=/, `override ${override[1]} has a default`);
    }
  });

  Deno.test(`${name}: bindings and parameters`, () => {
    const definitions = makeShaderDataDefinitions(readText(file));
    const uniforms = Object.entries(definitions.uniforms);
    assert.ok(uniforms.every(([name]) => name === "params"), "the only uniform is params");
    const header = readText(file).split("\n").filter((line) => line.startsWith("//")).join("\n");
    for (const [storage, { group }] of Object.entries(definitions.storages)) {
      assert.equal(group, 0, `${storage} is in group 0`);
      assert.match(header, new RegExp(`\\b${storage}\\b`), `${storage} stands in the header`);
    }
    for (const [, { typeDefinition }] of uniforms) {
      const { fields, size } = typeDefinition as unknown as {
        fields: Record<string, { offset: number }>;
        size: number;
      };
      assert.equal(size % 4, 0);
      for (const [field, { offset }] of Object.entries(fields)) {
        assert.equal(offset % 4, 0, `params.${field} lies on a multiple of 4 bytes`);
        assert.match(field, /^[A-Za-z]\w*$/);
        assert.match(
          code(file),
          new RegExp(`\\bparams\\s*\\.\\s*${field}\\b|\\b\\w+\\.${field}\\b`),
        );
      }
    }
  });
}

Deno.test("kernels that take f16 compile with it", async (t) => {
  const gpu = await openGpu();
  for (const file of gpu.features.f16 ? kernels : []) {
    const names = [...aliasesOf(readText(file)).keys()];
    if (names.length === 0) continue;
    await t.step(file, async () => {
      const bind = Object.fromEntries(names.map((name) => [name, { type: "f16" as const }]));
      assert.equal(await problemOf(gpu, file, codeFor(readText(file), bind)), undefined);
    });
  }
  gpu.check();
  gpu.device.destroy();
});

Deno.test("every kernel is used by gpu/", () => {
  const used = new Set(
    projectFiles(".ts").filter((file) => file.startsWith("gpu/"))
      .flatMap((file) => importsOf(file).map((made) => made.file)),
  );
  assert.deepEqual(kernels.filter((file) => !used.has(file)), []);
});

Deno.test("every kernel compiles with its default constants; every snippet compiles alone", async (t) => {
  const gpu = await openGpu();
  for (const file of [...kernels, ...snippets]) {
    await t.step(file, async () => {
      assert.equal(await problemOf(gpu, file, readText(file)), undefined);
    });
  }
  gpu.check();
  gpu.device.destroy();
});
