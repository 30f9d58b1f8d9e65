/** The processes of a server: what they do when one of them is killed, asked to leave, or has no GPU. */
import assert from "node:assert/strict";
import { openStore } from "@/lib/store/mod.ts";
import { picture } from "../support/archives.ts";
import { requestText } from "../support/raw_request.ts";
import { freePort, startServer, type TestServer, until, withServer } from "../support/server.ts";
import { upload } from "../support/small_set.ts";

interface Job {
  id: string;
  state: string;
  progress: { done: number; total: number; unit: string };
  error: string | null;
  result: Record<string, string> | null;
}

/** Some tens of steps of a tenth of a second each, with a checkpoint after each epoch of one. */
const training = {
  kind: "pretrain",
  dataset: "breast",
  method: "byol",
  arm: "none",
  width: 8,
  image_size: 32,
  epochs: 40,
  batch_size: 12,
  seed: 1,
};

async function alive(pid: number): Promise<boolean> {
  try {
    const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
    return !/\) Z /.test(stat);
  } catch {
    return false;
  }
}

const getJob = (server: TestServer, id: string) => server.json<Job>("GET", `/v1/jobs/${id}`);

async function atStep(server: TestServer, id: string, step: number): Promise<void> {
  let job!: Job;
  await until(
    async () => {
      job = await getJob(server, id);
      assert.notEqual(job.state, "failed", job.error ?? "");
      return job.progress.unit === "steps" && job.progress.done >= step;
    },
    60_000,
    () => JSON.stringify(job) + server.log(),
  );
}

async function finalWeights(server: TestServer, id: string): Promise<Uint8Array> {
  let job!: Job;
  await until(
    async () => {
      job = await getJob(server, id);
      assert.ok(!["failed", "cancelled"].includes(job.state), `${job.state}: ${job.error}`);
      return job.state === "succeeded";
    },
    120_000,
    () => JSON.stringify(job) + server.log(),
  );
  const bytes = await (await server.fetch(`/v1/models/${job.result!.model}/weights`)).bytes();
  // Its header tells which job made it.
  return bytes.subarray(8 + Number(new DataView(bytes.buffer).getBigUint64(0, true)));
}

Deno.test("kill -9 of the worker, of the API, of all, and leaving: training ends with the same weights", async () => {
  const data = Deno.makeTempDirSync({ prefix: "mcgip_test_" });
  let server = await startServer({ data });
  try {
    await server.ready();
    await upload(server, "breast");
    const undisturbed = await server.json<Job>("POST", "/v1/jobs", training);
    const expected = await finalWeights(server, undisturbed.id);

    const { id } = await server.json<Job>("POST", "/v1/jobs", training);
    await atStep(server, id, 5);
    const first = server.children();
    Deno.kill(first.worker!, "SIGKILL");
    let since = Date.now();
    await until(
      () => {
        const { worker } = server.children();
        return worker !== undefined && worker !== first.worker;
      },
      5_000,
      server.log,
    );
    await server.ready(5_000);
    assert.ok(Date.now() - since < 5_000);

    await atStep(server, id, 12);
    const second = server.children();
    Deno.kill(second.api!, "SIGKILL");
    since = Date.now();
    await until(async () => !await alive(second.worker!), 5_000);
    await server.ready(5_000);
    assert.ok(Date.now() - since < 5_000);
    assert.notEqual(server.children().api, second.api);

    await atStep(server, id, 18);
    const third = server.children();
    await server.stop("SIGKILL");
    await until(async () => !await alive(third.api!) && !await alive(third.worker!), 5_000);

    server = await startServer({ data });
    await atStep(server, id, 24);
    since = Date.now();
    const { code } = await server.stop("SIGTERM");
    assert.equal(code, 0);
    assert.ok(Date.now() - since < 30_000);
    const store = await openStore(data);
    const { state, attempts } = await store.jobs.get(id);
    await store.close();
    assert.deepEqual([state, attempts], ["queued", 0]);

    server = await startServer({ data });
    assert.deepEqual(await finalWeights(server, id), expected);
  } finally {
    await server.stop("SIGKILL");
    Deno.removeSync(data, { recursive: true });
  }
});

Deno.test("a second server on the same data directory is refused and told by whom", async () => {
  await withServer(async (server) => {
    await assert.rejects(
      startServer({ data: server.data }),
      new RegExp(`Cannot use .*: the server with process id ${server.children().api}`),
    );
  });
});

