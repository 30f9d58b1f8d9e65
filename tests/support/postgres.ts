/** A PostgreSQL server of the test's own: in a folder that goes afterwards, on a port of its own. */
import pg from "pg";
import { type Child, startChild } from "./child.ts";
import { childrenOf } from "./processes.ts";
import { freePort, until } from "./server.ts";

/** Debian keeps the programs of each version in a folder of its own, outside the path. */
function findPrograms(): string | undefined {
  const folders = ["/usr/lib/postgresql"].flatMap((folder) => {
    try {
      return [...Deno.readDirSync(folder)].map(({ name }) => `${folder}/${name}/bin`);
    } catch {
      return [];
    }
  });
  return [...folders.sort().reverse(), ...(Deno.env.get("PATH") ?? "").split(":")]
    .find((folder) => ["initdb", "postgres"].every((name) => isFile(`${folder}/${name}`)));
}

const isFile = (path: string) => {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
};

/** The user of Debian's package, for a test that runs as root: PostgreSQL refuses to. */
function userOfPackage(): { uid: number; gid: number } | undefined {
  const line = Deno.readTextFileSync("/etc/passwd").split("\n")
    .find((line) => line.startsWith("postgres:"));
  if (!line) return undefined;
  const [, , uid, gid] = line.split(":").map(Number);
  return { uid, gid };
}

const programs = findPrograms();
const isRoot = Deno.uid() === 0;
const user = isRoot ? userOfPackage() : undefined;

/** Why tests with PostgreSQL cannot run here; undefined where they can. */
export const withoutPostgres = !programs
  ? "PostgreSQL is not installed"
  : isRoot && !user
  ? "there is no user postgres to run it as"
  : undefined;

export interface TestPostgres {
  port: number;
  /** Path of one of its other programs. */
  program(name: string): string;
  /** Makes an empty database; its address. */
  database(): Promise<string>;
  /** Sends a signal to the first of its processes: SIGKILL takes the others along. */
  kill(signal: Deno.Signal): void;
  /** Its process ids, those of its connections too. */
  processes(): number[];
  /** Waits until a killed one has ended. */
  ended(): Promise<void>;
  /** Starts it again on the same folder, and waits until it answers. */
  start(): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

/** Starts a server whose names are ordered by a language's rules, so that what needs bytes must say so. */
export async function startPostgres(): Promise<TestPostgres> {
  const folder = Deno.makeTempDirSync({ prefix: "mcgip_postgres_" });
  if (user) Deno.chownSync(folder, user.uid, user.gid);
  const data = `${folder}/data`;
  const { success, stderr } = await new Deno.Command(`${programs}/initdb`, {
    args: [
      ...["-D", data, "-U", "mcgip", "-A", "trust", "-E", "UTF8", "--no-sync"],
      ...["--locale=C", "--locale-provider=icu", "--icu-locale=en"],
    ],
    cwd: "/",
    ...user,
  }).output();
  if (!success) throw new Error(`initdb: ${new TextDecoder().decode(stderr)}`);
  const port = freePort();
  let child: Child | undefined;
  let made = 0;
  const address = (name: string) => `postgres://mcgip@127.0.0.1:${port}/${name}`;
  const ask = async (sql: string) => {
    const client = new pg.Client(address("postgres"));
    client.on("error", () => {});
    try {
      await client.connect();
      await client.query(sql);
    } finally {
      await client.end();
    }
  };
  const postgres: TestPostgres = {
    port,
    program: (name) => `${programs}/${name}`,
    async database() {
      const name = `test${++made}`;
      await ask(`CREATE DATABASE ${name}`);
      return address(name);
    },
    kill: (signal) => child!.kill(signal),
    processes: () => [child!.pid, ...childrenOf(child!.pid)],
    ended: () => child!.stop("SIGKILL"),
    async start() {
      child = startChild(`${programs}/postgres`, [
        ...["-D", data, "-p", String(port), "-k", "", "-h", "127.0.0.1"],
        // What a test writes need not outlive the machine's power.
        ...["-c", "fsync=off", "-c", "max_connections=100", "-c", "lc_messages=C"],
      ], { cwd: "/", ...user });
      const { log, ended } = child;
      await until(
        () => {
          if (ended()) throw new Error(`PostgreSQL ended at once:\n${log()}`);
          return ask("SELECT 1").then(() => true, () => false);
        },
        30_000,
        log,
      );
    },
    async stop() {
      // Without waiting for those who are still connected.
      await child?.stop("SIGINT");
      Deno.removeSync(folder, { recursive: true });
    },
  };
  await postgres.start();
  return postgres;
}

/** A test with a server, started once for all of its steps. */
export function postgresTest(
  name: string,
  body: (postgres: TestPostgres, t: Deno.TestContext) => Promise<void>,
): void {
  if (withoutPostgres) {
    Deno.test({ name: `${name} (skipped: ${withoutPostgres})`, ignore: true, fn() {} });
    return;
  }
  Deno.test(name, async (t) => {
    const postgres = await startPostgres();
    try {
      await body(postgres, t);
    } finally {
      await postgres.stop();
    }
  });
}
