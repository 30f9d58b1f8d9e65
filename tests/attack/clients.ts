/** Clients that write without pause while the server is killed; each writes down what was acknowledged. */
import { picture, zipOf } from "../support/archives.ts";
import { digest, type Ledger } from "./ledger.ts";
import { weights } from "./content.ts";
import type { Victim } from "./victim.ts";

/** Goes on until it is stopped; `tag` keeps its names apart from those of others. */
export type Client = (
  victim: Victim,
  ledger: Ledger,
  tag: string,
  stop: AbortSignal,
) => Promise<void>;

/** The status, 0 where no answer came, and the answer. */
async function ask(victim: Victim, path: string, init: RequestInit) {
  try {
    const signal = AbortSignal.timeout(20_000);
    const answer = await victim.fetch(path, { ...init, signal });
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  } catch {
    await new Promise((resolve) => setTimeout(resolve, 50));
    return { status: 0, headers: new Headers(), text: "" };
  }
}

const seedOf = (tag: string, i: number) =>
  [...`${tag}${i}`].reduce((h, c) => (h * 31 + c.charCodeAt(0)) % 9973, 7);

const archive = (tag: string, i: number, count: number) =>
  zipOf(Object.fromEntries(
    Array.from(
      { length: count },
      (_, k) => [`images/${k}.png`, picture(20, 20, seedOf(tag, i) + k)],
    ),
  ));

/** Single images into one set. */
export const images: Client = async (victim, ledger, tag, stop) => {
  for (let i = 0; !stop.aborted; i++) {
    const body = picture(24, 24, seedOf(tag, i));
    const path = `/v1/datasets/kept/images/${tag}-${i}`;
    const { status } = await ask(victim, path, { method: "PUT", body });
    if (status === 200 || status === 201) ledger.images.set(path, digest(body));
  }
};

const SET = 20;

/** Whole sets, every other of which is deleted again. */
export const imports: Client = async (victim, ledger, tag, stop) => {
  for (let i = 0; !stop.aborted; i++) {
    const name = `${tag}-${i}`;
    const body = await archive(tag, i, SET);
    const { status } = await ask(victim, `/v1/datasets/${name}`, { method: "PUT", body });
    (status === 201 ? ledger.sets : ledger.maybe).set(name, SET);
    if (status !== 201 || i % 2 === 0) continue;
    ledger.sets.delete(name);
    const gone = await ask(victim, `/v1/datasets/${name}`, { method: "DELETE" });
    if (gone.status === 204) ledger.deleted.add(name);
    else ledger.maybe.set(name, SET);
  }
};

/** Resumable uploads in small pieces, taken up after every break, and imported at their end. */
export const resumable: Client = async (victim, ledger, tag, stop) => {
  const tus = { "tus-resumable": "1.0.0" };
  for (let i = 0; !stop.aborted; i++) {
    const body = await archive(tag, i, SET);
    const made = await ask(victim, "/v1/uploads", {
      method: "POST",
      headers: { ...tus, "upload-length": String(body.length) },
    });
    if (made.status !== 201) continue;
    const upload = new URL(made.headers.get("location")!, victim.url).pathname;
    ledger.offsets.set(upload, 0);
    let offset = 0;
    const piece = Math.ceil(body.length / 8);
    while (offset < body.length && !stop.aborted) {
      const { status, headers } = await ask(victim, upload, {
        method: "PATCH",
        headers: {
          ...tus,
          "upload-offset": String(offset),
          "content-type": "application/offset+octet-stream",
        },
        body: body.subarray(offset, offset + piece),
      });
      if (status === 204) {
        offset = Number(headers.get("upload-offset"));
        ledger.offsets.set(upload, offset);
        continue;
      }
      const held = await ask(victim, upload, { method: "HEAD", headers: tus });
      if (held.status === 200) offset = Number(held.headers.get("upload-offset"));
    }
    if (offset < body.length) continue;
    const name = `${tag}-up-${i}`;
    const id = upload.split("/").at(-1);
    // From here on the upload may be gone, with the set in its place.
    ledger.offsets.delete(upload);
    const { status } = await ask(victim, `/v1/datasets/${name}?upload=${id}`, { method: "PUT" });
    (status === 201 ? ledger.sets : ledger.maybe).set(name, SET);
  }
};

/** Weights as new versions of one name. */
export const models: Client = async (victim, ledger, tag, stop) => {
  for (let i = 0; !stop.aborted; i++) {
    const body = weights(seedOf(tag, i));
    const { status, text } = await ask(
      victim,
      `/v1/models/kept?image_size=32&classes=benign,malignant`,
      { method: "PUT", body },
    );
    if (status !== 201) continue;
    const { id } = JSON.parse(text);
    const stored = await ask(victim, `/v1/models/${id}/weights`, {});
    // What it says of itself is in its header: what is handed out first has to stay.
    if (stored.status === 200) {
      const again = await victim.fetch(`/v1/models/${id}/weights`).catch(() => undefined);
      if (again?.ok) ledger.models.set(id, digest(await again.bytes()));
    }
  }
};
