/**
 * What large data cost the pages, printed: a finished run of 100,000 reports, the matrix of 2,000 images, a gallery of
 * 10,000. Other tests may have the machine at the same time: what is asserted is far from what a quiet one needs, and of
 * scrolling it is the page's own work for a frame, which drawing without a GPU does not touch.
 */
import assert from "node:assert/strict";
import { Distribution } from "@/lib/gaze/similarity/distribution.ts";
import { storedGazeDigest } from "@/lib/store/digest.ts";
import { newId, now, openStore, type Store } from "@/lib/store/mod.ts";
import { uniform } from "@/lib/random.ts";
import { picture } from "../support/archives.ts";
import { until } from "../support/browser.ts";
import { dashboardTest, type Sight } from "../support/dashboard.ts";
import { endedJob } from "../support/ended_job.ts";

const REPORTS = 100_000;
const COMPARED = 2000;
const IMAGES = 10_000;
/** Images of the gallery that somebody has read. */
const READ = 300;
/** On a quiet machine under a second, two seconds, and a tenth of one. */
const BUSY = 10;
const PATIENCE = 120_000;

const run = newId("job");

/** Rows as an import leaves them; all have the same picture. */
async function insertSet(store: Store, name: string, count: number): Promise<string> {
  const id = newId("ds");
  const { sha256 } = await store.files.put(picture(64, 64, 3));
  const label = (i: number) => i % 3 ? "benign" : "malignant";
  await store.datasets.insert({
    ...{ id, name, names: "keep", known_digest: "", structured: false },
    ...{ positive_label: "malignant", meta: {}, created_at: now() },
  });
  const images = Array.from({ length: count }, (_, i) => ({
    ...{ id: newId("im"), dataset_id: id, name: `image_${String(i).padStart(5, "0")}` },
    ...{ file: sha256, format: "png" as const, bytes: 900, width: 64, height: 64 },
    ...{ channels: 1 as const, bits: 8 as const, label: label(i) },
    ...{ patient: `p${i >> 1}`, split: null },
  }));
  await store.images.insertAll(images);
  for (const [i, image] of images.slice(0, READ).entries()) {
    await store.gaze.insert({
      ...{ id: newId("gz"), image_id: image.id, reader: "r", format: "csv", dropped: 0 },
      ...{ samples_file: null, assumptions: [], data_loss: 0 },
      fixations: Array.from({ length: 12 }, (_, k) => ({
        ...{ x: (i * 37 + k * 19) % 64, y: (i * 11 + k * 23) % 64, start: k / 4, duration: 0.2 },
      })),
    });
  }
  return id;
}

async function insertSimilarity(store: Store, dataset_id: string): Promise<void> {
  const dataset = await store.datasets.hashed(await store.datasets.get(dataset_id));
  const images = (await store.images.all(dataset_id)).map(({ name }) => name);
  const n = images.length;
  const values = new Float32Array(n * n);
  const distribution = new Distribution([0, 1]);
  for (let i = 0; i < n; i++) {
    values[i * n + i] = 1;
    for (let j = 0; j < i; j++) {
      const same = Number((i % 3 === 0) === (j % 3 === 0));
      const value = 0.4 + 0.05 * same + 0.5 * uniform(i, j, 0);
      values[i * n + j] = values[j * n + i] = value;
    }
  }
  const all = { from: 0, count: n };
  distribution.add({ rows: all, columns: all, values });
  const { sha256 } = await store.files.put(new Uint8Array(values.buffer));
  await store.similarities.insert({
    ...{ id: newId("sim"), dataset_id, dataset_digest: dataset.digest, job_id: newId("job") },
    ...{ gaze_digest: await storedGazeDigest(store, dataset), measure: "cc", params: {} },
    ...{ images, components: ["cc"], file: sha256, layout: { kind: "matrix" }, invalid: [] },
    ...{ histogram: { ...distribution.data }, created_at: now() },
  });
}

async function prepare(data: string): Promise<void> {
  const store = await openStore(data);
  const spec = {
    ...{ dataset: "compared", method: "byol", arm: "gaze", backbone: "resnet18", seed: 1 },
    ...{ cut: { quantile: 0.1 }, config: { output: 64 }, init: "scratch", epochs: 9 },
  };
  await store.jobs.insert(endedJob({ id: run, spec }));
  await store.db.transaction(async () => {
    for (let from = 1; from <= REPORTS; from += 5000) {
      const points = Array.from({ length: 5000 }, (_, i) => {
        const step = from + i;
        const loss = 3 + Math.sin(step / 900) + 0.2 * Math.sin(step);
        return { step, epoch: 0, values: { loss, output_spread: 0.1 } };
      });
      await store.metrics.put(run, points);
    }
  });
  await store.db.transaction(async () => {
    await insertSimilarity(store, await insertSet(store, "compared", COMPARED));
    await insertSet(store, "many", IMAGES);
  });
  await store.close();
}

