/** What people start the server by, as far as it can be looked at without containers and schedulers. */
import assert from "node:assert/strict";
import { parseAllDocuments } from "yaml";
import { readDatabase } from "@/lib/cluster_settings.ts";
import { readElsewhere } from "@/lib/worker_settings.ts";
import { programTest } from "../support/programs.ts";
import { projectFiles, readText, root } from "../support/imports.ts";

const files = projectFiles("").filter((file) => file.startsWith("deploy/"));
const yamls = files.filter((file) => file.endsWith(".yaml"));

// deno-lint-ignore no-explicit-any
function documentsOf(file: string): any[] {
  return parseAllDocuments(readText(file), { merge: true }).map((document) => {
    assert.deepEqual(document.errors, [], file);
    assert.deepEqual(document.warnings, [], file);
    return document.toJS();
  });
}

async function output(program: string, args: string[], options: Deno.CommandOptions = {}) {
  const { code, stdout, stderr } = await new Deno.Command(program, { args, ...options }).output();
  const decoder = new TextDecoder();
  return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

Deno.test("every file of YAML is one, and what a service waits for is there", () => {
  assert.equal(yamls.length, 3);
  for (const file of yamls) documentsOf(file);
  const [{ services, volumes, configs }] = documentsOf("deploy/compose.yaml");
  for (const [name, service] of Object.entries<Record<string, unknown>>(services)) {
    const waited = service.depends_on ?? [];
    for (const other of Array.isArray(waited) ? waited : Object.keys(waited)) {
      assert.ok(other in services, `${name} waits for ${other}`);
    }
    for (const volume of (service.volumes ?? []) as string[]) {
      const [source] = volume.split(":");
      assert.ok(source.startsWith("./") || source in volumes, `${name}: ${volume}`);
    }
    for (const { source } of (service.configs ?? []) as { source: string }[]) {
      assert.ok(source in configs, `${name}: ${source}`);
    }
  }
});

Deno.test("Kubernetes' objects name each other rightly", () => {
  const objects = yamls.filter((file) => file.includes("kubernetes")).flatMap(documentsOf);
  const workloads = objects.filter(({ kind }) =>
    ["Deployment", "StatefulSet", "Job"].includes(kind)
  );
  assert.equal(workloads.length, 3);
  for (const { kind, spec } of workloads) {
    // A Service called mcgip would set MCGIP_PORT.
    assert.equal(spec.template.spec.enableServiceLinks, false);
    if (kind !== "Job") {
      assert.deepEqual(spec.selector.matchLabels, spec.template.metadata.labels);
    }
    for (const { volumeMounts } of spec.template.spec.containers) {
      for (const { name } of volumeMounts) {
        assert.ok(
          spec.template.spec.volumes.some((volume: { name: string }) => volume.name === name),
        );
      }
    }
  }
  const services = objects.filter(({ kind }) => kind === "Service");
  const api = workloads.find(({ metadata }) => metadata.name === "mcgip-api");
  for (const { spec } of services) {
    assert.deepEqual(spec.selector, api.spec.template.metadata.labels);
  }
  const [service, single] = services;
  assert.equal(service.spec.sessionAffinity, "ClientIP");
  assert.deepEqual([single.spec.clusterIP, single.metadata.name], ["None", api.spec.serviceName]);
  const maps = objects.filter(({ kind }) => kind === "ConfigMap");
  const { data: server } = maps.find(({ metadata }) => metadata.name === "mcgip");
  const { data: worker } = maps.find(({ metadata }) => metadata.name === "mcgip-worker");
  assert.equal(server.MCGIP_WORKERS, "0");
  const { apis } = readElsewhere((name) => ({ ...worker, MCGIP_API_KEY: "key" })[name])!;
  const names = Array.from(
    { length: api.spec.replicas },
    (_, i) => `mcgip-api-${i}.${single.metadata.name}`,
  );
  assert.deepEqual(apis, names.map((name) => `http://${name}:8000`));
  const allowed = server.MCGIP_ALLOWED_HOSTS.split(",");
  assert.deepEqual(names.filter((name) => !allowed.includes(name)), []);
  for (const { spec } of workloads) {
    for (const { envFrom } of spec.template.spec.containers) {
      const [{ configMapRef }] = envFrom;
      assert.ok(maps.some(({ metadata }) => metadata.name === configMapRef.name));
    }
  }
  const [container] = api.spec.template.spec.containers;
  assert.equal(container.readinessProbe.httpGet.path, "/readyz?without=gpu");
  assert.equal(container.livenessProbe.httpGet.path, "/healthz");
});

Deno.test("in compose servers compute nothing, workers link to each, and no address holds a secret", () => {
  const [{ services }] = documentsOf("deploy/compose.yaml");
  const servers = Object.keys(services).filter((name) => name.startsWith("api-"));
  assert.equal(servers.length, 2);
  for (const name of servers) {
    const { environment } = services[name];
    assert.equal(environment.MCGIP_WORKERS, "0");
    assert.equal(readDatabase(environment.MCGIP_DATABASE).host, "postgres:5432");
    assert.match(environment.PGPASSWORD, /^\$\{POSTGRES_PASSWORD/);
  }
  for (const name of ["worker-1", "worker-2"]) {
    const { environment, profiles } = services[name];
    const { apis } = readElsewhere((name) => ({ ...environment, MCGIP_API_KEY: "key" })[name])!;
    assert.deepEqual(apis, servers.map((server) => `http://${server}:8000`));
    assert.deepEqual([environment.MCGIP_WORKER_NAME, profiles], [name, ["workers"]]);
    assert.ok(!("MCGIP_DATABASE" in environment));
  }
  for (const file of files) assert.doesNotMatch(readText(file), /postgres:\/\/[^\s@]*:\$/, file);
});

Deno.test("proxies keep a client on a server, and ask whether it is ready", () => {
  const caddy = readText("deploy/Caddyfile");
  assert.match(caddy, /^\t\tlb_policy ip_hash$/m);
  assert.match(caddy, /^\t\thealth_uri \/readyz\?without=gpu$/m);
  assert.match(readText("deploy/nginx.conf"), /^upstream mcgip \{[^}]*^ {2}ip_hash;$/m);
});

Deno.test("they run the version of Deno that the tests run with, and tasks that exist", () => {
  const version = /^version=(\S+)$/m.exec(readText(".ci/run"))![1];
  assert.match(readText("deploy/Dockerfile"), new RegExp(`denoland/deno:bin-${version} `));
  const { tasks } = JSON.parse(readText("deno.json"));
  const named = files.flatMap((file) =>
    [
      ...readText(file).matchAll(/deno"?,? "?task"?,? "?(\w+)/g),
    ].map((match) => match[1])
  );
  assert.ok(named.length > 4);
  assert.deepEqual(named.filter((name) => !(name in tasks)), []);
});

programTest("scripts are scripts", ["bash"], async () => {
  const script = `${root}deploy/slurm_worker.sh`;
  assert.deepEqual(await output("bash", ["-n", script]), { code: 0, text: "" });
});

programTest("systemd takes the unit", ["systemd-analyze"], async (folder) => {
  const unit = readText("deploy/mcgip.service").replaceAll("/usr/local/bin/deno", Deno.execPath());
  Deno.writeTextFileSync(`${folder}/mcgip.service`, unit);
  const { code, text } = await output("systemd-analyze", ["verify", `${folder}/mcgip.service`]);
  assert.equal(code, 0, text);
  assert.doesNotMatch(text, /mcgip\.service:/);
});

programTest("nginx takes its configuration", ["nginx", "openssl"], async (folder) => {
  const key = `${folder}/key`;
  const made = await output("openssl", [
    ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=mcgip"],
    ...["-keyout", key, "-out", `${folder}/certificate`],
  ]);
  assert.equal(made.code, 0, made.text);
  const site = readText("deploy/nginx.conf")
    .replace("/etc/ssl/certs/mcgip.pem", `${folder}/certificate`)
    .replace("/etc/ssl/private/mcgip.key", key)
    .replace("listen 443", "listen 127.0.0.1:8443");
  Deno.writeTextFileSync(
    `${folder}/nginx.conf`,
    `pid ${folder}/pid; error_log stderr; events {}\nhttp { access_log off;\n${site}\n}`,
  );
  const { code, text } = await output("nginx", ["-t", "-c", `${folder}/nginx.conf`]);
  assert.equal(code, 0, text);
});

programTest("Caddy takes its configuration", ["caddy"], async () => {
  const { code, text } = await output("caddy", [
    ...["adapt", "--adapter", "caddyfile", "--config", `${root}deploy/Caddyfile`],
  ], { env: { MCGIP_SERVERS: "api-a:8000 api-b:8000" } });
  assert.equal(code, 0, text);
  assert.match(text, /"upstreams":\[\{"dial":"api-a:8000"\},\{"dial":"api-b:8000"\}\]/);
});

/** A machine of a cluster's: programs of ours in place of Deno and of Slurm's. */
async function asSlurm(folder: string, body: string, signal?: Deno.Signal) {
  for (
    const [name, text] of [["deno", body], ["scontrol", `echo "scontrol $*" >> ${folder}/log`]]
  ) {
    Deno.writeTextFileSync(`${folder}/${name}`, `#!/bin/bash\n${text}\n`, { mode: 0o755 });
  }
  Deno.writeTextFileSync(`${folder}/env`, "MCGIP_DATABASE=postgres://db/mcgip\n", { mode: 0o600 });
  const child = new Deno.Command("bash", {
    args: [`${root}deploy/slurm_worker.sh`],
    env: {
      PATH: `${folder}:${Deno.env.get("PATH")}`,
      MCGIP_PROJECT: folder,
      MCGIP_ENV_FILE: `${folder}/env`,
      MCGIP_DATA: `${folder}/data`,
      SLURM_JOB_ID: "42",
      USER: "me",
    },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (signal) {
    while (!existsLog(folder)) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill(signal);
  }
  const { code, stderr } = await child.output();
  return {
    code,
    error: new TextDecoder().decode(stderr),
    log: Deno.readTextFileSync(`${folder}/log`),
  };
}

function existsLog(folder: string): boolean {
  try {
    return Deno.readTextFileSync(`${folder}/log`).includes("\n");
  } catch {
    return false;
  }
}

programTest(
  "under Slurm a worker is told to save, and waits for its next turn",
  ["bash"],
  async (folder) => {
    const { code, error, log } = await asSlurm(
      folder,
      `echo "deno $* on $MCGIP_DATABASE" >> ${folder}/log
     trap 'sleep 0.3; echo saved >> ${folder}/log; exit 0' TERM
     while :; do sleep 0.05; done`,
      "SIGTERM",
    );
    assert.equal(
      log,
      [
        "deno task worker on postgres://db/mcgip",
        "saved",
        "scontrol requeue 42",
        "",
      ].join("\n"),
    );
    assert.equal(code, 0, error);
  },
);

programTest("under Slurm a worker that fails by itself fails the job", ["bash"], async (folder) => {
  const { code, log } = await asSlurm(folder, `echo started >> ${folder}/log; exit 3`);
  assert.equal(code, 3);
  assert.equal(log, "started\n");
});
