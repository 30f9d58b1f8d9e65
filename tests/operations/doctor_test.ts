/** `deno task doctor`: each thing that can be wrong is found, with what to type; nothing is changed. */
import assert from "node:assert/strict";
import { checkDatabase, checkDirectory, clockOf, diskOf } from "@/lib/operations/checks/data.ts";
import { checkGraphics, type GraphicsProbe } from "@/lib/operations/checks/graphics.ts";
import {
  checkHandles,
  checkMemory,
  checkPort,
  checkRunning,
  checkVariables,
  checkVersions,
} from "@/lib/operations/checks/machine.ts";
import type { Finding } from "@/lib/operations/checks/finding.ts";
import { filesBelow } from "@/lib/operations/data_files.ts";
import { takeLock } from "@/lib/store/lock.ts";
import { unknownVariables } from "@/lib/unknown_variables.ts";
import { openStore } from "@/lib/store/mod.ts";
import { runTask } from "../support/program.ts";
import { withServer } from "../support/server.ts";
import { withDirectory } from "../support/temporary.ts";

/** The verdict and what is said, in one text. */
const told = ({ verdict, check, found, advice }: Finding) => {
  assert.equal(advice === undefined, verdict === "ok", `${check}: advice for what is not ok`);
  return `${verdict} ${check}: ${found}${advice ? ` -> ${advice}` : ""}`;
};

Deno.test("adapters: none, OpenGL alone, software beside a GPU, another backend", async () => {
  const gpu = { vendor: "", description: "A100", software: false };
  const software = { vendor: "", description: "llvmpipe", software: true };
  const probe = (given: Partial<GraphicsProbe>) =>
    checkGraphics({
      find: () => Promise.resolve(null),
      exists: () => false,
      linux: true,
      ...given,
    }).then((findings) => findings.map(told));
  assert.match((await probe({}))[0], /^fault adapter: none -> .*apt-get install .*mesa-vulkan/);
  const onlyGl = (backend?: string) => Promise.resolve(backend === "gl" ? software : null);
  assert.match(
    (await probe({ find: onlyGl }))[0],
    /^fault .*by OpenGL there is llvmpipe, which is not/,
  );
  assert.deepEqual(await probe({ find: () => Promise.resolve(gpu) }), [
    "ok adapter: A100 by vulkan",
    "ok backend: vulkan",
  ]);
  const slow = { find: () => Promise.resolve(software) };
  assert.match(
    (await probe(slow))[0],
    /^warning adapter: llvmpipe by vulkan: software, no GPU -> /,
  );
  const hidden = (path: string) => ({ ...slow, exists: (one: string) => one === path });
  assert.match(
    (await probe(hidden("/dev/dri/renderD128")))[0],
    /^fault .*although there is a GPU -> .*usermod -aG render/,
  );
  assert.match((await probe(hidden("/proc/driver/nvidia/version")))[0], /nvidia_icd\.json/);
  assert.match(
    (await probe({ find: () => Promise.resolve(gpu), backend: "gl" }))[1],
    /^warning backend: gl, on which .* -> start the server without DENO_WEBGPU_BACKEND/,
  );
});

Deno.test("the machine: versions, memory, file handles", () => {
  assert.match(told(checkVersions("1", "2.9.0")), /^ok versions: McGIP 1, Deno 2\.9\.0/);
  assert.match(told(checkVersions("1", "2.8.1")), /^fault .* -> deno upgrade 2\.9\.6/);
  assert.match(told(checkVersions("1", "3.0.0")), /^warning/);
  assert.match(told(checkMemory(1e9)), /^warning memory: 1\.0 GB -> /);
  assert.match(told(checkMemory(8e9)), /^ok/);
  assert.match(
    told(checkHandles(200)),
    /^fault file handles: 200: too few to start -> ulimit -n 4096/,
  );
  assert.match(told(checkHandles(1024)), /^warning/);
  assert.match(told(checkHandles(Infinity)), /^ok file handles: unlimited/);
  assert.match(told(checkHandles(undefined)), /^ok/);
});

Deno.test("a server of another version than the checkout is told", () =>
  withDirectory((data) => {
    assert.deepEqual(checkRunning("1", data), []);
    const server = takeLock(data);
    assert.deepEqual(checkRunning("1", data), [], "it has not said yet");
    server.announce("1");
    assert.match(checkRunning("1", data).map(told).join(), /^ok server: runs as version 1/);
    assert.match(
      checkRunning("2", data).map(told).join(),
      /^warning server: the server that runs is version 1, this checkout is 2 -> start the server/,
    );
    server.release();
  }));

Deno.test("variables that nothing reads are told, with the nearest that is read", async () => {
  const lines = unknownVariables([
    ...["MCGIP_PROT", "MCGIP_DTA", "mcgip_port", "MCGIP_SOMETHING_ELSE"],
    ...["PATH", "MCGIP_PORT", "MCGIP_DATA", "MCGIP_WORKER_NAME", "MCGIP_URL", "MCGIP_CACHE_BYTES"],
    ...["MCGIP_SERVICE_PORT", "MCGIP_PORT_8000_TCP_ADDR", "MCGIP_API_A_SERVICE_HOST"],
  ]);
  assert.deepEqual(lines, [
    "Nothing reads the variable MCGIP_DTA: MCGIP_DATA was meant?",
    "Nothing reads the variable MCGIP_PROT: MCGIP_PORT was meant?",
    "Nothing reads the variable MCGIP_SOMETHING_ELSE",
    "Nothing reads the variable mcgip_port: MCGIP_PORT was meant?",
  ]);
  assert.match(
    checkVariables(["MCGIP_DTA"]).map(told).join(),
    /^warning variables: .*MCGIP_DATA was meant\? -> deno task start --help/,
  );
  await withDirectory(async (data) => {
    const env = { MCGIP_DATA: `${data}/none`, MCGIP_DTA: "x" };
    for (const task of ["verify", "backup", "keys"]) {
      const { error } = await runTask(task, [], env);
      assert.match(error, /^Nothing reads the variable MCGIP_DTA: MCGIP_DATA was meant\?\n/);
    }
    await withServer((server) => {
      assert.match(server.log(), /Nothing reads the variable MCGIP_DTA: MCGIP_DATA was meant\?/);
      return Promise.resolve();
    }, { data: `${data}/own`, args: ["--workers", "0"], env: { MCGIP_DTA: "x" } });
  });
});

