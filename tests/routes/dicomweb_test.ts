/** STOW-RS: instances become images, what cannot be is told by its reason, and nothing else of them is kept. */
import assert from "node:assert/strict";
import { bytes, dicomFile, pixelElements, u16 } from "../support/dicom_file.ts";
import { type TestServer, withServer } from "../support/server.ts";
import { upload } from "../support/small_set.ts";

const CLASS = "1.2.840.10008.5.1.4.1.1.1.2";
const CANARY = "Canary^Patient";

/** One row of pixels with identifiers and patient data. */
const instance = (uid: string, { study = "1.2.3", pixels = [0, 100, 4000], more = {} } = {}) =>
  new Uint8Array(dicomFile({
    ...pixelElements({ width: pixels.length, height: 1, stored: 12 }),
    ...{ "00080016 UI": bytes(CLASS), "00080018 UI": bytes(uid) },
    ...{ "00100010 PN": bytes(CANARY), "0020000d UI": bytes(study) },
    "7fe00010 OW": u16(...pixels),
    ...more,
  }));

type Part = [type: string, body: Uint8Array<ArrayBuffer> | string];

const related = (parts: Part[], boundary = "b0undary") =>
  new Blob([
    "a preamble, which is passed over\r\n",
    ...parts.flatMap(([type, body]) => [
      `--${boundary}\r\nContent-Type: ${type}\r\n\r\n`,
      body,
      "\r\n",
    ]),
    `--${boundary}--\r\n`,
  ]);

interface Sending {
  path?: string;
  accept?: string;
  type?: string;
  headers?: Record<string, string>;
}

function send(server: TestServer, body: BodyInit, sending: Sending = {}): Promise<Response> {
  const { path = "", accept = "application/dicom+json", headers = {} } = sending;
  const { type = 'multipart/related; type="application/dicom"; boundary=b0undary' } = sending;
  return server.fetch(`/v1/datasets/set/dicomweb/studies${path}`, {
    method: "POST",
    body,
    headers: { "content-type": type, accept, ...headers },
  });
}

const DICOM = "application/dicom";
const ui = (value: string) => ({ vr: "UI", Value: [value] });

/** Everything in the data directory, as text. */
function everything(folder: string): string {
  return [...Deno.readDirSync(folder)].map(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory
      ? everything(path)
      : new TextDecoder("latin1").decode(Deno.readFileSync(path));
  }).join("\n");
}

