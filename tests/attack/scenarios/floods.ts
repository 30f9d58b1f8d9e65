/** Much at once: bodies that grow when they are read, deep and long texts, requests and connections by the thousand. */
import { deflateSync, gzipSync } from "node:zlib";
import { Assault } from "../assault.ts";
import { blackPng } from "../black_png.ts";
import { furnish, names } from "../content.ts";
import { BOUNDARY, type Bytes } from "../inputs.ts";
import { picture, zipOf } from "../../support/archives.ts";
import { type Attempt, type Scenario, withFolder } from "../scenario.ts";
import { attacked, figuresOf, pause, Victim, within } from "../victim.ts";

export const floods: Scenario = {
  unit: "floods",
  promise: "are refused or served, in bounded memory, and leave a server that answers",
  run: (attempt) =>
    withFolder(async (data) => {
      await attacked(`${data}/all`, (victim) => assail(attempt, victim));
      await fewHandles(attempt, `${data}/few`);
    }),
};

/** Above what it had before, bytes: beyond this a machine of 4 GB would be in danger. */
const MOST_MEMORY = 1500 * 2 ** 20;

const encoder = new TextEncoder();
const text = (value: string): Bytes => encoder.encode(value);

async function assail(attempt: Attempt, victim: Victim): Promise<void> {
  const { model } = await furnish(victim);
  const assault = Assault.on(attempt, victim);
  const api = victim.pids().api!;
  const before = figuresOf(api)!.resident;
  let peak = before;
  const watch = setInterval(() => peak = Math.max(peak, figuresOf(api)?.resident ?? 0), 100);
  try {
    await pixels(attempt, assault, model);
    await texts(attempt, assault);
    await predictions(attempt, assault, model);
    await queue(attempt, victim);
  } finally {
    clearInterval(watch);
  }
  const more = peak - before;
  if (more > MOST_MEMORY) attempt.harm(`the API grew by ${Math.round(more / 2 ** 20)} MiB`);
  attempt.note(`the API grew by ${Math.round(more / 2 ** 20)} MiB at most; ${assault.summary()}`);
}

const BUSY = [503];

async function pixels(attempt: Attempt, assault: Assault, model: string): Promise<void> {
  const image = "/v1/datasets/base/images/flood";
  const put = (what: string, body: Bytes) =>
    assault.fire({ method: "PUT", path: image, body, what, expected: BUSY });
  const huge = blackPng(8000, 8000, 16, 6);
  await put("64 Mpx in 16-bit RGBA", huge);
  await put("more pixels than allowed", blackPng(8192, 8193, 8, 0));
  await put("one row of 65,535", blackPng(65535, 1, 8, 0));
  await put("a row as long as all pixels", blackPng(2 ** 26, 1, 8, 0));
  await put("a size of 2^31", huge.with(16, 0x7f) as Bytes);
  const many = attempt.count(3, 16);
  await Promise.all(
    Array.from({ length: many }, (_, i) => put(`${many} x 64 Mpx at once, ${i}`, huge)),
  );
  const zip = await zipOf(
    Object.fromEntries(Array.from({ length: 4 }, (_, i) => [`images/${i}.png`, huge])),
  );
  await Promise.all(
    [1, 2].map((i) =>
      assault.fire({
        ...{ method: "PUT", path: `/v1/datasets/flood${i}`, body: zip, expected: BUSY },
        what: "two ZIPs of 64 Mpx pictures at once",
      })
    ),
  );
  await assault.fire({
    ...{ method: "POST", path: `/v1/models/${model}/predictions`, body: huge, expected: BUSY },
    ...{ type: "image/png", what: "64 Mpx to predict" },
  });
}

async function texts(attempt: Attempt, assault: Assault): Promise<void> {
  const million = attempt.options.long ? 3 : 0.3;
  const lines = (head: string, line: (i: number) => string, count: number) => {
    const part = Array.from({ length: 10_000 }, (_, i) => line(i)).join("");
    return text(head + part.repeat(Math.ceil(count / 10_000)));
  };
  const gaze = "/v1/datasets/base/gaze";
  const labels = "/v1/datasets/base/labels";
  const post = (path: string, body: Bytes, what: string, type = "text/csv") =>
    assault.fire({ method: "POST", path, body, type, what, expected: BUSY });
  const known = names(12);
  await post(
    gaze,
    lines(
      "image,reader,x,y,duration_ms\n",
      (i) => `${known[i % 12]},r${i % 7},${i % 31},${i % 29},200\n`,
      million * 1e6,
    ),
    `${million} million fixations`,
  );
  await post(labels, lines("image,label\n", (i) => `no${i},a\n`, million * 1e6), "unknown labels");
  await post(gaze, new Uint8Array(60 * 2 ** 20).fill(97), "one line of 60 MB");
  await post(gaze, new Uint8Array(gzipSync(new Uint8Array(2 ** 29))), "gzip, 512 MiB of zeros");
  const json = (body: string, what: string) =>
    post("/v1/jobs", text(body), what, "application/json");
  await json("[".repeat(400_000) + "]".repeat(400_000), "JSON, deep");
  await json('{"a":'.repeat(100_000) + "1" + "}".repeat(100_000), "JSON, deep objects");
  await json(`"${"a".repeat(2e6)}"`, "JSON, a long string");
  await json(`[${"0,".repeat(400_000)}0]`, "JSON, wide");
  const part = (i: number) =>
    `--${BOUNDARY}\r\nContent-Disposition: form-data; name="f${i}"\r\n\r\nx\r\n`;
  const type = `multipart/form-data; boundary=${BOUNDARY}`;
  await post(
    "/v1/datasets",
    lines("", part, 100_000),
    "a form of 100,000 parts",
    type,
  );
  const header = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${"a".repeat(1e6)}"`;
  await post("/v1/datasets", text(`${header}\r\n\r\nx`), "a part's header of 1 MB", type);
  const zipped = deflateSync(new Uint8Array(10));
  await post("/v1/datasets/base/gaze", new Uint8Array(zipped), "a few packed bytes");
}

