import assert from "node:assert/strict";
import { readBucket, readCluster, readDatabase } from "@/lib/cluster_settings.ts";

const keys = { AWS_ACCESS_KEY_ID: "AKIA", AWS_SECRET_ACCESS_KEY: "secret" };
const read = (setting: string, env: Record<string, string> = {}) =>
  readBucket(setting, (name) => ({ ...keys, ...env } as Record<string, string>)[name]);

Deno.test("a bucket is read with its prefix, its place and its keys", () => {
  assert.deepEqual(
    read("s3://mcgip-files/lab", { AWS_ENDPOINT_URL_S3: "http://10.0.0.5:9000/" }),
    {
      bucket: "mcgip-files",
      prefix: "lab/",
      endpoint: "http://10.0.0.5:9000",
      region: "us-east-1",
      accessKeyId: "AKIA",
      secretAccessKey: "secret",
      sessionToken: undefined,
    },
  );
});

Deno.test("without an address the bucket is Amazon's, in the region named", () => {
  const settings = read("s3://mcgip", { AWS_DEFAULT_REGION: "eu-central-1" });
  assert.equal(settings.endpoint, "https://s3.eu-central-1.amazonaws.com");
  assert.equal(settings.region, "eu-central-1");
  assert.equal(settings.prefix, "");
  const named = { AWS_REGION: "eu-west-1", AWS_DEFAULT_REGION: "us-west-2" };
  assert.equal(read("s3://mcgip", named).region, "eu-west-1");
});

Deno.test("the address for S3 goes before the one for all services", () => {
  const env = { AWS_ENDPOINT_URL: "https://all", AWS_ENDPOINT_URL_S3: "https://s3" };
  assert.equal(read("s3://mcgip", env).endpoint, "https://s3");
  assert.equal(read("s3://mcgip", { AWS_ENDPOINT_URL: "https://all" }).endpoint, "https://all");
});

Deno.test("what cannot be used is refused by its name, with what is needed", () => {
  const place = { AWS_ENDPOINT_URL_S3: "https://host" };
  const cases: [string, Record<string, string>, RegExp][] = [
    ["/mnt/files", place, /MCGIP_FILES=\/mnt\/files: s3:\/\/BUCKET or .* is needed/],
    ["S3://mcgip", place, /is needed/],
    ["s3://", place, /"" cannot name a bucket/],
    ["s3://ab", place, /"ab" cannot name a bucket: 3 to 63/],
    ["s3://Lab_Files", place, /"Lab_Files" cannot name a bucket/],
    ["s3://mcgip/a b", place, /"a b" cannot be a prefix/],
    ["s3://mcgip/../other", place, /"\.\.\/other" cannot be a prefix/],
    ["s3://mcgip/a//b", place, /"a\/\/b" cannot be a prefix/],
    ["s3://mcgip/a?versions", place, /is needed/],
    ["s3://host:9000/mcgip", place, /a host by AWS_ENDPOINT_URL_S3/],
    ["s3://mcgip", {}, /AWS_ENDPOINT_URL_S3=https:\/\/HOST .* AWS_REGION/],
    ["s3://mcgip", { ...place, AWS_SECRET_ACCESS_KEY: "" }, /AWS_SECRET_ACCESS_KEY is not set/],
    ["s3://mcgip", { ...place, AWS_ACCESS_KEY_ID: "" }, /AWS_ACCESS_KEY_ID is not set/],
    ["s3://mcgip", { AWS_ENDPOINT_URL_S3: "host:9000" }, /host:9000 is no address like/],
    ["s3://mcgip", { AWS_ENDPOINT_URL_S3: "https://host?x=1" }, /is no address like/],
  ];
  for (const [setting, env, message] of cases) {
    assert.throws(() => read(setting, env), message, `${setting} ${JSON.stringify(env)}`);
  }
});

Deno.test("a refusal does not repeat a secret", () => {
  assert.throws(
    () => read("s3://AKIA:hidden@mcgip"),
    (error: Error) =>
      !error.message.includes("hidden") && /AWS_SECRET_ACCESS_KEY/.test(error.message),
  );
  assert.throws(
    () => read("s3://mcgip", { AWS_ENDPOINT_URL_S3: "https://me:hidden@host" }),
    (error: Error) => !error.message.includes("hidden"),
  );
});

