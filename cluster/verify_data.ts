/** `deno task verify:cluster`: whether all is in the bucket that the rows of the database name. */
import { readCluster } from "@/lib/cluster_settings.ts";
import { counted } from "@/lib/counted.ts";
import { readOptions } from "@/lib/options.ts";
import { Postgres } from "./postgres.ts";
import { S3 } from "./s3.ts";
import { verifyCluster } from "./verify.ts";

const HELP = `deno task verify:cluster [OPTIONS]
Looks at every file that the rows of MCGIP_DATABASE name, in the bucket of MCGIP_FILES; also while
servers run. Ends with 1 where anything is wrong, with 2 where it cannot look.
  --quick     does not read the files: whether they are there
  -h, --help  prints this and leaves`;

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
    const found = await verifyCluster(db, new S3(cluster.bucket), { ...values, temporary });
    for (const fault of found.faults) console.log(fault);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(
      `${counted(found.faults.length, "fault")}: ${counted(found.files, "file")}` +
        `${values.quick ? ", not read," : ""} for ${
          counted(found.references, "reference")
        }, in ${seconds} s`,
    );
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
