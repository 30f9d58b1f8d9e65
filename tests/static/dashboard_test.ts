/** The dashboard in a real browser, on a real server: from the key to a prediction, by its own forms. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Page } from "playwright-core";
import { picture as raster } from "../support/archives.ts";
import { client } from "@/lib/demo/client.ts";
import { type DemoServer, startServer } from "@/lib/demo/server.ts";
import { synthesize } from "@/lib/demo/synthetic.ts";
import { zipSet } from "@/lib/demo/archive.ts";
import { hasBrowser, loaded, openBrowser, until, watch } from "../support/browser.ts";

/** Markup as a label: it must show as text and do nothing. */
const MARKUP = "<img src=x onerror=document.title='run'>";
const JOB_MS = 120_000;

function makeArchive(): Promise<Uint8Array> {
  const set = synthesize({ images: 16, size: 24, readers: 2 });
  for (const image of set.images) if (image.label === "benign") image.label = MARKUP;
  return zipSet(set);
}

/** Keeps pictures of the pages under the folder that SCREENSHOTS names, for a look. */
async function picture(page: Page, name: string): Promise<void> {
  const folder = Deno.env.get("SCREENSHOTS");
  if (folder) await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
}

async function open(page: Page, server: DemoServer, route: string): Promise<void> {
  await page.goto(`${server.url}/#/${route}`);
  await page.locator("main:not([aria-busy]) h1").waitFor();
}