/** More clients than may wait: each is served or sent away, and all is as before at once. */
async function predictions(attempt: Attempt, assault: Assault, model: string): Promise<void> {
  const body = picture(32, 32, 5);
  const clients = attempt.count(320, 700);
  const shot = {
    ...{ method: "POST", path: `/v1/models/${model}/predictions`, body, type: "image/png" },
    ...{ what: `${clients} predictions at once`, expected: BUSY },
  };
  const answers = await Promise.all(Array.from({ length: clients }, () => assault.fire(shot)));
  const other = answers.find(({ status }) => ![200, 429, 503].includes(status));
  if (other) attempt.harm(`${shot.what}: ${other.status} ${other.text.slice(0, 100)}`);
  const { status } = await assault.fire({ ...shot, what: "one prediction after the flood" });
  if (status !== 200) attempt.harm(`a prediction after the flood: ${status}`);
}

async function queue(attempt: Attempt, victim: Victim): Promise<void> {
  const spec = {
    ...{ kind: "finetune", dataset: "base", init: "scratch", backbone: "resnet18", width: 4 },
    ...{ image_size: 32, epochs: 500 },
  };
  const ids: string[] = [];
  let refused = 0;
  for (let seed = 0; seed < 40; seed++) {
    attempt.tried();
    const answer = await victim.fetch("/v1/jobs", {
      method: "POST",
      body: JSON.stringify({ ...spec, seed }),
      headers: { "content-type": "application/json" },
    });
    const said = await answer.json();
    if (answer.status === 202) ids.push(said.id);
    else if (answer.status === 429 && answer.headers.has("retry-after")) refused++;
    else attempt.harm(`job ${seed} of 40: ${answer.status} ${said.detail}`);
  }
  if (refused === 0) attempt.harm("40 jobs were queued, and none was refused");
  for (const id of ids.toReversed()) await victim.json("POST", `/v1/jobs/${id}/cancel`);
}

/** More connections than handles: once they are closed the same process answers again. */
async function fewHandles(attempt: Attempt, data: string): Promise<void> {
  const handles = 512;
  const victim = await Victim.start({
    data,
    prefix: ["prlimit", `--nofile=${handles}:${handles}`],
  });
  const api = victim.pids().api!;
  const host = `Host: 127.0.0.1:${victim.port}\r\nAuthorization: Bearer ${victim.key}\r\n`;
  const upload = `PUT /v1/datasets/few HTTP/1.1\r\n${host}Content-Length: 100000\r\n\r\nPK`;
  const ways: [string, { head: string; hold: boolean }][] = [
    ["connections", { head: "", hold: false }],
    // Taken all at once, as on a machine that has too much else to do.
    ["connections to an API that stood still", { head: "", hold: true }],
    ["uploads, each with a file", { head: upload, hold: false }],
  ];
  try {
    for (const [what, { head, hold }] of ways) {
      if (hold) victim.signal("api", "SIGSTOP");
      const open = await connections(attempt, victim.port, handles + 60, text(head));
      if (hold) victim.signal("api", "SIGCONT");
      await pause(500);
      for (const one of open) one.close();
      const again = await within(
        15_000 * attempt.slowness,
        async () => await victim.ready(3000) !== undefined,
      );
      if (!again) attempt.harm(`deaf after ${handles + 60} ${what} with ${handles} handles`);
      else if (victim.pids().api !== api) {
        attempt.harm(`${handles + 60} ${what} with ${handles} handles ended the API`);
      }
      if (!again || victim.pids().api !== api) return;
    }
  } finally {
    await victim.end();
  }
}

/** As many connections as the system lets through, each of which has sent the same. */
async function connections(
  attempt: Attempt,
  port: number,
  count: number,
  head: Bytes,
): Promise<Deno.TcpConn[]> {
  const open: Deno.TcpConn[] = [];
  for (let i = 0; i < count; i++) {
    attempt.tried();
    const opening = Deno.connect({ hostname: "127.0.0.1", port });
    const one = await Promise.race([opening, pause(500)]);
    if (!one) {
      opening.then((late) => late.close(), () => {});
      break;
    }
    open.push(one);
    // One that was sent away is closed already.
    if (head.length > 0) await one.write(head).catch(() => {});
  }
  return open;
}