Deno.test("the port: free, another program's, the server's", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const at = { host: "127.0.0.1", port };
  const other = listener[Symbol.asyncIterator]().next().then(({ value }) => value?.close());
  assert.match(told(await checkPort(at, undefined)), /^fault port: another program .* --port$/);
  assert.match(told(await checkPort(at, "7")), /^fault port: what listens .*process 7/);
  await other;
  listener.close();
  assert.match(told(await checkPort(at, undefined)), /^ok port: .* is free/);
  assert.match(told(await checkPort(at, "7")), /^warning port: .*listens elsewhere/);
  const nowhere = await checkPort({ host: "192.0.2.1", port: 1 }, undefined);
  assert.match(told(nowhere), /^fault port: 192\.0\.2\.1:1 cannot be had/);
});

Deno.test("disk and clock", () =>
  withDirectory(async (data) => {
    const room = { bsize: 1000, blocks: 1e9, bavail: 1e8, ffree: 1e6, files: 1e7 };
    assert.equal(told(diskOf(room)), "ok disk: 100.0 GB of 1.0 TB free");
    assert.match(told(diskOf({ ...room, bavail: 1e6 })), /^warning disk: 1\.0 GB of/);
    assert.match(told(diskOf({ ...room, bavail: 1e4 })), /^fault disk: 10\.0 MB of .* -> delete/);
    assert.match(told(diskOf({ ...room, ffree: 3 })), /^fault .*no room for more files/);
    await (await openStore(data)).close();
    assert.match(told(clockOf(data, Date.now())), /^ok clock/);
    assert.match(told(clockOf(data, Date.parse("2019-01-01"))), /^fault clock: .* years behind/);
    const tomorrow = new Date(Date.now() + 86_400_000);
    Deno.utimeSync(`${data}/mcgip.db`, tomorrow, tomorrow);
    assert.match(
      told(clockOf(data, Date.now())),
      /^warning clock: .*holds things of .*timedatectl/,
    );
  }));

Deno.test("directory and database: as they should be, and each way in which they are not", () =>
  withDirectory(async (folder) => {
    const data = `${folder}/data`;
    assert.match(told(checkDirectory(data)), /^ok directory: .* is not there yet/);
    assert.match(told(checkDatabase(data)), /^ok database: not there yet/);
    await (await openStore(data)).close();
    assert.match(told(checkDirectory(data)), /^ok directory: .* can be written/);
    assert.match(told(checkDatabase(data)), /^ok database: sound, /);
    Deno.chmodSync(data, 0o755);
    Deno.chmodSync(`${data}/mcgip.db`, 0o644);
    assert.match(told(checkDirectory(data)), /^warning .*other users .* -> chmod 700/);
    Deno.chmodSync(data, 0o700);
    assert.match(told(checkDirectory(data)), /^ok/);
    const file = `${folder}/file`;
    Deno.writeTextFileSync(file, "");
    assert.match(told(checkDirectory(file)), /^fault directory: .* is a file -> name another/);
    const nowhere = `${data}.link`;
    Deno.symlinkSync(`${data}.gone`, nowhere);
    assert.match(told(checkDirectory(nowhere)), /^fault .* is a link that leads nowhere -> name/);
    Deno.removeSync(nowhere);

    const path = `${data}/mcgip.db`;
    const sound = Deno.readFileSync(path);
    const damaged = sound.slice();
    damaged.fill(0x55, 8192, 12_288);
    Deno.writeFileSync(path, damaged);
    assert.match(told(checkDatabase(data)), /^fault database: .* -> deno task restore/);
    Deno.writeFileSync(path, sound);
    Deno.removeSync(path);
    Deno.mkdirSync(`${data}/files/ab`, { recursive: true });
    assert.match(told(checkDatabase(data)), /^fault database: missing, although there are files/);
  }));

Deno.test("the program: lines or JSON, its exit code, and a directory that it leaves as it is", async () => {
  await withServer(async (server) => {
    await server.ready();
    const port = new URL(server.url).port;
    const args = ["--data", server.data, "--port", port];
    const before = await filesBelow(server.data);
    const lines = await runTask("doctor", args);
    assert.equal(lines.code, 0, lines.out);
    assert.match(lines.out, /\nok +port +127.*: the server \(process \d+\) answers there\n/);
    assert.match(lines.last, /^0 faults, \d warnings?; a server runs \(process \d+\) in /);
    assert.deepEqual(await filesBelow(server.data), before);
    Deno.writeTextFileSync(`${server.data}/a-file`, "");
    const json = await runTask("doctor", ["--json", "--data", `${server.data}/a-file`]);
    assert.equal(json.code, 1);
    const { faults, findings } = JSON.parse(json.out) as { faults: number; findings: Finding[] };
    assert.ok(faults >= 1);
    assert.equal(findings.find(({ check }) => check === "directory")!.verdict, "fault");
    assert.equal((await runTask("doctor", ["--foo"])).code, 2);
    assert.match((await runTask("doctor", ["-h"])).out, /^deno task doctor \[OPTIONS\]/);
  });
});