/** Fills a job's form, starts it, waits on its page for the end. */
async function startJob(
  page: Page,
  server: DemoServer,
  kind: string,
  fields: Record<string, string>,
): Promise<void> {
  await open(page, server, `start/${kind}`);
  for (const [name, value] of Object.entries(fields)) {
    const control = page.locator(`main form [name="${name}"]`);
    if (await control.evaluate((element) => element.tagName) === "SELECT") {
      await control.selectOption(value);
    } else await control.fill(value);
  }
  await page.getByRole("button", { name: "Start" }).click();
  await page.waitForURL(/#\/jobs\/job_/);
  const state = page.locator(".card .state").first();
  await state.filter({ hasText: /succeeded|failed|cancelled/ }).waitFor({ timeout: JOB_MS });
  const text = await page.locator("main").innerText();
  assert.equal(await state.innerText(), "succeeded", text);
}

Deno.test({
  name: hasBrowser
    ? "dashboard: key, upload, gaze, similarity, training, evaluation, prediction"
    : "dashboard (skipped: no Chromium at /usr/bin/chromium)",
  ignore: !hasBrowser,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn(t) {
    const folder = Deno.makeTempDirSync();
    const server = await startServer(`${folder}/data`);
    const browser = await openBrowser();
    try {
      const page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
      // The first answer without a key is the one error that is meant.
      const problems = watch(page, server.url, { expected: /status of 401/ });
      page.setDefaultTimeout(20_000);
      const archive = await makeArchive();
      /** Later steps stand on earlier ones. */
      const step = async (name: string, run: () => Promise<void>) => {
        if (await t.step(name, run)) return;
        await picture(page, "failed");
        throw new Error(`Cannot go on after "${name}"`);
      };

      await step("asks for the key once", async () => {
        await page.goto(`${server.url}/`);
        await page.locator("#key-dialog input").fill(server.key);
        await picture(page, "key");
        await page.getByRole("button", { name: "Use this key" }).click();
        await page.getByText("No data set yet").waitFor();
        await page.reload();
        await page.getByText("No data set yet").waitFor();
        assert.equal(await page.locator("#key-dialog").isVisible(), false);
      });

      await step("uploads a ZIP and reports", async () => {
        await page.locator("input[type=file]").setInputFiles({
          name: "set.zip",
          mimeType: "application/zip",
          buffer: Buffer.from(archive),
        });
        assert.equal(await page.locator("[name=name]").inputValue(), "set");
        await page.getByRole("button", { name: "Upload" }).click();
        await page.getByText("Imported: 16 images").waitFor();
        await picture(page, "upload");
      });

      await step("shows images with gaze, and markup as text", async () => {
        await page.getByRole("link", { name: "Open the data set" }).click();
        await page.locator(".tile img").first().waitFor();
        await until(page, `${loaded(".tile img")} >= 8`);
        assert.ok(await page.getByText(MARKUP, { exact: true }).count() > 0);
        assert.equal(await page.locator("main img:not(.tile img)").count(), 0);
        await picture(page, "dataset");
        await page.getByLabel("Show").selectOption("heatmap");
        await page.locator(".tile").first().click();
        await until(page, `${loaded("dialog[open] img")} === 4`);
        await picture(page, "image");
        await page.keyboard.press("Escape");
      });

      await step("shows images that nobody has read", async () => {
        const put = await fetch(`${server.url}/v1/datasets/unread/images/a.png`, {
          method: "PUT",
          headers: { authorization: `Bearer ${server.key}` },
          body: raster(20, 30, 1),
        });
        assert.equal(put.status, 201, await put.text());
        await open(page, server, "datasets/unread");
        assert.equal(await page.getByLabel("Show").inputValue(), "image");
        await until(page, `${loaded(".tile img")} === 1`);
        await page.locator(".tile img").evaluate((image) => image.removeAttribute("src"));
        await page.getByLabel("Show").selectOption("overlay");
        await until(page, `${loaded(".tile img")} === 1`);
        // The overlay that is not there; nothing else may be amiss.
        assert.match(problems.splice(0).join(), /^console: [^,]*404[^,]*overlay\.png[^,]*$/);
      });

      await step("computes a similarity and shows it", async () => {
        await startJob(page, server, "similarity", { dataset: "set", measure: "multimatch" });
        await page.getByRole("link", { name: "Open the similarity" }).click();
        await page.locator("canvas.matrix").waitFor();
        await page.getByRole("heading", { name: "Nearest images" }).waitFor();
        await until(page, "document.querySelectorAll('figure.tile').length === 9");
        await page.locator("canvas.matrix").hover({ position: { x: 60, y: 30 } });
        assert.match(await page.locator(".readout").innerText(), /^P\d+_\w+ and P\d+_\w+: /);
        await picture(page, "similarity");
      });

      await step("pre-trains with live curves", async () => {
        await startJob(page, server, "pretrain", {
          dataset: "set",
          arm: "gaze",
          width: "4",
          image_size: "16 x 32",
          epochs: "2",
          batch_size: "8",
        });
        await page.locator("canvas[aria-label='loss by step']").waitFor();
        assert.ok(await page.locator(".log li").count() >= 2);
        await picture(page, "pretrain");
      });

      await step("fine-tunes and evaluates", async () => {
        await page.getByRole("link", { name: "Open the model" }).click();
        await page.getByText("resnet18, width 4, 16 x 32 px").waitFor();
        await page.getByRole("link", { name: "Fine-tune" }).click();
        const init = await page.locator("[name=init]").inputValue();
        assert.match(init, /^mod_/);
        assert.equal(await page.locator("[name=image_size]").inputValue(), "16 x 32");
        await startJob(page, server, "finetune", {
          dataset: "set",
          init,
          image_size: "16",
          epochs: "2",
          batch_size: "8",
        });
        await page.getByRole("link", { name: "Open the evaluation" }).click();
        await page.getByText("M-AUC").waitFor();
        await page.locator("table.confusion").waitFor();
        await picture(page, "evaluation");
        await open(page, server, "evaluations");
        await page.getByRole("table").getByRole("link", { name: "set" }).waitFor();
      });

      await step("predicts an image of the set, and keeps the prediction", async () => {
        const { data } = await client(server.url, server.key).call<
          { data: { id: string; kind: string }[] }
        >("GET", "/v1/models");
        const model = data.find((one) => one.kind === "classifier")!.id;
        await open(page, server, `models/${model}`);
        await page.locator("[name=dataset]").selectOption("set");
        await until(page, "document.querySelectorAll('[name=image] option').length > 8");
        await page.locator("[name=image]").selectOption("P002_CC");
        await page.getByRole("button", { name: "Predict" }).click();
        await page.locator(".bars .bar").nth(1).waitFor();
        const seen = "document.querySelectorAll('.layers img[src]').length === 2 && " +
          "[...document.querySelectorAll('.layers img')].every((image) => image.naturalWidth > 0)";
        await until(page, seen);
        await page.locator(".layers button.picture").click({ position: { x: 90, y: 30 } });
        await page.locator(".layers figcaption", { hasText: /\(\d+, [0-9] ?\d?\) px/ }).waitFor();
        await picture(page, "model");
        await open(page, server, "predictions");
        await page.getByRole("cell", { name: "P002_CC" }).waitFor();
        await picture(page, "predictions");
      });

      await step("shows a study with its table, and its trainings", async () => {
        const { job } = await client(server.url, server.key).job({
          ...{ kind: "study", dataset: "set", name: MARKUP, methods: ["byol"], arms: ["none"] },
          ...{ seeds: [0], pretrain: { width: 4, image_size: 16, epochs: 1, batch_size: 8 } },
          finetune: { epochs: 1, batch_size: 8, split: { validation: 0.2, test: 0.4 } },
        }, () => {});
        await open(page, server, `jobs/${job}`);
        await page.getByRole("link", { name: "Open the study" }).click();
        await page.getByRole("heading", { name: MARKUP }).waitFor();
        const figures = page.getByRole("region", { name: "Figures" });
        await figures.getByRole("cell", { name: "From scratch" }).waitFor();
        assert.match(await figures.innerText(), /[01]\.\d{3} ± 0\.000 \(n = 1\)/);
        await picture(page, "study");
        await page.getByRole("link", { name: "figures" }).first().click();
        await page.getByRole("heading", { name: "Evaluation", exact: true }).waitFor();
        await page.getByText("M-AUC").waitFor();
        await open(page, server, "studies");
        await page.getByRole("cell", { name: MARKUP }).waitFor();
      });

      await step("lists jobs and models, on a narrow and dark page too", async () => {
        await page.setViewportSize({ width: 400, height: 800 });
        await page.emulateMedia({ colorScheme: "dark" });
        for (const route of ["jobs", "models", "similarities", "studies", "datasets/set"]) {
          await open(page, server, route);
          await picture(page, `narrow_${route.replace("/", "_")}`);
          const wide = Number(await page.evaluate("document.documentElement.scrollWidth"));
          assert.ok(wide <= 400, `${route} is ${wide} px wide`);
        }
      });

      await step("works with the keyboard alone", async () => {
        await page.setViewportSize({ width: 1200, height: 900 });
        await open(page, server, "datasets");
        await page.reload();
        await page.locator("main h1").waitFor();
        await page.keyboard.press("Tab");
        assert.equal(
          await page.evaluate("document.activeElement?.textContent"),
          "Skip to content",
        );
        for (let press = 0; press < 4; press++) await page.keyboard.press("Tab");
        assert.equal(await page.evaluate("document.activeElement?.textContent"), "Jobs");
        await page.keyboard.press("Enter");
        await page.getByRole("heading", { name: "Jobs" }).waitFor();
        assert.equal(await page.evaluate("document.activeElement?.id"), "main");
      });

      await step("nothing was refused, nothing failed, nothing went elsewhere", async () => {
        assert.notEqual(await page.title(), "run");
        assert.deepEqual(problems, []);
        const { headers } = await fetch(`${server.url}/`);
        const policy = headers.get("content-security-policy") ?? "";
        assert.match(policy, /default-src 'none'/);
        assert.doesNotMatch(policy, /unsafe|\*/);
      });
    } finally {
      await browser.close();
      await server.stop();
      Deno.removeSync(folder, { recursive: true });
    }
  },
});
