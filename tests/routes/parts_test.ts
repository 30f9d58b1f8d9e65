/** Parts of a body: handled in their order, a few at a time, with room for others' work in between. */
import assert from "node:assert/strict";
import { readParts } from "@/routes/body.ts";
import { readRelated } from "@/routes/related.ts";

const BOUNDARY = "between";

/** So small that one chunk of the body holds them all. */
function body(parts: number, headers: (i: number) => string): Uint8Array<ArrayBuffer> {
  const part = (i: number) => `--${BOUNDARY}\r\n${headers(i)}\r\n\r\n${i}\r\n`;
  const text = Array.from({ length: parts }, (_, i) => part(i)).join("") + `--${BOUNDARY}--\r\n`;
  return new TextEncoder().encode(text);
}

const request = (type: string, sent: Uint8Array<ArrayBuffer>) =>
  new Request("http://localhost/", {
    method: "POST",
    headers: { "content-type": `${type}; boundary=${BOUNDARY}` },
    body: sent,
  });

async function textOf(file: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of file) text += decoder.decode(chunk, { stream: true });
  return text;
}

/** Counts those under way; each takes some turns of the event loop. */
class Handler {
  readonly begun: string[] = [];
  most = 0;
  #now = 0;

  async take(file: AsyncIterable<Uint8Array>): Promise<void> {
    this.most = Math.max(this.most, ++this.#now);
    const place = this.begun.push("") - 1;
    const text = await textOf(file);
    this.begun[place] = text;
    await new Promise((resolve) => setTimeout(resolve, Number(text) % 3));
    this.#now--;
  }
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i));

Deno.test("parts of multipart/related are handled in order, four at a time", async () => {
  const handler = new Handler();
  await readRelated(
    request("multipart/related", body(100, () => "content-type: application/dicom")),
    { type: "application/dicom", limits: { bytes: 1e6, partBytes: 100, parts: 100 } },
    ({ file }) => handler.take(file),
  );
  assert.deepEqual(handler.begun, numbers(100));
  assert.equal(handler.most, 4);
});

Deno.test("files of a form likewise", async () => {
  const handler = new Handler();
  const head = (i: number) => `content-disposition: form-data; name="f"; filename="${i}.png"`;
  await readParts(
    request("multipart/form-data", body(32, head)),
    1e6,
    async (part) => "file" in part ? await handler.take(part.file) : undefined,
  );
  assert.deepEqual(handler.begun, numbers(32));
  assert.equal(handler.most, 4);
});

Deno.test("of a body of which one part fails no later part is begun", async () => {
  let begun = 0;
  const reading = readRelated(
    request("multipart/related", body(100, () => "content-type: application/dicom")),
    { type: "application/dicom", limits: { bytes: 1e6, partBytes: 100, parts: 100 } },
    async ({ file }) => {
      begun++;
      await textOf(file);
      throw new Error("wrong");
    },
  );
  await assert.rejects(reading, /wrong/);
  assert.ok(begun <= 4, `${begun} were begun`);
});
