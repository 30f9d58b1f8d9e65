/**
 * SHA-256 of the weights of small trainings, one a method, by a server started from a checkout: equal lines from
 * two commits on one adapter mean that nothing of a result has changed in between.
 *
 *   deno run -A bench/digests.ts [CHECKOUT]
 */
import { createHash } from "node:crypto";

function freePort(): string {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return String(port);
}

const checkout = Deno.args[0] ?? new URL("..", import.meta.url).pathname;
const folder = Deno.makeTempDirSync({ prefix: "mcgip_digests_" });
const key = "digests-0123456789abcdef";
const env = {
  MCGIP_API_KEY: key,
  MCGIP_PORT: freePort(),
  MCGIP_DATA: `${folder}/data`,
  NO_COLOR: "1",
};
const url = `http://127.0.0.1:${env.MCGIP_PORT}`;

async function ask<T = Record<string, unknown>>(path: string, init: RequestInit = {}): Promise<T> {
  const headers = { authorization: `Bearer ${key}`, ...init.headers };
  const response = await fetch(url + path, { ...init, headers });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return await response.json();
}

interface Job {
  id: string;
  state: string;
  error: string | null;
  result: Record<string, string>;
}

async function run(spec: Record<string, unknown>): Promise<Record<string, string>> {
  const headers = { "content-type": "application/json" };
  const { id } = await ask<Job>("/v1/jobs", {
    method: "POST",
    body: JSON.stringify(spec),
    headers,
  });
  while (true) {
    const { state, result, error } = await ask<Job>(`/v1/jobs/${id}`);
    if (state === "succeeded") return result;
    if (state === "failed" || state === "cancelled") throw new Error(`${spec.kind}: ${error}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function digest(model: string): Promise<string> {
  const headers = { authorization: `Bearer ${key}` };
  const response = await fetch(`${url}/v1/models/${model}/weights`, { headers });
  const bytes = await response.bytes();
  // The header names the model's id and lineage; the numbers come after it.
  const header = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  return createHash("sha256").update(bytes.subarray(8 + header)).digest("hex");
}

const command = (args: string[]) =>
  new Deno.Command(Deno.execPath(), { args, cwd: checkout, env, stdin: "null", stderr: "null" });
await command(["run", "-A", "demo.ts", "--write", `${folder}/set.zip`]).output();
const server = command(["run", "-A", "main.ts"]).spawn();
try {
  for (let tries = 0; !(await fetch(`${url}/readyz`).catch(() => undefined))?.ok; tries++) {
    if (tries > 300) throw new Error("Cannot reach the server");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const body = Deno.readFileSync(`${folder}/set.zip`);
  // Names decide how a split is drawn; older checkouts keep them and know no option.
  await ask("/v1/datasets/set?names=keep", { method: "PUT", body })
    .catch(() => ask("/v1/datasets/set", { method: "PUT", body }));
  const measured = { kind: "similarity", dataset: "set", measure: "multimatch" };
  const { similarity } = await run(measured);
  const small = { dataset: "set", width: 8, image_size: 32, batch_size: 16, seed: 3 };
  let backbone = "scratch";
  for (const method of ["byol", "moco", "simsiam", "simclr"]) {
    for (const arm of ["none", "gaze"]) {
      const pairs = arm === "gaze" ? { similarity, cut: { quantile: 0.1 } } : {};
      // Older checkouts looked at all images where nothing was said.
      const spec = { ...small, method, arm, ...pairs, leave_out: null, epochs: 2 };
      const result = await run({ kind: "pretrain", ...spec });
      backbone = result.model;
      console.log(`${method} ${arm}`.padEnd(16), await digest(backbone));
    }
  }
  for (const mode of ["full", "linear"]) {
    const spec = { kind: "finetune", dataset: "set", init: backbone, mode, epochs: 2, seed: 3 };
    const { model } = await run(spec);
    console.log(`finetune ${mode}`.padEnd(16), await digest(model));
  }
} finally {
  server.kill("SIGTERM");
  await server.status;
  Deno.removeSync(folder, { recursive: true });
}
