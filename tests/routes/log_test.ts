/** The log of a server: as JSON where that is asked for, and without anybody's name. */
import assert from "node:assert/strict";
import { until, withServer } from "../support/server.ts";
import { writeZip } from "@/lib/datasets/zip_writer.ts";

const NAME = "Canary^Jane";

async function archive(): Promise<Uint8Array<ArrayBuffer>> {
  const text = (value: string) => new TextEncoder().encode(value);
  const files = [
    { name: `images/${NAME}.pgm`, data: text("P2\n2 2\n255\n1 2 3 4\n") },
    { name: "labels.csv", data: text(`image,label,patient\n${NAME},a,${NAME}\n`) },
  ];
  return await new Response(ReadableStream.from(writeZip(ReadableStream.from(files)))).bytes();
}

Deno.test("MCGIP_LOG=json: an object a line, of every process; no name of a file, a patient, a key or a query", async () => {
  await withServer(async (server) => {
    await server.ready();
    const put = await server.fetch(`/v1/datasets/${NAME}`, {
      method: "PUT",
      body: await archive(),
    });
    assert.equal(put.status, 201, await put.text());
    const image = `/v1/datasets/${NAME}/images/${encodeURIComponent(NAME)}`;
    for (const path of [image, `${image}?${NAME}=1`, `/v1/jobs?after=${NAME}`, `/v1/${NAME}`]) {
      await (await server.fetch(path)).body?.cancel();
    }
    // An error of the server's own, which is told with its place.
    for (const folder of Deno.readDirSync(`${server.data}/files`)) {
      Deno.removeSync(`${server.data}/files/${folder.name}`, { recursive: true });
    }
    const gone = await server.fetch(`${image}/image.png`);
    assert.equal(gone.status, 500);
    assert.match((await gone.json()).detail, /Canary/, "its user is told which");
    Deno.kill(server.children().worker!, "SIGKILL");
    await until(() => /worker ended/.test(server.log()), 10_000, server.log);

    const lines = server.log().trimEnd().split("\n").filter((line) => !/listens on/.test(line));
    const read = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.ok(read.length > 8);
    for (const { time, level, message, process } of read) {
      assert.match(String(time), /^\d{4}-\d\d-\d\dT/);
      assert.ok(typeof message === "string" && typeof process === "string" && level);
    }
    const request = read.find(({ route }) => route === "/v1/datasets/{name}")!;
    assert.deepEqual([request.method, request.status, typeof request.ms], ["PUT", 201, "number"]);
    assert.ok(
      read.some(({ level, message }) =>
        level === "error" && /^request .*Damaged/.test(String(message))
      ),
    );
    assert.ok(read.some(({ message }) => /^GPU: .* by vulkan/.test(String(message))));
    for (const secret of ["Canary", server.key]) {
      assert.ok(!server.log().includes(secret), server.log());
    }
  }, { env: { MCGIP_LOG: "json" } });
});
