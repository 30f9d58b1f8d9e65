/** `deno task verify:cluster`: whether all is in the bucket that the rows of the database name. */
import { readCluster } from "@/lib/cluster_settings.ts";
import { counted } from "@/lib/counted.ts";
import { Conflict } from "@/lib/errors.ts";
import { readOptions } from "@/lib/options.ts";
import { assertReadable } from "./migrate.ts";
import { BucketOwner } from "./owner.ts";
import { Postgres } from "./postgres.ts";
import { S3 } from "./s3.ts";
import { verifyCluster } from "./verify.ts";

const HELP = `deno task verify:cluster [OPTIONS]
Looks at every file that the rows of MCGIP_DATABASE name, in the bucket of MCGIP_FILES; also while
servers run. Ends with 1 where anything is wrong, with 2 where it cannot look.
  --quick     does not read the files: whether they are there
  -h, --help  prints this and leaves`;

/** What is wrong with whose the bucket is; undefined where nothing is. */
async function ownerFault(owner: BucketOwner): Promise<string | undefined> {
  try {
    await owner.look();
    return undefined;
  } catch (error) {
    if (error instanceof Conflict) return error.message;
    throw error;
  }
}

async function program(args: string[]): Promise<number> {
  const { values } = readOptions("verify", { quick: { type: "boolean" } }, args);
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const cluster = readCluster((name) => Deno.env.get(name));
  if (!cluster) throw new Error("Cannot verify: MCGIP_DATABASE and MCGIP_FILES name no place");
  const db = new Postgres(cluster.database, { connections: 1 });
  const temporary = Deno.makeTempDirSync({ prefix: "mcgip_verify_" });
  try {
    const started = performance.now();
    await assertReadable(db);
    const bucket = new S3(cluster.bucket);
    const found = await verifyCluster(db, bucket, { ...values, temporary });
    const owner = await ownerFault(new BucketOwner(db, cluster.bucket));
    if (owner !== undefined) found.faults.unshift(owner);
    for (const fault of found.faults) console.log(fault);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(
      `${counted(found.faults.length, "fault")}: ${counted(found.files, "file")}` +
        `${values.quick ? ", not read," : ""} for ${
          counted(found.references, "reference")
        }, in ${seconds} s`,
    );
    if (found.missing > 0 && found.missing === found.files) {
      console.log(
        `None of the files is in ${bucket.place}: MCGIP_FILES seems to name another bucket or prefix than that of ` +
          "the servers",
      );
    }
    return found.faults.length > 0 ? 1 : 0;
  } finally {
    await db.close();
    Deno.removeSync(temporary, { recursive: true });
  }
}

try {
  Deno.exit(await program(Deno.args));
} catch (error) {
  console.error((error as Error).message);
  Deno.exit(2);
}
