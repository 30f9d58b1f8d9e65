import assert from "node:assert/strict";
import { informationFor, readConfig } from "@/lib/config.ts";
import { version } from "@/lib/version.ts";

const read = (args: string[], env: Record<string, string> = {}) =>
  readConfig((name) => env[name], args);

Deno.test("options win over variables, variables over defaults", () => {
  const plain = read([]);
  assert.deepEqual([plain.host, plain.port, plain.auth, plain.watch], [
    "127.0.0.1",
    8000,
    true,
    false,
  ]);
  const env = { MCGIP_HOST: "10.0.0.1", MCGIP_PORT: "81", MCGIP_DATA: "/from/variable" };
  const variables = read([], env);
  assert.deepEqual([variables.host, variables.port, variables.data], [
    "10.0.0.1",
    81,
    "/from/variable",
  ]);
  const options = read(["--host", "::1", "--port=0", "--data", "/from/option", "--no-auth"], env);
  assert.deepEqual([options.host, options.port, options.data, options.auth], [
    "::1",
    0,
    "/from/option",
    false,
  ]);
  assert.ok(options.allowedHosts.includes("::1"));
  assert.equal(plain.workers, 1);
  assert.equal(read([], { MCGIP_WORKERS: "0" }).workers, 0);
  assert.equal(read(["--workers", "1"], { MCGIP_WORKERS: "0" }).workers, 1);
});

Deno.test("what cannot be used is named", () => {
  const cases: [string[], RegExp][] = [
    [["--prot", "80"], /^Cannot start: unknown option '--prot'; see --help$/],
    [["serve"], /^Cannot start: unexpected argument 'serve'/],
    [["--port"], /^Cannot start: .*--port/],
    [["--port", "many"], /^Cannot use --port=many: a whole number from 0 to 65535 is needed$/],
    [["--port", "65536"], /^Cannot use --port=65536/],
    [["--workers", "2"], /^Cannot use --workers=2: .* deno task worker/],
    [["--no-auth=yes"], /^Cannot start: .*--no-auth/],
    [["--host", "0.0.0.0", "--no-auth"], /^Cannot start with --no-auth on 0\.0\.0\.0/],
  ];
  assert.throws(
    () => readConfig((name) => name === "MCGIP_PORT" ? "tcp://10.3.1.2:80" : undefined, []),
    /MCGIP_PORT=tcp:\/\/10\.3\.1\.2:80: Kubernetes sets it .* enableServiceLinks: false/,
  );
  for (const [args, message] of cases) assert.throws(() => read(args), { message });
});

Deno.test("--help and --version answer instead of starting, and name every option and variable", () => {
  assert.equal(informationFor(["--port", "1"], () => "abc"), null);
  assert.equal(informationFor(["--version"], () => "abc-dirty"), `${version}+abc-dirty`);
  assert.equal(informationFor(["--version"], () => undefined), version);
  const text = informationFor(["--help"], () => undefined)!;
  for (
    const option of ["--host", "--port", "--data", "--workers", "--no-auth", "--watch", "--version"]
  ) {
    assert.ok(text.includes(`\n  ${option} `), option);
  }
  for (const name of ["HOST", "PORT", "DATA", "API_KEY", "ALLOWED_HOSTS", "MAX_DATASET_BYTES"]) {
    assert.ok(text.includes(`MCGIP_${name}`), name);
  }
});