/** Opens an address in a page that is there already, and waits for a selector; ms. */
async function timed({ page, of }: Sight, address: string, selector: string): Promise<number> {
  // Scripts and styles are there: what is measured is this page.
  await page.goto(`${of.server.url}/#/models`);
  await page.locator("main:not([aria-busy]) h1").first().waitFor();
  return Number(
    await page.evaluate(`new Promise((resolve) => {
      const began = performance.now();
      const look = () => document.querySelector(${JSON.stringify(selector)})
        ? requestAnimationFrame(() => resolve(performance.now() - began))
        : requestAnimationFrame(look);
      location.hash = ${JSON.stringify(`#/${address}`)};
      look();
    })`),
  );
}

const told = (what: string, ms: number, wanted: number) => {
  console.log(`${what}: ${ms.toFixed(0)} ms (wanted: ${wanted})`);
  assert.ok(ms > 0 && ms < BUSY * wanted, `${what} took ${ms} ms`);
};

dashboardTest("speed: large data in a browser", async (dashboard, t) => {
  await dashboard.server.ready();
  const sight = await dashboard.page();
  const { page } = sight;
  page.setDefaultTimeout(PATIENCE);

  await t.step("a finished run of 100,000 reports", async () => {
    const began = performance.now();
    const response = await dashboard.server.fetch(`/v1/jobs/${run}/metrics?points=2000`);
    await response.bytes();
    console.log(`its answer alone: ${(performance.now() - began).toFixed(0)} ms`);
    const chart = ".live-chart canvas";
    told("100,000 reports", await timed(sight, `d/compared/training/${run}`, chart), 1000);
  });

  await t.step("the matrix of 2,000 images, ordered by label", async () => {
    told("matrix", await timed(sight, "d/compared/pairs", ".matrix-surface canvas"), 2000);
    const side = Number(
      await page.evaluate(`document.querySelector(".matrix-surface canvas").width`),
    );
    assert.equal(side, COMPARED);
    await sight.keep("pairs-2000");
    await sight.check("the matrix of 2,000 images");
  });

  await t.step("10,000 images: filters, and what a frame of scrolling costs", async () => {
    told("gallery", await timed(sight, "d/many/data?size=120", ".gallery-tile"), 1000);
    await until(page, `document.querySelector(".found").textContent === "10,000 images"`, PATIENCE);
    const filtered = Number(
      await page.evaluate(`new Promise((resolve) => {
        const select = document.querySelector(".filter.label select");
        const began = performance.now();
        select.value = "malignant";
        select.dispatchEvent(new Event("change"));
        const look = () => /of 10,000/.test(document.querySelector(".found").textContent)
          ? resolve(performance.now() - began)
          : requestAnimationFrame(look);
        look();
      })`),
    );
    told("a filter of 10,000", filtered, 100);
    const searched = Number(
      await page.evaluate(`new Promise((resolve) => {
        const input = document.querySelector(".filter.q input");
        const began = performance.now();
        document.querySelector(".filter.label select").value = "";
        document.querySelector(".filter.label select").dispatchEvent(new Event("change"));
        input.value = "p12 benign";
        input.dispatchEvent(new Event("input"));
        requestAnimationFrame(() => resolve(performance.now() - began));
      })`),
    );
    told("a search in 10,000", searched, 100);
    await page.getByRole("button", { name: "Show all" }).click();
    await until(page, `document.querySelector(".found").textContent === "10,000 images"`);
    const cdp = await page.context().newCDPSession(page);
    await cdp.send("Performance.enable");
    const spent = async () => {
      const { metrics } = await cdp.send("Performance.getMetrics");
      const of = (name: string) => metrics.find((one) => one.name === name)!.value;
      return [of("ScriptDuration"), of("LayoutDuration") + of("RecalcStyleDuration")];
    };
    const before = await spent();
    const frames = await page.evaluate(`new Promise((resolve) => {
      const times = [];
      let last = performance.now();
      const step = (now) => {
        times.push(now - last);
        last = now;
        scrollBy(0, 60);
        if (times.length < 240) requestAnimationFrame(step);
        else resolve(times.slice(1));
      };
      requestAnimationFrame(step);
    })`) as number[];
    const after = await spent();
    const [script, layout] = after.map((value, i) => 1000 * (value - before[i]) / frames.length);
    const sorted = frames.toSorted((a, b) => a - b);
    const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))].toFixed(1);
    console.log(
      `scrolling ${frames.length} frames: ${at(0.5)} ms median, ${
        at(0.95)
      } ms p95 between frames; ` +
        `of the page itself ${script.toFixed(2)} ms script, ${
          layout.toFixed(2)
        } ms style and layout a frame`,
    );
    assert.ok(script + layout < 16.7, `${script} + ${layout} ms a frame`);
    assert.ok(await page.locator(".gallery-tile").count() < 400);
    await sight.keep("data-10000");
    await sight.check("10,000 images");
  });
  await sight.close();
}, prepare);
