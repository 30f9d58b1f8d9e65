/**
 * Light reads at 500 requests/s: a small set and one of 10,000 images, idle, beside a training, and beside eight
 * clients that upload; beside them the same load on a server that does nothing, which says what this machine can do
 * meanwhile. And what each route, and changes of the large set, cost the API's processor. Run: `deno run -A bench/reads.ts [--images 10000]`
 */
import { parseArgs } from "node:util";
import { zipSet } from "@/lib/demo/archive.ts";
import { client } from "@/lib/demo/client.ts";
import { startServer } from "@/lib/demo/server.ts";
import { synthesize } from "@/lib/demo/synthetic.ts";
import { newId, now, openStore, type Store } from "@/lib/store/mod.ts";
import { evenly, quantile, timed } from "./load.ts";

const { values } = parseArgs({ options: { images: { type: "string", default: "10000" } } });
const LARGE = Number(values.images);
const RATE = 500;
const SECONDS = 10;
const UPLOADERS = 8;

/** Rows as an import leaves them; pictures are asked of the small set only. */
async function fill(store: Store): Promise<void> {
  const dataset_id = newId("ds");
  await store.db.transaction(async () => {
    await store.datasets.insert({
      ...{ id: dataset_id, name: "large", known_digest: "d", structured: false, names: "hash" },
      ...{ positive_label: null, meta: {}, created_at: now() },
    });
    for (let i = 0; i < LARGE; i++) {
      const id = newId("im");
      await store.images.insert({
        ...{ id, dataset_id, name: `image_${String(i).padStart(6, "0")}`, split: null },
        ...{ file: "0".repeat(64), format: "png", bytes: 1, width: 64, height: 64 },
        ...{ channels: 1, bits: 8, label: i % 3 ? "benign" : "malignant", patient: `p${i >> 1}` },
      });
      await store.gaze.insert({
        ...{ id: newId("gz"), image_id: id, reader: "r", format: "plain", samples_file: null },
        fixations: Array.from({ length: 8 }, (_, k) => ({ x: k, y: k, start: k, duration: 0.2 })),
        ...{ assumptions: [], dropped: 0, data_loss: 0 },
      });
    }
  });
}

const data = Deno.makeTempDirSync({ prefix: "mcgip_bench_" });
const store = await openStore(data);
await fill(store);
await store.close();
const server = await startServer(data);
const control = Deno.serve(
  { port: 0, hostname: "127.0.0.1", onListen() {} },
  () => new Response("{}"),
);
try {
  const api = client(server.url, server.key);
  const headers = { authorization: `Bearer ${server.key}` };
  const set = synthesize({ images: 200, size: 64 });
  await api.call("PUT", "/v1/datasets/small", await zipSet(set));
  const image = set.images[3].name.replace(/\.\w+$/, "");
  const routes = (name: string, image: string) => [
    `/v1/datasets/${name}`,
    `/v1/datasets/${name}/images?limit=20`,
    `/v1/datasets/${name}/images/${image}`,
    `/v1/datasets/${name}/images/${image}/gaze`,
    "/v1/jobs?limit=20",
    "/v1/models",
    "/v1/similarities",
    "/v1/device",
  ];
  const sets = { small: routes("small", image), large: routes("large", "image_000300") };
  const get = (path: string) => timed(server.url + path, { headers });

  console.log("\nms of the API's processor a request");
  for (const path of [...sets.small.slice(0, 4), ...sets.large]) {
    const pid = apiOf();
    await get(path);
    const before = cpuOf(pid);
    for (let i = 0; i < 100; i++) await get(path);
    console.log(`  ${path.padEnd(48)} ${((cpuOf(pid) - before) / 100).toFixed(2)}`);
  }

  const picture = await (await fetch(
    `${server.url}/v1/datasets/small/images/${image}/image.png`,
    { headers },
  )).bytes();
  const write = (method: string, path: string, body: BodyInit, type: string) =>
    timed(server.url + path, { method, body, headers: { ...headers, "content-type": type } });
  const gaze = "image,reader,x,y,duration_ms\nimage_000300,r2,1,1,200\n";
  const writes: Record<string, (i: number) => Promise<number>> = {
    "PUT an image": (i) =>
      write("PUT", `/v1/datasets/large/images/new_${i}.png`, picture, "image/png"),
    "POST gaze on one image": () => write("POST", "/v1/datasets/large/gaze", gaze, "text/csv"),
    "POST one label": () =>
      write("POST", "/v1/datasets/large/labels", "image,label\nimage_000300,b\n", "text/csv"),
  };
  for (const [what, send] of Object.entries(writes)) {
    const pid = apiOf();
    await send(-1);
    const before = cpuOf(pid);
    for (let i = 0; i < 30; i++) await send(i);
    const each = (cpuOf(pid) - before) / 30;
    console.log(`  ${`${what}, ${LARGE} images`.padEnd(48)} ${each.toFixed(2)}`);
  }

  const row = async (what: string) => {
    const cells: string[] = [];
    for (const paths of Object.values(sets)) {
      const times = await evenly((i) => get(paths[i % paths.length]), {
        rate: RATE,
        seconds: SECONDS,
      });
      cells.push(`${quantile(times, 0.5).toFixed(1)} / ${quantile(times, 0.99).toFixed(1)}`);
    }
    const url = `http://127.0.0.1:${control.addr.port}/`;
    const nothing = await evenly(() => timed(url, {}), { rate: RATE, seconds: SECONDS });
    cells.push(`${quantile(nothing, 0.5).toFixed(1)} / ${quantile(nothing, 0.99).toFixed(1)}`);
    console.log(`| ${[what, ...cells].join(" | ")} |`);
  };
  console.log(`\nlight reads at ${RATE}/s, p50 / p99, ms`);
  console.log(`| | 200 images | ${LARGE} images | a server that does nothing |\n|---|---|---|---|`);
  await row("idle");
  let uploading = true;
  const uploads = Array.from({ length: UPLOADERS }, async (_, client) => {
    for (let i = 0; uploading; i++) {
      await write("PUT", `/v1/datasets/new/images/${client}_${i}.png`, picture, "image/png");
    }
  });
  await row(`${UPLOADERS} clients uploading`);
  uploading = false;
  await Promise.all(uploads);
  await api.call("POST", "/v1/jobs", {
    ...{ kind: "pretrain", dataset: "small", method: "byol", width: 16, image_size: 64 },
    ...{ batch_size: 16, epochs: 10_000 },
  });
  await row("training");
} finally {
  await control.shutdown();
  await server.stop();
  Deno.removeSync(data, { recursive: true });
}

/** The API below this process's launcher, by /proc. */
function apiOf(): number {
  const below = (parent: number) =>
    [...Deno.readDirSync("/proc")].filter(({ name }) => /^\d+$/.test(name)).map(({ name }) => name)
      .find((name) => parentOf(name) === parent);
  return Number(below(Number(below(Deno.pid))));
}

function parentOf(pid: string): number | undefined {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return undefined;
  }
}

/** Milliseconds of processor time, in steps of 10. */
function cpuOf(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return 10 * (Number(fields[11]) + Number(fields[12]));
}
