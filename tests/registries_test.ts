/**
 * An entry of each registry, added to a copy of the project with exactly the lines that CONTRIBUTING names:
 * it works, is planned, listed, described, and in the dashboard's forms.
 */
import assert from "node:assert/strict";
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { jobKinds } from "@/static/job_fields.js";
import { readSafetensors } from "@/lib/models/safetensors.ts";
import { readText, root } from "./support/imports.ts";
import { type TestServer, withServer } from "./support/server.ts";
import { upload } from "./support/small_set.ts";
import { withDirectory } from "./support/temporary.ts";

type Json = Record<string, unknown>;

const fixtures = fileURLToPath(new URL("./fixtures/registries/", import.meta.url));

/** A line of a registry, and the line that it is put behind; imports go before all others. */
interface Line {
  file: string;
  behind?: string;
  line: string;
}

/** What CONTRIBUTING calls each change, the fake's own files, and its lines elsewhere. */
const changes: Record<string, { files: string[]; facts: Line[]; device?: Line[] }> = {
  "a contrastive method": {
    files: ["lib/ssl/fake_spec.ts", "lib/ssl/fake.ts"],
    facts: [
      { file: "lib/ssl/specs.ts", line: 'import { fake } from "./fake_spec.ts";' },
      { file: "lib/ssl/specs.ts", behind: "  simclr,", line: "  fake," },
    ],
    device: [
      { file: "lib/ssl/mod.ts", line: 'import { fake } from "./fake.ts";' },
      { file: "lib/ssl/mod.ts", behind: "  byol,", line: "  fake," },
    ],
  },
  "a backbone family": {
    files: ["lib/models/fakenet_spec.ts", "lib/models/fakenet.ts"],
    facts: [
      { file: "lib/models/specs.ts", line: 'import { fakenet } from "./fakenet_spec.ts";' },
      { file: "lib/models/specs.ts", behind: "  ...resnet,", line: "  ...fakenet," },
    ],
    device: [
      { file: "lib/models/mod.ts", line: 'import { fakenets } from "./fakenet.ts";' },
      { file: "lib/models/mod.ts", behind: "  ...resnets,", line: "  ...fakenets," },
    ],
  },
  "an arm of experiments": {
    files: ["lib/gaze/arms/halves.ts"],
    facts: [
      { file: "lib/gaze/arms/mod.ts", line: 'import { halves } from "./halves.ts";' },
      { file: "lib/gaze/arms/mod.ts", behind: "  labels,", line: "  halves," },
    ],
  },
  "a similarity of gaze": {
    files: ["lib/gaze/similarity/sameness.ts"],
    facts: [
      { file: "lib/gaze/similarity/mod.ts", line: 'import { sameness } from "./sameness.ts";' },
      { file: "lib/gaze/similarity/mod.ts", behind: "  dtw,", line: "  sameness," },
    ],
  },
  "a gaze file format": {
    files: ["lib/gaze/formats/telegram.ts"],
    facts: [
      { file: "lib/gaze/formats/mod.ts", line: 'import { telegram } from "./telegram.ts";' },
      { file: "lib/gaze/formats/mod.ts", behind: "  bids,", line: "  telegram," },
    ],
  },
  "a kind of job": {
    files: ["lib/specs/counting.ts", "lib/jobs/kinds/counting.ts"],
    facts: [
      { file: "lib/specs/mod.ts", line: 'import { counting } from "./counting.ts";' },
      { file: "lib/specs/mod.ts", behind: "  study,", line: "  counting," },
    ],
    device: [
      {
        file: "lib/worker/kinds.ts",
        behind: "  study: null,",
        // In two parts, so that nobody takes it for an import of this file.
        line: "  counting: async () => (await import" +
          '("@/lib/jobs/kinds/counting.ts")).counting,',
      },
    ],
  },
  "an endpoint": {
    files: ["routes/echo.ts"],
    facts: [
      { file: "routes/mod.ts", line: 'import { echo } from "./echo.ts";' },
      { file: "routes/mod.ts", behind: "      ...system,", line: "      ...echo," },
    ],
  },
};

