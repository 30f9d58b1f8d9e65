/**
 * What several servers share, as the environment names it: a database and a bucket. Both or neither: rows on all
 * servers refer to files that one of them has stored.
 */

export interface ClusterSettings {
  database: DatabaseSettings;
  bucket: BucketSettings;
  /** Most bytes of stored files that a server keeps beside the bucket; undefined: all that it has used. */
  cacheBytes?: number;
}

export interface DatabaseSettings {
  /** `postgres://...` without what is ours; it may hold a password. */
  address: string;
  schema: string;
  /** `host:port`, for permissions. */
  host: string;
}

/** A bucket, as the environment names it. */
export interface BucketSettings {
  bucket: string;
  /** Before every key: empty, or ends in a slash. */
  prefix: string;
  /** Without a slash at the end; the bucket is the first part of the path. */
  endpoint: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  /** Of keys that expire. */
  sessionToken?: string;
}

/** The variables that name a bucket's place and keys, as other programs for S3 read them. */
const bucketVariables = [
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "AWS_ENDPOINT_URL_S3",
  "AWS_ENDPOINT_URL",
  "AWS_REGION",
  "AWS_DEFAULT_REGION",
] as const;

/** Every variable that is read here. */
export const clusterVariables = [
  "MCGIP_DATABASE",
  "MCGIP_FILES",
  "MCGIP_CACHE_BYTES",
  ...bucketVariables,
] as const;

type Env = (name: (typeof clusterVariables)[number]) => string | undefined;

/**
 * Undefined where the environment names neither a database nor a bucket.
 * @throws {Error} that says which variable cannot be used, and what is needed
 */
export function readCluster(env: Env): ClusterSettings | undefined {
  const [database, files, cache] = [
    env("MCGIP_DATABASE"),
    env("MCGIP_FILES"),
    env("MCGIP_CACHE_BYTES"),
  ];
  if (!database && !files) {
    if (cache) {
      throw new Error("Cannot use MCGIP_CACHE_BYTES without MCGIP_DATABASE and MCGIP_FILES");
    }
    return undefined;
  }
  if (!database) {
    throw new Error(
      "Cannot use MCGIP_FILES without MCGIP_DATABASE=postgres://USER:PASSWORD@HOST:PORT/DATABASE: a bucket is for " +
        "servers that share a database",
    );
  }
  if (!files) {
    throw new Error(
      `Cannot use MCGIP_DATABASE without MCGIP_FILES=${EXAMPLE}: its rows refer to files that every server must find`,
    );
  }
  const cacheBytes = cache ? Number(cache) : undefined;
  if (cacheBytes !== undefined && !(Number.isSafeInteger(cacheBytes) && cacheBytes > 0)) {
    throw new Error(`Cannot use MCGIP_CACHE_BYTES=${cache}: a whole number above 0 is needed`);
  }
  return { database: readDatabase(database), bucket: readBucket(files, env), cacheBytes };
}

