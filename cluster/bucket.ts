/** Makes the bucket that `MCGIP_FILES` names: `deno task bucket`. */
import { readBucket } from "@/lib/cluster_settings.ts";
import { S3 } from "./s3.ts";

const setting = Deno.env.get("MCGIP_FILES");
try {
  if (!setting) throw new Error("Cannot make a bucket: MCGIP_FILES=s3://BUCKET names none");
  const bucket = new S3(readBucket(setting, (name) => Deno.env.get(name)));
  await bucket.make();
  console.log(`${bucket.name.charAt(0).toUpperCase()}${bucket.name.slice(1)} is there`);
} catch (error) {
  console.error((error as Error).message);
  Deno.exit(1);
}
