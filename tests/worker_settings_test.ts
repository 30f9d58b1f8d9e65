/** Settings of `deno task worker`. */
import assert from "node:assert/strict";
import { environmentOf, readCards, readElsewhere, readLabel } from "@/lib/worker_settings.ts";

const env = (values: Record<string, string>) => (name: string) => values[name];

Deno.test("a server elsewhere needs an address, a key, and a number of bytes", () => {
  assert.equal(readElsewhere(env({ MCGIP_API_KEY: "k" })), undefined);
  const found = readElsewhere(env({
    ...{ MCGIP_API: "https://server:8443/", MCGIP_API_KEY: "k" },
    ...{ MCGIP_CACHE: "/cache", MCGIP_CACHE_BYTES: "1000" },
  }));
  assert.deepEqual(found, {
    ...{ apis: ["https://server:8443"], key: "k", cache: "/cache", maxBytes: 1000 },
  });
  const refused = (values: Record<string, string>, why: RegExp) =>
    assert.throws(() => readElsewhere(env(values)), why);
  refused({ MCGIP_API: "server", MCGIP_API_KEY: "k" }, /MCGIP_API=server: the address/);
  refused({ MCGIP_API: "ftp://server", MCGIP_API_KEY: "k" }, /the address of a server/);
  refused({ MCGIP_API: "http://server" }, /--scopes work/);
  const right = { MCGIP_API: "http://server", MCGIP_API_KEY: "k" };
  const several = "http://a:1, http://b:2/, http://a:1";
  assert.deepEqual(readElsewhere(env({ ...right, MCGIP_API: several }))!.apis, [
    "http://a:1",
    "http://b:2",
  ]);
  refused({ ...right, MCGIP_API: "http://a:1,b" }, /MCGIP_API=b: the address/);
  refused({ ...right, MCGIP_CACHE_BYTES: "1e9" }, /MCGIP_CACHE_BYTES=1e9: a whole number/);
});

Deno.test("a worker is called by its machine, or as it is told", () => {
  assert.equal(readLabel(undefined, () => "gpu-box.example.org"), "gpu-box.example.org");
  assert.equal(readLabel("", () => "Büro Nord"), "B-ro-Nord");
  assert.equal(readLabel(undefined, () => "x".repeat(80)).length, 60);
  assert.equal(readLabel("left_card", () => "gpu-box"), "left_card");
  assert.throws(
    () => readLabel("left card", () => "gpu-box"),
    /Cannot call a worker "left card": 1 to 60 letters, digits and -_\. are needed/,
  );
});

Deno.test("cards are named by their places, each once; one alone is not named", () => {
  assert.deepEqual(readCards(env({})), [undefined]);
  const [first, second] = ["pci-0000_41_00_0", "pci-0000_81_00_0"];
  assert.deepEqual(readCards(env({ MCGIP_GPUS: `${first}, ${second}` })), [first, second]);
  assert.throws(() => readCards(env({ MCGIP_GPUS: "0" })), /places as in/);
  assert.throws(() => readCards(env({ MCGIP_GPUS: `${first},${first}` })), /twice/);
  assert.deepEqual(environmentOf(undefined), {});
  assert.equal(environmentOf(first).DRI_PRIME, "pci-0000_41_00_0!");
});