Deno.test("DICOM instances by STOW-RS", async (t) => {
  await withServer(async (server) => {
    await upload(server, "set", 4);
    const names = async () => {
      const { data } = await server.json<{ data: { name: string }[] }>(
        "GET",
        "/v1/datasets/set/images",
      );
      return data.map(({ name }) => name).filter((name) => !name.startsWith("P0"));
    };

    let image = "";
    await t.step("all are stored: 200, referenced with their identifiers", async () => {
      const body = related([[DICOM, instance("1.2.3.4")], [
        `${DICOM}; transfer-syntax=1.2.840.10008.1.2.1`,
        instance("1.2.3.5", { pixels: [1, 2] }),
      ]]);
      const response = await send(server, body);
      assert.equal(response.headers.get("content-type"), "application/dicom+json");
      const made = await response.json();
      assert.equal(response.status, 200, JSON.stringify(made));
      const stored = await names();
      assert.equal(stored.length, 2);
      assert.ok(stored.every((name) => /^dcm_[0-9a-f]{16}$/.test(name)), stored.join());
      const items = made["00081199"].Value as Record<string, { Value: string[] }>[];
      assert.deepEqual(Object.keys(made).sort(), ["00081190", "00081199"]);
      assert.deepEqual(items.map((one) => one["00081155"]), [ui("1.2.3.4"), ui("1.2.3.5")]);
      assert.deepEqual(items[0]["00081150"], ui(CLASS));
      image = items[0]["00081190"].Value[0];
      const found = await server.json("GET", image);
      assert.deepEqual([found.width, found.height, found.format], [3, 1, "dicom"]);
    });

    await t.step(
      "an instance that comes again replaces itself; of two the last counts",
      async () => {
        const before = await names();
        const { digest } = await server.json("GET", "/v1/datasets/set");
        const wide = instance("1.2.3.4", { pixels: [1, 2, 3, 4, 5] });
        await (await send(server, related([[DICOM, instance("1.2.3.4")], [DICOM, wide]]))).json();
        assert.deepEqual(await names(), before);
        assert.equal((await server.json("GET", image)).width, 5);
        assert.notEqual((await server.json("GET", "/v1/datasets/set")).digest, digest);
      },
    );

    await t.step(
      "names by the identifier itself, and a type in the answer of our own",
      async () => {
        const response = await send(server, related([[DICOM, instance("1.9.8")]]), {
          ...{ path: "?names=uid", accept: "application/json" },
        });
        assert.deepEqual(await response.json(), {
          stored: [{ sop_class: CLASS, sop_instance: "1.9.8", image: "1.9.8", warnings: [] }],
          failed: [],
        });
        await (await server.fetch("/v1/datasets/set/images/1.9.8")).body?.cancel();
        assert.ok((await names()).includes("1.9.8"));
      },
    );

    await t.step("some are stored: 202; none: 409; with reasons", async () => {
      const burned = instance("1.7", { more: { "00280301 CS": bytes("YES") } });
      const parts: Part[] = [
        [DICOM, instance("1.6")],
        [DICOM, burned],
        [DICOM, "no DICOM at all"],
        [DICOM, instance("1.8").slice(0, -6)],
        [DICOM, instance("x y")],
      ];
      const some = await send(server, related(parts));
      assert.equal(some.status, 202);
      const made = await some.json();
      assert.deepEqual(
        made["00081198"].Value,
        ["1.7", "1.8"].map((uid) => ({
          ...{ "00081150": ui(CLASS), "00081155": ui(uid) },
          "00081197": { vr: "US", Value: [0xc000] },
        })),
      );
      const other = { "00081197": { vr: "US", Value: [0xc000] } };
      assert.deepEqual(made["0008119A"], { vr: "SQ", Value: [other, other] });
      assert.equal(made["00081199"].Value.length, 1);
      const none = await send(server, related(parts.slice(1)), { accept: "application/json" });
      assert.equal(none.status, 409);
      const { stored, failed } = await none.json();
      assert.deepEqual(stored, []);
      const messages = failed.map(({ message }: { message: string }) => message).join("\n");
      assert.match(messages, /Burned In.*\n.*no DICOM file\n.*truncated\n.*identifier is damaged/);
    });

    await t.step("a study takes instances of its own only", async () => {
      const parts: Part[] = [[DICOM, instance("1.4.1", { study: "1.4" })], [
        DICOM,
        instance("1.5.1", { study: "1.5" }),
      ]];
      const response = await send(server, related(parts), { path: "/1.4" });
      assert.equal(response.status, 202);
      const made = await response.json();
      assert.deepEqual(made["00081198"].Value[0]["00081197"].Value, [0xa900]);
    });

    await t.step(
      "a set that is not there begins with them; what is asked for is taken",
      async () => {
        const burned = instance("1.7", { more: { "00280301 CS": bytes("YES") } });
        const response = await server.fetch("/v1/datasets/new/dicomweb/studies?force=true", {
          method: "POST",
          body: related([[DICOM, burned]]),
          headers: { "content-type": "multipart/related; boundary=b0undary" },
        });
        assert.equal(response.status, 200, await response.text());
        assert.equal((await server.json("GET", "/v1/datasets/new")).images, 1);
        const two = await send(server, related([[DICOM, burned]]), {
          path: "?voi=full&window=1,2",
        });
        assert.equal(two.status, 422, await two.text());
      },
    );

    await t.step("bodies that are none are refused", async () => {
      const one = related([[DICOM, instance("1.1")]]);
      const before = await names();
      const cases: [BodyInit, Sending, number, RegExp][] = [
        [one, { type: "application/dicom" }, 415, /multipart\/related; type="application\/dicom"/],
        [one, { type: "multipart/related; type=application/dicom" }, 415, /boundary/],
        [one, { type: 'multipart/related; type="text/xml"; boundary=b0undary' }, 415, /is needed/],
        [related([["image/png", "x"]]), {}, 415, /part of type "image\/png"/],
        [related([]), {}, 400, /there are none|parts/],
        [(await one.bytes()).slice(0, -30), {}, 400, /Cannot read the parts/],
        [one, { headers: { "idempotency-key": "k" } }, 400, /replaces itself/],
        [one, { path: "?names=name" }, 400, /names/],
        [
          related(Array.from({ length: 1001 }, (): Part => [DICOM, "x"])),
          {},
          413,
          /more than 1000 parts/,
        ],
      ];
      for (const [body, sending, status, why] of cases) {
        const response = await send(server, body, sending);
        const problem = await response.json();
        assert.equal(response.status, status, problem.detail);
        assert.match(problem.detail, why);
      }
      assert.deepEqual(await names(), before);
    });

    await t.step("nothing but pixels and the hash is kept", () => {
      const kept = everything(server.data) + server.log();
      assert.ok(!kept.includes(CANARY));
      assert.ok(!kept.includes("1.2.3.4"));
      // It was asked for.
      assert.ok(kept.includes("1.9.8"));
      assert.deepEqual([...Deno.readDirSync(`${server.data}/tmp`)], []);
    });
  });
});
