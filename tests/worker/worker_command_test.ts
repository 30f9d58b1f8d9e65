/** `main.ts worker` on the command line, where no worker is started. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { tellingDesk } from "@/lib/worker/telling_desk.ts";
import type { Desk } from "@/lib/worker/desk.ts";
import { withDirectory } from "../support/temporary.ts";

const main = `${fileURLToPath(new URL("../../", import.meta.url))}main.ts`;

async function worker(data: string, ...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--quiet", main, "worker", ...args],
    env: { MCGIP_DATA: data },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

Deno.test("help is printed; what cannot be used is refused, and makes no data directory", () =>
  withDirectory(async (directory) => {
    const data = `${directory}/none`;
    const help = await worker(data, "--help");
    assert.equal(help.code, 0);
    assert.match(help.out, /deno task worker \[OPTIONS\][^]*--data FOLDER/);
    const unknown = await worker(data, "--gpu=1");
    assert.equal(unknown.code, 1);
    assert.match(unknown.err, /Cannot start a worker: unknown option '--gpu'; see --help/);
    const bare = await worker(data);
    assert.equal(bare.code, 1);
    assert.match(bare.err, /it holds no mcgip.db. The server makes it: run deno task start/);
    assert.ok(!existsSync(data));
  }));

Deno.test("a log hears which job was taken, and how it ended", async () => {
  const lines: string[] = [];
  const job = { id: "job_1", kind: "count", fence: 1 };
  const desk = tellingDesk(
    { claim: () => Promise.resolve(job), tell: () => Promise.resolve(null) } as unknown as Desk,
    (line) => lines.push(line),
  );
  await desk.claim(["count"], "adapter");
  const news = { points: [], events: [] };
  await desk.tell({ id: "job_1", fence: 1 }, { ...news, changes: { state: "running" } });
  await desk.tell({ id: "job_1", fence: 1 }, { ...news, changes: { state: "failed" } });
  assert.deepEqual(lines, ["job job_1: taken (count, attempt 1)", "job job_1: failed"]);
});