Deno.test("a database is read with its schema; what cannot be used is refused without its password", () => {
  assert.deepEqual(readDatabase("postgres://me:pw@db:5433/mcgip?schema=lab&sslmode=require"), {
    address: "postgres://me:pw@db:5433/mcgip?sslmode=require",
    schema: "lab",
    host: "db:5433",
  });
  const plain = readDatabase("postgresql://db/mcgip");
  assert.deepEqual([plain.schema, plain.host], ["mcgip", "db:5432"]);
  const wrong: [string, RegExp][] = [
    ["mysql://db/mcgip", /MCGIP_DATABASE=mysql:\/\/db\/mcgip: postgres:\/\/USER/],
    ["postgres://me:secret@db", /is needed/],
    ["postgres:///mcgip", /is needed/],
    ["postgres://db/mcgip?schema=a-b", /schema "a-b"/],
    ["postgres://db/mcgip?schema=Lab", /schema "Lab"/],
  ];
  for (const [url, message] of wrong) {
    assert.throws(
      () => readDatabase(url),
      (error: Error) => message.test(error.message) && !error.message.includes("secret"),
      url,
    );
  }
});

Deno.test("a cluster has a database and a bucket, or is none", () => {
  const all: Record<string, string> = {
    ...keys,
    MCGIP_DATABASE: "postgres://db/mcgip",
    MCGIP_FILES: "s3://mcgip",
    MCGIP_CACHE_BYTES: "1000",
    AWS_REGION: "eu-west-1",
  };
  const cluster = (without: string[], more: Record<string, string> = {}) =>
    readCluster((name) => without.includes(name) ? undefined : { ...all, ...more }[name]);
  assert.deepEqual(
    [cluster([])?.bucket.bucket, cluster([])?.database.schema, cluster([])?.cacheBytes],
    ["mcgip", "mcgip", 1000],
  );
  const ours = ["MCGIP_DATABASE", "MCGIP_FILES", "MCGIP_CACHE_BYTES"];
  // Variables of other programs alone mean nothing.
  assert.equal(cluster(ours), undefined);
  assert.throws(() => cluster(["MCGIP_DATABASE"]), /MCGIP_FILES without MCGIP_DATABASE=postgres/);
  assert.throws(() => cluster(["MCGIP_FILES"]), /MCGIP_DATABASE without MCGIP_FILES=s3/);
  assert.throws(() => cluster(ours.slice(0, 2)), /MCGIP_CACHE_BYTES without/);
  for (const bytes of ["0", "-1", "1.5", "20GB"]) {
    assert.throws(() => cluster([], { MCGIP_CACHE_BYTES: bytes }), /a whole number above 0/);
  }
});

Deno.test("no refusal of a database's address has its password, however it is written", () => {
  const place = "db.example.org:5432/mcgip";
  for (
    const url of [
      ...["gehe/im", "ge#heim", "ge?heim", "1234/geheim", "5#geheim", "ge@heim/x", "gehe im/"].map((
        password,
      ) => `postgres://mcgip:${password}@${place}`),
      `mcgip:geheim@${place}`,
      "postgres://mcgip:geheim",
      `mysql://mcgip:geheim@${place}`,
      "host=db user=mcgip password=geheim",
      "postgres://db?password=geheim",
      "postgres://mcgip:geheim@db.example.org",
      "postgres://mcgip:geheim@db.example.org:x/mcgip",
    ]
  ) {
    assert.throws(() => readDatabase(url), (error: Error) => {
      assert.doesNotMatch(error.message, /ge.?he|heim|1234|5#/, url);
      return /^Cannot use MCGIP_DATABASE=/.test(error.message);
    }, url);
  }
  assert.throws(
    () => readDatabase(`postgres://mcgip:12/34@${place}`),
    /postgres:\/\/\*\*\*@db\.example\.org:5432\/mcgip: .*percent-encoded \(\/ is %2F.*PGPASSWORD/,
  );
  assert.equal(
    readDatabase(`postgres://mcgip:12%2F34%23@${place}`).address,
    `postgres://mcgip:12%2F34%23@${place}`,
  );
});
