/** The viewer: layers, keys, readers side by side, maps of models with their cells, grey values of 16 bits. */
import assert from "node:assert/strict";
import { zipSet } from "@/lib/demo/archive.ts";
import { synthesize } from "@/lib/demo/synthetic.ts";
import { encodePng } from "@/lib/images/png_encoder.ts";
import { raster } from "@/lib/images/raster.ts";
import { type Dashboard, dashboardTest, LOOKS } from "../support/dashboard.ts";
import { until } from "../support/browser.ts";
import { until as eventually } from "../support/server.ts";

interface Job {
  id: string;
  state: string;
  error: string | null;
  result: Record<string, string> | null;
}

async function train({ server }: Dashboard, spec: Record<string, unknown>): Promise<Job> {
  const { id } = await server.json<Job>("POST", "/v1/jobs", spec);
  let job: Job;
  await eventually(async () => {
    job = await server.json<Job>("GET", `/v1/jobs/${id}`);
    return ["succeeded", "failed", "cancelled"].includes(job.state);
  }, 120_000);
  assert.equal(job!.state, "succeeded", job!.error ?? "");
  return job!;
}

/** Grey values from 800 to 1200 of 65535: black without a window. */
function deep(): Uint8Array<ArrayBuffer> {
  const out = raster(64, 48, 1, 16);
  for (let i = 0; i < out.data.length; i++) out.data[i] = 800 + (i * 13) % 400;
  return encodePng(out);
}

