/** s3rver as a program: `deno run tests/support/s3rver.ts FOLDER PORT BUCKET`. */
// @ts-types="./s3rver.d.ts"
import S3rver from "s3rver";

const [directory, port, bucket] = Deno.args;
await new S3rver({
  directory,
  port: Number(port),
  address: "127.0.0.1",
  silent: true,
  vhostBuckets: false,
  configureBuckets: [{ name: bucket }],
}).run();
console.log("ready");