Deno.test("an address that is taken, settings that cannot be used: one line, and the end", async () => {
  await withServer(async (server) => {
    const data = Deno.makeTempDirSync({ prefix: "mcgip_test_" });
    const start = (options: { port?: number; env?: Record<string, string>; args?: string[] }) =>
      startServer({ data, port: freePort(), ...options });
    await assert.rejects(
      start({ port: Number(new URL(server.url).port) }),
      /Cannot listen on 127.*--port/,
    );
    await assert.rejects(
      start({ args: ["--host=no-such-host.invalid"] }),
      /Cannot listen on no-such-host.*--host takes an address/,
    );
    const file = `${data}/a-file`;
    Deno.writeTextFileSync(file, "");
    await assert.rejects(
      startServer({ data: file, port: freePort() }),
      /Cannot use .*a-file: it is a file; name another data directory by --data/,
    );
    await assert.rejects(start({ env: { MCGIP_PORT: "many" } }), /Cannot use MCGIP_PORT=many/);
    await assert.rejects(start({ env: { MCGIP_API_KEY: "short" } }), /Cannot use MCGIP_API_KEY/);
    await assert.rejects(
      start({ env: { MCGIP_HOST: "0.0.0.0" }, args: ["--no-auth"] }),
      /Cannot start with --no-auth on 0.0.0.0/,
    );
    await assert.rejects(
      start({ args: ["--no-ath"] }),
      /Cannot start: unknown option '--no-ath'; see --help/,
    );
    Deno.removeSync(data, { recursive: true });
  });
});

Deno.test("an API that ends without the launcher being asked is started again, whatever its code", async () => {
  await withServer(async (server) => {
    const { api } = server.children();
    // It leaves in order, with code 0; an uncaught error ends with 1, and is nothing else to the launcher.
    Deno.kill(api!, "SIGTERM");
    await until(() => ![undefined, api].includes(server.children().api), 30_000, server.log);
    await server.ready();
    assert.match(server.log(), /The API process ended with code 0; starting it again/);
  });
});

Deno.test("signals to the whole group save a checkpoint; the key keeps its id; the worker does not hold it", async () => {
  const data = Deno.makeTempDirSync({ prefix: "mcgip_test_" });
  try {
    let server = await startServer({ data });
    await server.ready();
    await upload(server, "breast", 24);
    const { id } = await server.json<Job>("POST", "/v1/jobs", training);
    await atStep(server, id, 3);
    const { api, worker } = server.children();
    const environment = Deno.readTextFileSync(`/proc/${worker}/environ`);
    assert.ok(!environment.includes(server.key), "the worker's environment holds the key");
    const ids = async () =>
      (await server.json<{ data: { id: string; name: string }[] }>("GET", "/v1/keys")).data
        .filter(({ name }) => name === "environment").map(({ id }) => id);
    const before = await ids();
    // As a service manager or a closed terminal does it.
    for (const pid of [worker!, api!]) Deno.kill(pid, "SIGTERM");
    await server.stop();
    const store = await openStore(data);
    const job = await store.jobs.get(id);
    const saved = (await store.events.list(id, { limit: 1000 })).data
      .filter(({ type }) => type === "checkpoint").map(({ data }) => data.step as number);
    await store.close();
    assert.equal(job.state, "queued");
    assert.equal(job.attempts, 0);
    assert.ok(saved.at(-1)! >= job.progress.done - 1, `${saved}, ${job.progress.done}`);
    server = await startServer({ data });
    assert.deepEqual(await ids(), before);
    await server.stop();
  } finally {
    Deno.removeSync(data, { recursive: true });
  }
});

Deno.test("an upload that is under way when the server is asked to leave is taken and answered; a new one is not", async () => {
  const data = Deno.makeTempDirSync({ prefix: "mcgip_test_" });
  try {
    const server = await startServer({ data });
    const { hostname, port } = new URL(server.url);
    const body = picture(16, 16);
    const head = requestText("PUT", "/v1/datasets/late/images/a", {
      host: `${hostname}:${port}`,
      authorization: `Bearer ${server.key}`,
      "content-length": String(body.length),
    });
    using connection = await Deno.connect({ hostname, port: Number(port) });
    const write = async (bytes: Uint8Array) => {
      for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
    };
    await write(new TextEncoder().encode(head));
    await write(body.subarray(0, 40));
    // Until the request is one: others are answered after it was read.
    await server.json("GET", "/v1/jobs");
    const left = server.stop();
    await until(() => /Leaving, by SIGTERM/.test(server.log()), 10_000, server.log);
    // All else has ended by then.
    await until(() => server.children().worker === undefined, 10_000, server.log);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await assert.rejects(server.fetch("/healthz"));
    await write(body.subarray(40));
    let answer = "";
    const chunk = new Uint8Array(4096);
    for (let n; (n = await connection.read(chunk)) !== null;) {
      answer += new TextDecoder().decode(chunk.subarray(0, n));
    }
    assert.match(answer, /^HTTP\/1\.1 20[01] /);
    assert.equal((await left).code, 0);
    const store = await openStore(data);
    const set = await store.datasets.byName("late");
    assert.ok(await store.images.byName(set.id, "a"));
    await store.close();
  } finally {
    Deno.removeSync(data, { recursive: true });
  }
});