/** @throws {Error} that says what cannot be used, without the password */
export function readDatabase(url: string): DatabaseSettings {
  const parsed = URL.parse(url);
  const authority = /^[^:]*:\/\/([^/?#]*)/.exec(url)?.[1];
  if (authority !== undefined && url.lastIndexOf("@") > url.indexOf("//") + 2 + authority.length) {
    throw new Error(
      `Cannot use MCGIP_DATABASE=${
        withoutPassword(url)
      }: a password in it must be percent-encoded (/ is %2F, # is %23, ? is %3F, @ is %40); or leave it out and ` +
        "set PGPASSWORD to it as it is",
    );
  }
  if (
    !parsed || !/^postgres(ql)?:$/.test(parsed.protocol) || parsed.hostname === "" ||
    parsed.pathname.length < 2
  ) {
    throw new Error(
      `Cannot use MCGIP_DATABASE=${
        withoutPassword(url)
      }: postgres://USER:PASSWORD@HOST:PORT/DATABASE is needed`,
    );
  }
  const schema = parsed.searchParams.get("schema") ?? "mcgip";
  if (!/^[a-z_][a-z0-9_]{0,55}$/.test(schema)) {
    throw new Error(
      `Cannot use schema "${schema}" of MCGIP_DATABASE: small letters, digits and _, 56 at most`,
    );
  }
  parsed.searchParams.delete("schema");
  return { address: parsed.href, schema, host: `${parsed.hostname}:${parsed.port || 5432}` };
}

const EXAMPLE = "s3://BUCKET or s3://BUCKET/PREFIX";
/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
/** What needs no escape in an address, and so is signed alike by everyone. */
const FOLDER = /^[\w.!*'()-]+$/;

/**
 * Reads `MCGIP_FILES` and the variables beside it.
 * @throws {Error} that says which of them cannot be used, and what is needed
 */
export function readBucket(
  setting: string,
  env: (name: (typeof bucketVariables)[number]) => string | undefined,
): BucketSettings {
  const refuse = (why: string): never => {
    throw new Error(`Cannot use MCGIP_FILES=${withoutPassword(setting)}: ${why}`);
  };
  const parts = /^s3:\/\/([^/?#]*)\/?([^?#]*)$/.exec(setting);
  if (!parts) return refuse(`${EXAMPLE} is needed`);
  const [, bucket, path] = parts;
  if (bucket.includes("@") || bucket.includes(":")) {
    return refuse(
      `${EXAMPLE} is needed; keys come by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a host by ` +
        "AWS_ENDPOINT_URL_S3",
    );
  }
  if (!BUCKET.test(bucket)) {
    return refuse(
      `"${bucket}" cannot name a bucket: 3 to 63 small letters, digits, dots and hyphens`,
    );
  }
  const folders = path.replace(/\/$/, "").split("/");
  if (path !== "" && !folders.every((folder) => FOLDER.test(folder) && !/^\.+$/.test(folder))) {
    return refuse(`"${path}" cannot be a prefix: letters, digits, and -_.!*'() between slashes`);
  }
  const [accessKeyId, secretAccessKey] = (["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] as const)
    .map((name) => env(name) || refuse(`${name} is not set`));
  const named = env("AWS_REGION") || env("AWS_DEFAULT_REGION");
  const given = env("AWS_ENDPOINT_URL_S3") || env("AWS_ENDPOINT_URL");
  if (!given && !named) {
    return refuse(
      "where the bucket is is not said; set AWS_ENDPOINT_URL_S3=https://HOST for a server of yours, or " +
        "AWS_REGION for Amazon's",
    );
  }
  // Servers that have no regions go by this one.
  const region = named || "us-east-1";
  return {
    bucket,
    prefix: path === "" || path.endsWith("/") ? path : `${path}/`,
    endpoint: given ? endpoint(given, refuse) : `https://s3.${region}.amazonaws.com`,
    region,
    accessKeyId,
    secretAccessKey,
    sessionToken: env("AWS_SESSION_TOKEN") || undefined,
  };
}

function endpoint(given: string, refuse: (why: string) => never): string {
  const url = URL.parse(given);
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash || url.username) {
    return refuse(
      `AWS_ENDPOINT_URL_S3=${
        withoutPassword(given)
      } is no address like https://HOST or http://HOST:PORT`,
    );
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, "");
}

/**
 * An address for messages: what stands before its last `@` may be a secret, also where it was written wrongly, and so
 * may what follows a name and a colon, and a value that is called password.
 */
export const withoutPassword = (text: string) =>
  text.replace(/^(.*?:\/\/)?.*@/s, "$1***@")
    .replace(/(\/\/[^/?#:@]*):(?!\d{1,5}(\/|$))[^@]*$/s, "$1:***")
    .replace(/(password\s*=\s*)[^\s&]*/gi, "$1***");
