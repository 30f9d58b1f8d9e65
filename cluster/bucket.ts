/** Makes the bucket that `MCGIP_FILES` names: `deno task bucket`; `--take` makes it this database's. */
import { readBucket, readCluster } from "@/lib/cluster_settings.ts";
import { readOptions } from "@/lib/options.ts";
import { assertMade } from "./migrate.ts";
import { BucketOwner } from "./owner.ts";
import { Postgres } from "./postgres.ts";
import { S3 } from "./s3.ts";

const HELP = `deno task bucket [OPTIONS]
Makes the bucket that MCGIP_FILES names; one that is there already is left as it is.
  --take      makes bucket and prefix those of the database that MCGIP_DATABASE names, whichever had
              them: after a restore into another database, with the servers of the other stopped
  -h, --help  prints this and leaves`;

async function take(): Promise<string> {
  const cluster = readCluster((name) => Deno.env.get(name));
  if (!cluster) throw new Error("Cannot take a bucket: MCGIP_DATABASE names no database");
  const db = new Postgres(cluster.database, { connections: 1 });
  try {
    await assertMade(db);
    const before = await new BucketOwner(db, cluster.bucket).take();
    const whose = `that of schema "${cluster.database.schema}" at ${cluster.database.host}`;
    return `${whose}${before === undefined ? "" : `, and was that of ${before}`}`;
  } finally {
    await db.close();
  }
}

try {
  const { values } = readOptions("make a bucket", { take: { type: "boolean" } }, Deno.args);
  if (values.help) console.log(HELP);
  else {
    const setting = Deno.env.get("MCGIP_FILES");
    if (!setting) throw new Error("Cannot make a bucket: MCGIP_FILES=s3://BUCKET names none");
    const bucket = new S3(readBucket(setting, (name) => Deno.env.get(name)));
    await bucket.make();
    const place = `${bucket.place.charAt(0).toUpperCase()}${bucket.place.slice(1)}`;
    console.log(`${place} is ${values.take ? await take() : "there"}`);
  }
} catch (error) {
  console.error((error as Error).message);
  Deno.exit(1);
}
