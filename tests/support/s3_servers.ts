/** S3 servers of the test's own, each in a folder that goes afterwards. */
import { fileURLToPath } from "node:url";
import { AwsClient } from "aws4fetch";
import { S3 } from "@/cluster/s3.ts";
import type { BucketSettings } from "@/lib/cluster_settings.ts";
import { type Child, startChild } from "./child.ts";
import { freePort, until } from "./server.ts";

export interface S3Server {
  name: string;
  settings: BucketSettings;
  /** Whether it looks at signatures. */
  strict: boolean;
  /** Sends a signal to all of its processes. */
  kill(signal: Deno.Signal): void;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

const root = fileURLToPath(new URL("../../", import.meta.url));

/** The variables of a server of a cluster. @param database from `postgres.database()` */
export function clusterEnvironment(
  { settings }: Pick<S3Server, "settings">,
  database: string,
  more: Record<string, string> = {},
): Record<string, string> {
  return {
    MCGIP_DATABASE: database,
    MCGIP_FILES: "s3://mcgip",
    AWS_ENDPOINT_URL_S3: settings.endpoint,
    AWS_ACCESS_KEY_ID: settings.accessKeyId,
    AWS_SECRET_ACCESS_KEY: settings.secretAccessKey,
    ...more,
  };
}

/** The keys of all objects whose key begins so. */
export async function keysOf(
  { bucket, endpoint, accessKeyId, secretAccessKey, region }: BucketSettings,
  prefix: string,
): Promise<string[]> {
  const client = new AwsClient({ accessKeyId, secretAccessKey, region, service: "s3" });
  const keys: string[] = [];
  let more: string | undefined;
  do {
    const url = new URL(`${endpoint}/${bucket}`);
    url.searchParams.set("list-type", "2");
    url.searchParams.set("prefix", prefix);
    if (more !== undefined) url.searchParams.set("continuation-token", more);
    const response = await client.fetch(url.href);
    const text = await response.text();
    if (!response.ok) throw new Error(`Cannot list the bucket: ${response.status} ${text}`);
    keys.push(...[...text.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key]) => key));
    more = /<NextContinuationToken>([^<]*)</.exec(text)?.[1];
  } while (more !== undefined);
  return keys;
}

/** s3rver: one small process, quick to start; it takes any key. */
export async function startS3rver(): Promise<S3Server> {
  const folder = Deno.makeTempDirSync({ prefix: "mcgip_s3rver_" });
  const port = freePort();
  const child = startChild(Deno.execPath(), [
    ...["run", "-A", "--no-check", "--frozen", `--config=${root}tests/deno.json`],
    ...[`${root}tests/support/s3rver.ts`, folder, String(port), "mcgip"],
  ], { env: { NO_COLOR: "1" } });
  await until(() => child.log().includes("ready") || child.ended(), 30_000, child.log);
  if (child.ended()) throw new Error(`s3rver ended at once:\n${child.log()}`);
  return {
    name: "s3rver",
    settings: {
      bucket: "mcgip",
      prefix: "",
      endpoint: `http://127.0.0.1:${port}`,
      region: "us-east-1",
      accessKeyId: "S3RVER",
      secretAccessKey: "S3RVER",
    },
    strict: false,
    kill: child.kill,
    async stop() {
      await child.stop();
      Deno.removeSync(folder, { recursive: true });
    },
  };
}

/** The processes of OpenStack Swift, in the order of their start. */
const SWIFT = ["account", "container", "object", "proxy"] as const;

