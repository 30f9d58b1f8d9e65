/** What `deno task doctor` wants to know of a cluster's database and bucket: findings as JSON, on standard output. */
import { readCluster } from "@/lib/cluster_settings.ts";
import { Conflict } from "@/lib/errors.ts";
import { keyOf } from "@/lib/store/remote.ts";
import { runsOn, schemaVersions } from "./migrate.ts";
import { BucketOwner } from "./owner.ts";
import { Postgres } from "./postgres.ts";
import { S3 } from "./s3.ts";

/** As those of lib/operations/checks/finding.ts, which reads them. */
interface Finding {
  check: string;
  verdict: "ok" | "warning" | "fault";
  found: string;
  advice?: string;
}
const ok = (check: string, found: string): Finding => ({ check, verdict: "ok", found });
const warning = (check: string, found: string, advice: string): Finding => ({
  ...{ check, verdict: "warning", found, advice },
});
const fault = (check: string, found: string, advice: string): Finding => ({
  ...{ check, verdict: "fault", found, advice },
});

/** Clocks of two machines differ; ms. */
const CLOCK_MS = 5_000;

const { database, bucket } = readCluster((name) => Deno.env.get(name))!;
const reason = (error: unknown) => (error as Error).message.replace(/\/\/\S*@/g, "//***@");

async function checkDatabase(): Promise<Finding[]> {
  const db = new Postgres(database, { connections: 1, patience: 10_000 });
  const where = `PostgreSQL at ${database.host}, schema ${database.schema}`;
  try {
    const { now, server } = (await db.get<{ now: number; server: string }>(
      `SELECT ${db.clock} AS now, current_setting('server_version') AS server`,
    ))!;
    const ahead = now - Date.now();
    const clock = Math.abs(ahead) > CLOCK_MS
      ? warning(
        "clocks",
        `the database's is ${(ahead / 1000).toFixed(0)} s ahead of this machine's`,
        "set the clocks, and keep them set: timedatectl set-ntp true",
      )
      : ok("clocks", "this machine's is the database's");
    const made = await db.get<{ name: string | null }>(
      "SELECT to_regclass('schema_version') AS name",
    );
    if (!made?.name) {
      return [ok("database", `${where} (${server}): empty, the first start makes it`), clock];
    }
    const { version } = (await db.get<{ version: number }>(
      "SELECT max(version) AS version FROM schema_version",
    ))!;
    const known = schemaVersions.length;
    if (version > known && !await runsOn(db, known)) {
      const found = `${where}: version ${version} of a newer program, this one knows ${known}`;
      return [fault("database", found, "update the program"), clock];
    }
    const next = version < known
      ? `; the next start brings it to ${known}`
      : version > known
      ? `, on which this program of version ${known} runs, too`
      : "";
    return [ok("database", `${where} (${server}), version ${version}${next}`), clock];
  } catch (error) {
    const advice = "look at MCGIP_DATABASE, and whether the server runs: pg_isready";
    return [fault("database", `${where}: ${reason(error)}`, advice)];
  } finally {
    await db.close();
  }
}

/** Puts, finds and removes a small object. */
async function checkBucket(): Promise<Finding> {
  const s3 = new S3(bucket, { pauses: [] });
  const path = Deno.makeTempFileSync({ prefix: "mcgip_doctor_" });
  const sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  const key = `${keyOf(sha256)}.doctor-${crypto.randomUUID()}`;
  try {
    await s3.put(key, path, sha256);
    const there = await s3.has(key);
    await s3.remove(key);
    return there
      ? ok("bucket", `${s3.name} can be written and read`)
      : fault("bucket", `${s3.name} does not have what was just put`, "look at its endpoint");
  } catch (error) {
    const advice = "look at MCGIP_FILES and the AWS_ variables; deno task bucket makes the bucket";
    return fault("bucket", `${s3.name}: ${reason(error)}`, advice);
  } finally {
    Deno.removeSync(path);
  }
}

/** Whether the files there are this database's; nothing is said where either cannot be looked at. */
async function checkOwner(): Promise<Finding[]> {
  const db = new Postgres(database, { connections: 1, patience: 10_000 });
  try {
    const whose = await new BucketOwner(db, bucket).look();
    return [ok("owner", whose === "own" ? "its files are this database's" : "nobody's yet")];
  } catch (error) {
    if (!(error instanceof Conflict)) return [];
    return [fault("owner", reason(error), "another prefix, or deno task bucket --take")];
  } finally {
    await db.close();
  }
}

const [ofDatabase, ofBucket] = [await checkDatabase(), await checkBucket()];
const usable = [...ofDatabase, ofBucket].every(({ verdict }) => verdict !== "fault");
console.log(JSON.stringify([...ofDatabase, ofBucket, ...usable ? await checkOwner() : []]));
