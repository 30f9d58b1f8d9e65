/** Workers that open the data directory of a server themselves: told of by the server, and careful with versions. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { codeVersion, limits } from "@/lib/config.ts";
import { mostQueued, newJob } from "@/lib/jobs/queue.ts";
import { checkout } from "@/lib/launcher.ts";
import { versions } from "@/lib/store/migrations.ts";
import { openStore } from "@/lib/store/mod.ts";
import { type Child, startChild } from "../support/child.ts";
import { readExposition } from "../support/exposition.ts";
import { root } from "../support/imports.ts";
import { until, withServer } from "../support/server.ts";
import { withDirectory, withStore } from "../support/temporary.ts";
import { uploadModel } from "../support/uploaded_model.ts";

const program = fileURLToPath(new URL("../support/worker.ts", import.meta.url));

interface Told {
  name: string;
  label: string;
  place: string;
  local: boolean;
  ready: boolean;
  predicts: boolean;
  job: string | null;
  version: string | null;
  detail: string | null;
  gpu: { description: string } | null;
}

const startTestWorker = (data: string, name: string, version: string): Child =>
  startChild(
    Deno.execPath(),
    ["run", "-A", "--no-check", "--quiet", program, data, name, "alone", "", "", version],
    { stdin: true },
  );

Deno.test("a worker beside a server that has none makes it ready, and is told of; it answers no predictions", () =>
  withDirectory((data) =>
    withServer(async (server) => {
      const ready = async () => {
        const response = await server.fetch("/readyz");
        return { code: response.status, ...await response.json() };
      };
      const none = await ready();
      assert.deepEqual([none.code, none.gpu, none.predictions], [503, false, false]);
      const proxy = await server.fetch("/readyz?without=gpu");
      assert.deepEqual([proxy.status, (await proxy.json()).database], [200, true]);
      const { tasks } = JSON.parse(Deno.readTextFileSync(`${root}/deno.json`));
      const command = [...tasks.worker.command.split(" ").slice(1), "--name=second-card"];
      const env = { MCGIP_DATA: server.data, NO_COLOR: "1" };
      const worker = startChild(Deno.execPath(), command, { cwd: root, env });
      try {
        let told: Told[] = [];
        await until(
          async () => {
            told = (await server.json<{ data: Told[] }>("GET", "/v1/workers")).data;
            return told.some(({ ready }) => ready);
          },
          60_000,
          () => worker.log() + JSON.stringify(told),
        );
        const [one, ...others] = told;
        assert.deepEqual(others, []);
        assert.match(one.name, /^second-card-[0-9a-f]{8}$/);
        assert.deepEqual(
          [one.label, one.place, one.local, one.predicts, one.detail],
          ["second-card", "beside", false, false, null],
        );
        assert.equal(one.version, codeVersion(checkout()));
        await until(async () => (await ready()).code === 200, 20_000);
        const { gpu, predictions, detail: lacking } = await ready();
        assert.deepEqual([gpu, predictions], [true, false]);
        assert.match(lacking, /One works on its jobs \(second-card\)/);
        const device = await server.json<{ gpu: unknown; detail: string }>("GET", "/v1/device");
        assert.deepEqual(device.gpu, one.gpu);
        const figures = await (await server.fetch("/metrics")).text();
        assert.match(figures, /^mcgip_workers\{place="beside"\} 1$/m);
        assert.match(figures, /^mcgip_worker_beat_seconds\{worker="second-card"\} [\d.e-]+$/m);

        const model = await uploadModel(server, "m", { classes: ["x", "y"], image_size: 32 });
        const picture = "P2\n2 2\n255\n0 100 200 255\n";
        const predicted = await server.fetch(`/v1/models/${model}/predictions`, {
          ...{
            method: "POST",
            body: picture,
            headers: { "content-type": "image/x-portable-graymap" },
          },
        });
        const { detail } = await predicted.json();
        assert.equal(predicted.status, 503, detail);
        assert.ok(Number(predicted.headers.get("retry-after")) > 0);
        assert.match(detail, /One works on its jobs \(second-card\).*\(--workers 1\)/);
      } finally {
        await worker.stop();
      }
      const after = await server.json<{ data: Told[] }>("GET", "/v1/workers");
      assert.deepEqual(after.data, [], worker.log());
    }, { data, args: ["--workers", "0"] })
  ));

Deno.test("figures of workers of one name are told apart, and of no more than a hundred", () =>
  withServer(async (server) => {
    const store = await openStore(server.data, { shared: true });
    try {
      const gpu = {
        ...{ vendor: "v", architecture: "", device: "d", description: 'a "card"' },
        software: false,
      };
      for (let i = 0; i < 120; i++) {
        await store.workers.hold(`box-${String(i).padStart(3, "0")}`, {
          ...{ label: i < 3 ? "box" : `box-${i}`, version: "x", place: "beside" },
          ...{ device: { gpu }, memory: 5, gpu_memory: 7 },
        });
      }
      let text = "";
      await until(
        async () => {
          text = await (await server.fetch("/metrics")).text();
          return text.includes('mcgip_workers{place="beside"} 120');
        },
        20_000,
        () => text,
      );
      const workers = readExposition(text).get("mcgip_worker_busy")!.samples
        .map(({ labels }) => labels!.worker).filter((name) => name !== "server");
      assert.deepEqual(workers.slice(0, 4), ["box", "box#2", "box#3", "box-3"]);
      assert.ok(workers.length <= 100, `${workers.length}`);
      assert.equal(new Set(workers).size, workers.length);
      const { data } = await server.json<{ data: Told[] }>("GET", "/v1/workers");
      assert.equal(data.filter(({ place }) => place === "beside").length, 120);
    } finally {
      await store.close();
    }
  }));

Deno.test("a worker newer than the database leaves it as it is, and says what to do", () =>
  withDirectory(async (data) => {
    const path = `${data}/mcgip.db`;
    const old = new DatabaseSync(path);
    const before = versions.slice(0, -1);
    old.exec(`${before.join(";")}; PRAGMA user_version = ${before.length}`);
    old.close();
    const worker = startTestWorker(data, "new", "0.1.0");
    await until(worker.ended, 60_000, worker.log);
    await worker.stop();
    assert.match(worker.log(), /its schema is version 14, this worker needs 15; start a server/);
    const left = new DatabaseSync(path);
    assert.equal(left.prepare("PRAGMA user_version").get()!.user_version, before.length);
    left.close();
  }));

Deno.test("many workers beside a server let more jobs wait", () =>
  withStore(async (store) => {
    assert.equal(await mostQueued(store), limits.queuedJobs);
    for (let i = 0; i < 20; i++) await store.workers.hold(`gpu-box-${i}`);
    const most = await mostQueued(store);
    assert.ok(most > 2 * limits.queuedJobs, `${most}`);
  }));

Deno.test("beside a server of another version only jobs of the own version are taken, and that is said", () =>
  withDirectory((data) =>
    withServer(async (server) => {
      const servers = codeVersion(checkout());
      const store = await openStore(server.data, { shared: true });
      const insert = async (code_version?: string) =>
        (await store.jobs.insert(newJob("count", { to: 3, ms: 1, code_version }))).id;
      const state = async (id: string) => (await store.jobs.get(id)).state;
      const workers: Child[] = [];
      try {
        const of = {
          servers: await insert(servers),
          own: await insert("0.0.9"),
          any: await insert(),
        };
        workers.push(startTestWorker(server.data, "old", "0.0.9"));
        const log = () => workers.map((worker) => worker.log()).join("\n");
        await until(async () => await state(of.any) === "succeeded", 60_000, log);
        await until(async () => await state(of.own) === "succeeded", 60_000, log);
        await until(() => log().includes(`Jobs of version ${servers} are left`), 60_000, log);
        assert.match(
          log(),
          /this one is 0\.0\.9, the server of .*start this worker from the server/,
        );
        assert.equal(await state(of.servers), "queued");
        const detail = async () =>
          (await server.json<{ data: Told[] }>("GET", "/v1/workers")).data[0]?.detail;
        const said = /^Its version is 0\.0\.9, this server's .* leaves jobs of this one to others$/;
        await until(async () => said.test(await detail() ?? ""), 20_000, log);

        // One of the server's version takes what is left, and leaves the other's to the other while that lives.
        workers.push(startTestWorker(server.data, "new", servers));
        await until(async () => await state(of.servers) === "succeeded", 60_000, log);
        const ids = [];
        for (let i = 0; i < 6; i++) ids.push(await insert("0.0.9"));
        for (const id of ids) {
          await until(async () => await state(id) === "succeeded", 60_000, log);
          const [{ worker }] = await store.jobs.attempts.ofJob(id);
          assert.equal(worker, "old");
        }
        await workers[0].stop();
        const last = await insert("0.0.9");
        await until(async () => await state(last) === "succeeded", 60_000, log);
        assert.equal((await store.jobs.attempts.ofJob(last))[0].worker, "new");
      } finally {
        for (const worker of workers) await worker.stop("SIGKILL");
        await store.close();
      }
    }, { data, args: ["--workers", "0"] })
  ));