/** Why OpenStack Swift does not run here; undefined where it does. */
export const withoutSwift = Deno.env.get("MCGIP_STACKS")
  ? ["swift-ring-builder", ...SWIFT.map((name) => `swift-${name}-server`)]
    .map((program) =>
      Deno.env.get("PATH")!.split(":").some((folder) => exists(`${folder}/${program}`))
        ? undefined
        : `${program} is not installed`
    ).find((why) => why)
  : "it takes minutes: see deno task test:stacks";

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** OpenStack Swift with its S3 interface: a server that people run, with signatures, in four processes. */
export async function startSwift(): Promise<S3Server> {
  const folder = Deno.makeTempDirSync({ prefix: "mcgip_swift_" });
  const etc = `${folder}/etc`;
  Deno.mkdirSync(etc);
  Deno.mkdirSync(`${folder}/devices/disk`, { recursive: true });
  const ports = Object.fromEntries(SWIFT.map((name) => [name, freePort()]));
  Deno.writeTextFileSync(
    `${etc}/swift.conf`,
    "[swift-hash]\nswift_hash_path_suffix = a\nswift_hash_path_prefix = b\n" +
      "[storage-policy:0]\nname = one\ndefault = yes\n",
  );
  const user = Deno.env.get("USER") || "root";
  const server = (name: string, more: string) =>
    Deno.writeTextFileSync(
      `${etc}/${name}-server.conf`,
      `[DEFAULT]\nbind_ip = 127.0.0.1\nbind_port = ${ports[name]}\nworkers = 0\nuser = ${user}\n` +
        `devices = ${folder}/devices\nmount_check = false\nswift_dir = ${etc}\n${more}`,
    );
  for (const name of ["account", "container", "object"]) {
    server(
      name,
      `[pipeline:main]\npipeline = ${name}-server\n[app:${name}-server]\nuse = egg:swift#${name}\n`,
    );
    for (
      const args of [
        ["create", "4", "1", "1"],
        ["add", `r1z1-127.0.0.1:${ports[name]}/disk`, "1"],
        ["rebalance"],
      ]
    ) {
      const done = await new Deno.Command("swift-ring-builder", {
        args: [`${etc}/${name}.builder`, ...args],
      }).output();
      // 1 is a warning.
      if (done.code > 1) throw new Error(new TextDecoder().decode(done.stdout));
    }
  }
  const filters = ["catch_errors", "gatekeeper", "memcache", "listing_formats", "s3api"];
  const inner = ["tempauth", "copy", "slo", "dlo", "versioned_writes"];
  const settings: Record<string, string> = {
    // Nothing listens there: what it would keep is asked for anew.
    memcache: "memcache_servers = 127.0.0.1:1\n",
    tempauth: "user_test_tester = testing .admin\n",
  };
  server(
    "proxy",
    `[pipeline:main]\npipeline = ${[...filters, ...inner].join(" ")} proxy-server\n` +
      "[app:proxy-server]\nuse = egg:swift#proxy\naccount_autocreate = true\n" +
      [...filters, ...inner].map((name) =>
        `[filter:${name}]\nuse = egg:swift#${name}\n${settings[name] ?? ""}`
      ).join(""),
  );
  const children: Child[] = SWIFT.map((name) =>
    startChild(`swift-${name}-server`, [`${etc}/${name}-server.conf`, "--verbose"])
  );
  const log = () => children.map((child) => child.log()).join("\n");
  const endpoint = `http://127.0.0.1:${ports.proxy}`;
  const swift: S3Server = {
    name: "OpenStack Swift",
    settings: {
      bucket: "mcgip",
      prefix: "",
      endpoint,
      region: "us-east-1",
      accessKeyId: "test:tester",
      secretAccessKey: "testing",
    },
    strict: true,
    kill: (signal) => children.forEach((child) => child.kill(signal)),
    async stop() {
      await Promise.all(children.map((child) => child.stop("SIGKILL")));
      Deno.removeSync(folder, { recursive: true });
    },
  };
  try {
    const bucket = new S3(swift.settings, { pauses: [] });
    await until(() => bucket.make().then(() => true, () => false), 60_000, log);
  } catch (error) {
    await swift.stop();
    throw error;
  }
  return swift;
}

/** A test with each of the servers that run here. */
export function s3Test(
  name: string,
  body: (server: S3Server, t: Deno.TestContext) => Promise<void>,
): void {
  for (
    const [title, start, missing] of [
      ["s3rver", startS3rver, undefined],
      ["OpenStack Swift", startSwift, withoutSwift],
    ] as const
  ) {
    if (missing) {
      Deno.test({ name: `${name}: ${title} (skipped: ${missing})`, ignore: true, fn() {} });
      continue;
    }
    Deno.test(`${name}: ${title}`, async (t) => {
      const server = await start();
      try {
        await body(server, t);
      } finally {
        await server.stop();
      }
    });
  }
}