/** Lines by file as the table in CONTRIBUTING promises them, by the name of the change. */
function promised(): Map<string, Map<string, number>> {
  const rows = readText("CONTRIBUTING.md").split("\n").filter((line) => line.startsWith("| "));
  return new Map(rows.map((row) => {
    const [, change, , elsewhere] = row.split("|").map((cell) => cell.trim());
    const lines = [...elsewhere.matchAll(/(\d+) in `([^`]+)`/g)];
    return [change, new Map(lines.map(([, count, file]) => [file, Number(count)]))];
  }));
}

function countByFile(lines: Line[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { file } of lines) counts.set(file, (counts.get(file) ?? 0) + 1);
  return counts;
}

function put(copy: string, { file, behind, line }: Line): void {
  const lines = readFileSync(`${copy}/${file}`, "utf8").split("\n");
  const at = behind === undefined
    ? lines.findIndex((text) => text.startsWith("import "))
    : lines.indexOf(behind) + 1;
  assert.ok(at > 0 || behind === undefined, `${file}: no line "${behind}"`);
  lines.splice(at, 0, line);
  writeFileSync(`${copy}/${file}`, lines.join("\n"));
}

/** What the project needs to run. */
function copyProject(copy: string): void {
  const needed = ["lib", "gpu", "kernels", "routes", "static", "deno.json", "deno.lock", "main.ts"];
  for (const name of needed) cpSync(root + name, `${copy}/${name}`, { recursive: true });
}

Deno.test("CONTRIBUTING names the lines that each kind of entry needs", () => {
  const table = promised();
  for (const [change, { files, facts, device = [] }] of Object.entries(changes)) {
    assert.deepEqual(countByFile([...facts, ...device]), table.get(change), change);
    for (const file of files) assert.ok(existsSync(fixtures + file), file);
  }
});

Deno.test("a fake entry of each kind works wherever entries do", async (t) => {
  await withDirectory(async (copy) => {
    copyProject(copy);
    cpSync(fixtures, copy, { recursive: true });
    const all = Object.values(changes);
    for (const line of all.flatMap(({ facts }) => facts)) put(copy, line);
    await t.step("the compiler names what the facts alone lack", () => compilerNames(copy));
    for (const line of all.flatMap(({ device = [] }) => device)) put(copy, line);
    const step = async (name: string, body: () => Promise<void>) => {
      assert.ok(await t.step(name, body), `Cannot go on after "${name}"`);
    };
    await withServer(async (server) => {
      await server.ready();
      await upload(server, "set");
      await step("kinds of job: counted, listed", () => counts(server));
      await step("endpoint: answers", () => answers(server));
      await step("gaze format: read", () => reads(server));
      const { similarity } = await run(server, {
        ...{ kind: "similarity", dataset: "set", measure: "sameness", combine: "max" },
        params: { softness: 3 },
      });
      await step("measure: computed, listed", () => compares(server, similarity));
      await step(
        "method, backbone, arm: trained, fine-tuned, refused where they must be",
        () => trains(server),
      );
      await step("study: planned with a finite time", () => plans(server, similarity));
      await step("described, and in the forms", () => describes(server));
    }, { project: copy });
  });
});

/** The device half of a method, of a backbone and of a kind of job is missing. */
async function compilerNames(copy: string): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", "--frozen", "lib/worker/kinds.ts"],
    cwd: copy,
    env: { NO_COLOR: "1" },
  }).output();
  const told = new TextDecoder().decode(stderr);
  assert.ok(!success);
  for (const name of ["fake", "fakenet", "counting"]) {
    assert.match(told, new RegExp(`'"?${name}"?' is missing`), told);
  }
}

/** Queues a job and waits for its result. */
async function run(server: TestServer, request: Json): Promise<Record<string, string>> {
  const { id } = await server.json<{ id: string }>("POST", "/v1/jobs", request);
  const events = await server.fetch(`/v1/jobs/${id}/events`, {
    headers: { accept: "text/event-stream" },
  });
  await events.text();
  const job = await server.json<{ state: string; error: string; result: Record<string, string> }>(
    "GET",
    `/v1/jobs/${id}`,
  );
  assert.equal(job.state, "succeeded", job.error);
  return job.result;
}

async function refused(server: TestServer, request: Json): Promise<Json> {
  const response = await server.fetch("/v1/jobs", {
    method: "POST",
    body: JSON.stringify(request),
    headers: { "content-type": "application/json" },
  });
  assert.ok(response.status >= 400 && response.status < 500, `${response.status}`);
  return await response.json();
}

async function counts(server: TestServer): Promise<void> {
  assert.deepEqual(await run(server, { kind: "counting", to: 5 }), { counted: 5 });
  const { data } = await server.json<{ data: { kind: string }[] }>(
    "GET",
    "/v1/jobs?kind=counting",
  );
  assert.deepEqual(data.map(({ kind }) => kind), ["counting"]);
}

async function answers(server: TestServer): Promise<void> {
  assert.deepEqual(await server.json("GET", "/v1/echo?say=hello"), { said: "hello" });
}

async function reads(server: TestServer): Promise<void> {
  const response = await server.fetch("/v1/datasets/set/gaze", {
    method: "POST",
    body: "TELEGRAM\nP001_CC morse 3 4 0 0.25\nP001_CC morse 5 6 0.5 1\n",
    headers: { "content-type": "text/plain" },
  });
  const report = await response.json();
  assert.deepEqual([report.format, report.fixations, report.readers], ["telegram", 2, 1]);
}

async function compares(server: TestServer, id: string): Promise<void> {
  const { data } = await server.json<{ data: Json[] }>("GET", "/v1/similarities");
  assert.deepEqual(data.map(({ measure }) => measure), ["sameness"]);
  const { data: pairs } = await server.json<{ data: { similarity: number }[] }>(
    "GET",
    `/v1/similarities/${id}/pairs?top=200`,
  );
  assert.ok(pairs.length > 0);
  for (const { similarity } of pairs) {
    const apart = -Math.log(similarity) * 3;
    assert.ok(Math.abs(apart - Math.round(apart)) < 1e-4, `${similarity}`);
  }
}

const network = { backbone: "fakenet", width: 12, channels: 1, image_size: 16 };
const training = { ...network, batch_size: 4, epochs: 2, config: { output: 6 } };

async function trains(server: TestServer): Promise<void> {
  const request = { kind: "pretrain", dataset: "set", method: "fake", arm: "halves", ...training };
  const { model } = await run(server, request);
  const before = await weightsOf(server, model);
  assert.deepEqual([...before.keys()].sort(), [
    ...["embed.weight", "scale.bias", "scale.running_mean", "scale.running_var", "scale.weight"],
  ]);
  // Its norms stay as they are, and its classifier has a name of its own.
  const tuned = await run(server, {
    ...{ kind: "finetune", dataset: "set", init: model, batch_norm: "frozen", epochs: 1 },
  });
  const after = await weightsOf(server, tuned.model);
  assert.ok(after.has("out.weight") && after.has("out.bias"));
  for (const [name, { data }] of before) {
    assert.equal(`${after.get(name)!.data}` === `${data}`, name.startsWith("scale."), name);
  }
  const probed = await run(server, {
    ...{ kind: "finetune", dataset: "set", init: model, mode: "linear", epochs: 1 },
  });
  const linear = await weightsOf(server, probed.model);
  assert.deepEqual(linear.get("embed.weight")!.data, before.get("embed.weight")!.data);
  await cannot(server, tuned.model);
  for (const [field, value] of [["width", 8], ["image_size", 24]]) {
    const { errors } = await refused(server, { ...request, [field]: value });
    assert.deepEqual((errors as Json[]).map(({ pointer }) => pointer), [`/${field}`]);
  }
  const { errors } = await refused(server, { ...request, config: { sharpness: 100 } });
  assert.deepEqual((errors as Json[]).map(({ pointer }) => pointer), ["/config/sharpness"]);
}

async function weightsOf(server: TestServer, model: string) {
  const response = await server.fetch(`/v1/models/${model}/weights`);
  return readSafetensors(new Uint8Array(await response.arrayBuffer())).tensors;
}

/** What a family without a map and without an export answers, and what it can do all the same. */
async function cannot(server: TestServer, model: string): Promise<void> {
  const onnx = await server.fetch(`/v1/models/${model}/weights?format=onnx`);
  assert.ok(onnx.status >= 400 && onnx.status < 500, `${onnx.status}`);
  assert.match((await onnx.json()).detail, /Fakenet has no export/);
  const picture = await (await server.fetch("/v1/datasets/set/images/P001_CC/image.png"))
    .arrayBuffer();
  const ask = (path: string) =>
    server.fetch(path, {
      method: "POST",
      body: picture,
      headers: { "content-type": "image/png" },
    });
  const map = await ask(`/v1/models/${model}/saliency`);
  assert.ok(map.status >= 400 && map.status < 500, `${map.status} ${await map.clone().text()}`);
  assert.match((await map.json()).detail, /Fakenet has no map/);
  const predicted = await ask(`/v1/models/${model}/predictions`);
  assert.equal(predicted.status, 200, await predicted.clone().text());
  await predicted.body?.cancel();
}

interface Plan {
  rows: string[];
  seconds: number | null;
  bytes: number | null;
  disk_bytes: number;
  parts: { method: string | null; backbone: string; seconds: number | null }[];
}

async function plans(server: TestServer, similarity: string): Promise<void> {
  const plan = await server.json<Plan>("POST", "/v1/jobs", {
    ...{ kind: "study", dataset: "set", dry_run: true, similarity, seeds: [0, 1] },
    ...{ methods: ["fake", "moco"], arms: ["none", "gaze", "halves"], backbones: ["fakenet"] },
    pretrain: { width: 12, channels: 1, image_size: 16, batch_size: 4, epochs: 3 },
    by_method: { moco: { config: { queue: 16 } } },
    finetune: { batch_size: 4, epochs: 3 },
  });
  assert.deepEqual(plan.rows, [
    ...["From scratch", "Fake method", "McGIP + Fake method", "Fake method by halves"],
    ...["MoCo", "McGIP + MoCo", "MoCo by halves"],
  ]);
  for (const { method, seconds } of plan.parts) {
    assert.ok(seconds !== null && seconds > 0 && Number.isFinite(seconds), `${method}: ${seconds}`);
  }
  assert.ok(Number.isFinite(plan.seconds) && plan.bytes! > 0);
  // Nothing of moco is known; of the fake, the same training with other epochs is none.
  assert.equal(plan.disk_bytes, (6 * 2 + 7 * 2) * 7 * 12 * 4);
}

async function describes(server: TestServer): Promise<void> {
  const document = await server.json<Json>("GET", "/openapi.json");
  assert.ok("/v1/echo" in (document.paths as Json));
  assert.match(JSON.stringify((document.paths as Json)["/v1/datasets/{name}/gaze"]), /"telegram"/);
  const forms = jobKinds(document);
  const fields = (kind: string) => {
    const form = forms.find((one) => one.kind === kind);
    assert.ok(form, `no form for ${kind}`);
    return new Map(form.fields.map((field) => [field.name, field]));
  };
  const offers = (kind: string, name: string, value: string, title: string, about: RegExp) => {
    const field = fields(kind).get(name)!;
    const option = field.options!.find(([offered]) => offered === value);
    assert.deepEqual(option, [value, title]);
    assert.match(field.about![value], about);
  };
  offers("pretrain", "method", "fake", "Fake method", /sharply/);
  offers("pretrain", "backbone", "fakenet", "Fakenet", /One layer/);
  offers("finetune", "backbone", "fakenet", "Fakenet", /One layer/);
  offers("pretrain", "arm", "halves", "Halves", /one half/);
  offers("similarity", "measure", "sameness", "Sameness", /numbers of fixations/);
  for (const [name, value] of [["methods", "fake"], ["backbones", "fakenet"], ["arms", "halves"]]) {
    assert.ok(fields("study").get(name)!.options!.some(([offered]) => offered === value), name);
  }
  const { when, default: sharpness } = fields("pretrain").get("config.sharpness")!;
  assert.deepEqual([when, sharpness], [{ field: "method", is: "fake" }, 0.5]);
  assert.deepEqual(fields("similarity").get("params.softness")!.when, {
    ...{ field: "measure", is: "sameness" },
  });
  assert.equal(forms.find(({ kind }) => kind === "counting")!.title, "Counting");
  assert.deepEqual(fields("counting").get("to"), {
    ...{ name: "to", required: false, hint: undefined, default: 3, type: "number", whole: true },
  });
}