Deno.test("--no-auth on a loopback address asks for no key, and still refuses other sites", async () => {
  await withServer(async (server) => {
    const open = await fetch(`${server.url}/v1/jobs`);
    await open.body?.cancel();
    assert.equal(open.status, 200);
    const foreign = await fetch(`${server.url}/v1/jobs`, {
      headers: { origin: "https://elsewhere.example" },
    });
    await foreign.body?.cancel();
    assert.equal(foreign.status, 403);
  }, { args: ["--no-auth"] });
});

Deno.test("the first start makes a key and shows it once", async () => {
  const data = Deno.makeTempDirSync({ prefix: "mcgip_test_" });
  try {
    const env = { MCGIP_API_KEY: "" };
    const first = await startServer({ data, env });
    const key = /shown only now: (mcgip_\S+)/.exec(first.log())?.[1];
    assert.ok(key);
    const jobs = (server: TestServer) =>
      fetch(`${server.url}/v1/jobs`, { headers: { authorization: `Bearer ${key}` } });
    assert.equal((await jobs(first)).status, 200);
    await first.stop();
    const second = await startServer({ data, env });
    assert.doesNotMatch(second.log(), /mcgip_\S{20}/);
    assert.equal((await jobs(second)).status, 200);
    await second.stop();
    for (const { name, isFile } of Deno.readDirSync(data)) {
      if (!isFile) continue;
      const text = new TextDecoder("latin1").decode(Deno.readFileSync(`${data}/${name}`));
      assert.ok(!text.includes(key), name);
    }
  } finally {
    Deno.removeSync(data, { recursive: true });
  }
});

Deno.test("without an adapter: a clear message, 503 for what needs one, the rest works", async () => {
  // The Vulkan loader finds no driver; OpenGL, which may be there, is not taken in its place.
  const env = { VK_ICD_FILENAMES: "/nonexistent", VK_DRIVER_FILES: "/nonexistent" };
  await withServer(async (server) => {
    await until(() => /Cannot find a GPU adapter/.test(server.log()), 10_000, server.log);
    const ready = await fetch(`${server.url}/readyz`);
    assert.equal(ready.status, 503);
    assert.match((await ready.json()).detail, /apt-get install libvulkan1 mesa-vulkan-drivers/);
    await upload(server, "breast", 4);
    const picture = await server.fetch("/v1/datasets/breast/images/P001_CC/overlay.png");
    assert.equal(picture.status, 200);
    await picture.body?.cancel();
    const device = await server.json("GET", "/v1/device");
    assert.equal(device.gpu, null);
    const job = await server.fetch("/v1/jobs", {
      method: "POST",
      body: JSON.stringify({ kind: "similarity", dataset: "breast", measure: "dhash" }),
      headers: { "content-type": "application/json" },
    });
    assert.equal(job.status, 503);
    assert.match((await job.json()).detail, /Cannot find a GPU adapter/);
    const { worker } = server.children();
    assert.ok(worker, "the worker stays");
  }, { env });
});

Deno.test("each process may do what it needs and no more", async () => {
  await withServer(async (server) => {
    await server.ready();
    const { api, worker } = server.children();
    const flags = (pid: number) =>
      Deno.readTextFileSync(`/proc/${pid}/cmdline`).split("\0").filter((arg) =>
        /^-A$|^--allow/.test(arg)
      );
    const names = (pid: number) => flags(pid).map((flag) => flag.split("=")[0]).sort();
    assert.deepEqual(names(api!), [
      "--allow-env",
      "--allow-net",
      "--allow-read",
      "--allow-run",
      "--allow-sys",
      "--allow-write",
    ]);
    assert.ok(flags(api!).includes("--allow-sys=systemMemoryInfo,statfs,getPriority,setPriority"));
    assert.deepEqual(names(worker!), [
      "--allow-env",
      "--allow-read",
      "--allow-sys",
      "--allow-write",
    ]);
    for (const flag of [...flags(api!), ...flags(worker!)]) assert.match(flag, /=./, flag);
    const { host } = new URL(server.url);
    assert.ok(flags(api!).includes(`--allow-net=${host}`));
    // No database is among them: the worker asks for what it needs.
    const own = ["files", "checkpoints", "cache", "tmp"].map((name) => `${server.data}/${name}`);
    assert.ok(flags(worker!).includes(`--allow-write=${own}`));
    assert.ok(!flags(worker!).join().includes("MCGIP_API_KEY"));
    const command = Deno.readTextFileSync(`/proc/${api}/cmdline`);
    assert.match(command, /--connections=\d+/, "bounded below the limit of file handles");
  });
});
