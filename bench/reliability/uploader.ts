/**
 * A process of its own that uploads pictures as fast as they are taken, by some clients at a time, until its standard
 * input ends. Prints how many were taken as one line of JSON.
 */
import { picture } from "@/tests/support/archives.ts";

/** Made beforehand: making them should not take the server's time. */
const PICTURES = 64;
const SIDE = 256;

export interface Uploads {
  uploads: number;
  refused: number;
}

if (import.meta.main) {
  const [url, key, clients] = Deno.args;
  const pictures = Array.from({ length: PICTURES }, (_, i) => picture(SIDE, SIDE, i));
  const found: Uploads = { uploads: 0, refused: 0 };
  let over = false;
  const ended = (async () => {
    for await (const _ of Deno.stdin.readable);
    over = true;
  })();
  console.log("begins");
  await Promise.all(Array.from({ length: Number(clients) }, async (_, k) => {
    for (let i = 0; !over; i++) {
      const answer = await fetch(`${url}/v1/datasets/uploads/images/u${k}-${i}`, {
        method: "PUT",
        headers: { authorization: `Bearer ${key}` },
        body: pictures[(k + i * Number(clients)) % PICTURES],
      });
      await answer.body?.cancel();
      if (answer.ok) found.uploads++;
      else found.refused++;
    }
  }));
  await ended;
  console.log(JSON.stringify(found));
}
