/** What is done otherwise where servers share a database and a bucket: which tool does it there. */

const ADVICE: Record<string, string> = {
  backup:
    "Cannot back up a cluster: its database and its bucket have tools of their own. First the database, then " +
    "the bucket: pg_dump --format=custom --file=mcgip.dump DATABASE; rclone sync of the bucket, or its own " +
    "versions. What the dump names is in the bucket for a week at least. A data directory is copied with --data FOLDER",
  restore:
    "Cannot restore into a cluster: pg_restore --dbname=DATABASE mcgip.dump into an empty database, the bucket's " +
    "copy back into the bucket, then deno task verify:cluster. A data directory is made with --data FOLDER",
  verify:
    "Cannot verify a cluster by this: deno task verify:cluster looks at its database and its bucket. A data " +
    "directory, or a backup of one, is looked at with --data FOLDER",
  salvage:
    "Cannot salvage a cluster by this: its database has tools of its own (pg_restore of a dump). The database of a " +
    "data directory is salvaged with --data FOLDER",
  keys:
    "Cannot change keys of a cluster by this: they are made at any of its servers, by POST /v1/keys or on the " +
    "dashboard, with MCGIP_API_KEY; deno task keys is for a data directory, with --data FOLDER",
};

/** @throws {Error} where MCGIP_DATABASE names what a program would look at, and no directory is named */
export function assertNoCluster(
  name: string,
  args: string[],
  env: (name: "MCGIP_DATABASE") => string | undefined,
): void {
  const named = args.some((arg) => /^(--data|--help|-h)(=|$)/.test(arg));
  if (Object.hasOwn(ADVICE, name) && !named && env("MCGIP_DATABASE")) throw new Error(ADVICE[name]);
}