dashboardTest("viewer: layers, keys, readers, models, grey values", async (dashboard, t) => {
  const { server } = dashboard;
  await server.ready();
  const set = synthesize({ images: 20, size: 64, readers: 3 });
  set.images.push({ name: "deep.png", file: deep(), label: "benign", patient: "P99" });
  const put = await server.fetch("/v1/datasets/breast", {
    method: "PUT",
    body: await zipSet(set),
    headers: { "content-type": "application/zip" },
  });
  assert.equal(put.status, 201, await put.text());
  await train(dashboard, { kind: "similarity", dataset: "breast", measure: "multimatch" });
  const { result } = await train(dashboard, {
    ...{ kind: "finetune", dataset: "breast", name: "transformer", seed: 3 },
    ...{ backbone: "vit_tiny_patch16", width: 12, image_size: 64, epochs: 1, batch_size: 4 },
  });
  const shared = { width: 4, image_size: 96, epochs: 1, batch_size: 4 };
  for (const seed of [1, 2]) {
    await train(dashboard, { kind: "finetune", dataset: "breast", seed, ...shared });
  }
  const sight = await dashboard.page();
  const { page } = sight;

  await t.step("gaze and scanpaths, told at each fixation", async () => {
    await sight.open("d/breast/image/P001_CC");
    await page.locator(".paths circle").first().waitFor();
    assert.equal(await page.locator(".paths g").count(), 3);
    assert.equal(await page.locator("canvas.gaze-map").count(), 1);
    await until(page, "document.querySelector('.base').naturalWidth > 0");
    // A circle on top of all others, so that nothing lies over it.
    await page.locator(".paths g").last().locator("circle").last().hover({ force: true });
    assert.match(
      await page.locator(".stage .readout").innerText(),
      /^R3, fixation \d+ of \d+: \d+ ms from \d+\.\d\d s, at \(\d+, \d+\)$/,
    );
    await page.getByText("Read alike").waitFor();
    await page.getByText("Alike to the network").waitFor();
    await sight.check("viewer");
  });

  await t.step("keys switch layers, opacity and images; the address keeps them", async () => {
    await page.locator("h1").click();
    await page.keyboard.press("g");
    assert.equal(await page.locator("canvas.gaze-map").count(), 0);
    await page.keyboard.press("[");
    await page.keyboard.press("[");
    await page.keyboard.press("ArrowRight");
    await page.getByRole("heading", { name: "P001_MLO" }).waitFor();
    await page.locator(".paths circle").first().waitFor();
    assert.equal(await page.locator("canvas.gaze-map").count(), 0);
    assert.match(page.url(), /layers=paths.*opacity=50/);
    await page.reload();
    await page.locator(".paths circle").first().waitFor();
    assert.equal(await page.locator("[name=opacity]").inputValue(), "50");
    await page.keyboard.press("ArrowLeft");
    await page.getByRole("heading", { name: "P001_CC" }).waitFor();
  });

  await t.step("readers one by one, side by side, and in time", async () => {
    await sight.open("d/breast/image/P001_CC?layers=gaze,paths");
    await page.getByRole("checkbox", { name: "R2" }).uncheck();
    assert.equal(await page.locator(".paths g").count(), 2);
    await page.keyboard.press("v");
    assert.equal(await page.locator(".pane").count(), 2);
    assert.deepEqual(await page.locator(".pane-title").allInnerTexts(), ["R1", "R3"]);
    await sight.check("side by side");
    await page.keyboard.press("v");
    const all = await page.locator(".paths circle").count();
    await page.locator("[name=until]").fill("0");
    await until(page, `document.querySelectorAll(".paths circle").length < ${all}`);
    await page.getByText(/^first 0\.0 s of/).waitFor();
  });

  await t.step("Grad-CAM of two models with their cells; what is alike to the cross", async () => {
    await sight.open("d/breast/image/P002_CC?layers=none");
    await page.keyboard.press("1");
    await page.keyboard.press("2");
    await page.locator(".cam1 canvas").waitFor();
    await page.locator(".cam2 canvas").waitFor();
    await page.getByText(/^A: speaks for “(benign|malignant)” \(\d+ %\), 3 × 3 cells/).waitFor();
    assert.equal(await page.locator(".cam1 .cells").count(), 1);
    await page.getByLabel("Draw the map’s cells").uncheck();
    await until(page, "document.querySelectorAll('.cam1 .cells').length === 0");
    await page.keyboard.press("c");
    await page.getByText("Click into the picture to put the cross.").waitFor();
    await page.locator(".pane").click({ position: { x: 300, y: 200 } });
    await page.locator(".sense canvas").waitFor();
    await page.locator(".cross path").first().waitFor();
    await page.getByText(/^Alike to the cross, 3 × 3 cells/).waitFor();
    assert.match(page.url(), /cross=\d/);
    await sight.check("maps");
  });

  await t.step(
    "where a vision transformer's class token looks: heads, their mean, rollout",
    async () => {
      await sight.open("d/breast/image/P002_CC?layers=none");
      await page.getByText("needs a vision transformer").waitFor();
      await sight.open(`d/breast/image/P002_CC?layers=none&model=${result!.model}`);
      await page.locator("h1").click();
      await page.keyboard.press("a");
      await page.locator(".attend canvas").waitFor();
      await page.getByText(/^A: where its class token looks, mean of heads, 4 × 4 cells/).waitFor();
      await page.getByLabel("Attention of A").selectOption("1");
      await page.getByText(/^A: where its class token looks, head 2 of 3, 4 × 4 cells/).waitFor();
      await page.getByLabel("Attention of A").selectOption("rollout");
      await page.getByText(/^A: where its class token looks, through all blocks, 4 × 4/).waitFor();
      assert.match(page.url(), /attention=rollout/);
      await page.keyboard.press("1");
      await page.getByText(/^A: speaks for “(benign|malignant)” \(\d+ %\), 4 × 4 cells/).waitFor();
      await sight.check("attention");
    },
  );

  await t.step("zoom by wheel and keys loads a sharper picture where there is one", async () => {
    const scale = () =>
      page.locator(".world").evaluate((world) =>
        Number(/scale\(([\d.]+)\)/.exec(world.style.transform)![1])
      );
    const fitted = await scale();
    await page.locator(".pane").hover();
    await page.mouse.wheel(0, -600);
    await until(
      page,
      `Number(document.querySelector(".world").style.transform.match(/scale\\(([\\d.]+)/)[1]) > ${fitted}`,
    );
    await page.locator("h1").click();
    await page.keyboard.press("f");
    assert.equal(await scale(), fitted);
  });

  await t.step("16 bits show what is in them, and take a window", async () => {
    await sight.open("d/breast/image/deep?layers=none");
    const spread = `(() => {
      const image = document.querySelector(".base");
      if (!image.naturalWidth) return 0;
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
      const context = canvas.getContext("2d");
      context.drawImage(image, 0, 0);
      const values = context.getImageData(0, 0, canvas.width, canvas.height).data
        .filter((_, at) => at % 4 === 0);
      return Math.max(...values) - Math.min(...values);
    })()`;
    await until(page, `${spread} > 200`);
    await page.locator("[name=level]").fill("1000");
    await page.locator("[name=width]").fill("4000");
    await until(page, `${spread} < 60`);
    assert.match(page.url(), /window=/);
    await page.getByText("no gaze on this image").first().waitFor();
    await sight.check("16 bits");
  });

  await t.step("in every look", async () => {
    for (const [look, view] of Object.entries(LOOKS)) {
      const one = await dashboard.page(view);
      await one.open("d/breast/image/P003_CC?layers=gaze,paths");
      await one.page.locator(".paths circle").first().waitFor();
      await one.page.getByText("Alike to the network").waitFor();
      await until(one.page, "document.querySelector('.base').naturalWidth > 0");
      await one.keep(`viewer_${look}`);
      await one.check(`viewer, ${look}`);
      await one.open("d/breast/image/P003_CC?layers=cam1,sense&cross=20,30&side=1");
      await one.page.locator(".sense canvas").nth(2).waitFor();
      await one.page.locator(".cam1 canvas").nth(2).waitFor();
      await one.keep(`viewer_maps_${look}`);
      await one.check(`viewer with maps, ${look}`);
      await one.close();
    }
  });

  await t.step("wrongly predicted images, by an evaluation", async () => {
    await sight.open("d/breast/data");
    await page.locator(".filter.judgement select").selectOption("wrong");
    await until(page, "location.hash.includes('evaluation=')");
    const { data } = await server.json<{ data: { label: string; predicted: string }[] }>(
      "GET",
      `/v1/evaluations/${/evaluation=(\w+)/.exec(page.url())![1]}/scores`,
    );
    const wrong = data.filter(({ label, predicted }) => label !== predicted).length;
    await until(
      page,
      `document.querySelector(".found").textContent === "${wrong} of 21 images"`,
    );
    if (wrong > 0) await page.getByText(/^wrong: /).first().waitFor();
    await sight.check("wrong ones");
  });
  await sight.close();
});
