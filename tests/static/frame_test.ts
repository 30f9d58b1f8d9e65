/** The frame around all pages, and the first minute: key, made-up set, imports, search, jobs, keys. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { zipSet } from "@/lib/demo/archive.ts";
import { synthesize } from "@/lib/demo/synthetic.ts";
import { openStore } from "@/lib/store/mod.ts";
import { dashboardTest, LOOKS, type Sight } from "../support/dashboard.ts";
import { picture, zipOf } from "../support/archives.ts";
import { until } from "../support/browser.ts";

/** Markup as a label: it must show as text and do nothing. */
const MARKUP = "<img src=x onerror=document.title='run'>";

function choose(sight: Sight, name: string, bytes: Uint8Array): Promise<void> {
  return sight.page.locator("input[type=file]").first().setInputFiles({
    name,
    mimeType: "application/zip",
    buffer: Buffer.from(bytes),
  });
}

dashboardTest("frame: an empty server, a made-up set, imports that stay", async (dashboard, t) => {
  const { server } = dashboard;
  await t.step("the key is asked for once, and known to the tabs that are open", async () => {
    const context = await dashboard.browser.newContext();
    const page = await context.newPage();
    await page.goto(server.url);
    const input = page.locator("#key-dialog input");
    await input.fill("wrong");
    await page.getByRole("button", { name: "Use this key" }).click();
    await page.getByText("does not know this key").waitFor();
    await input.fill(server.key);
    await page.getByRole("button", { name: "Use this key" }).click();
    await page.getByRole("button", { name: "Try it with a made-up set" }).waitFor();
    await page.reload();
    await page.getByRole("button", { name: "Try it with a made-up set" }).waitFor();
    assert.equal(await page.locator("#key-dialog").isVisible(), false);
    // A link in a tab of its own does not ask again.
    const other = await context.newPage();
    await other.goto(server.url);
    await other.getByRole("button", { name: "Try it with a made-up set" }).waitFor();
    assert.equal(await other.locator("#key-dialog").isVisible(), false);
    // Once all are closed it is known nowhere.
    await page.close();
    await other.close();
    const later = await context.newPage();
    await later.goto(server.url);
    await later.locator("#key-dialog").waitFor();
    await context.close();
  });

  const sight = await dashboard.page({}, /status of 422/);
  const { page } = sight;
  await t.step("an empty server says what it is for, in every look", async () => {
    for (const [look, view] of Object.entries(LOOKS)) {
      const one = await dashboard.page(view);
      await one.open("");
      await one.keep(`empty_${look}`);
      await one.check(`empty, ${look}`);
      await one.close();
    }
    await sight.open("jobs");
    await page.getByText("No jobs yet").waitFor();
    await sight.check("no jobs");
  });

  await t.step("a click makes a set up and opens it", async () => {
    await sight.open("");
    await page.getByRole("button", { name: "Try it with a made-up set" }).click();
    await page.getByRole("heading", { name: "made-up", exact: true }).waitFor();
    await page.getByText("96 images, 48 patients").waitFor();
    await until(page, "document.querySelectorAll('.picture[data-state=shown]').length >= 12");
    await sight.check("made-up");
  });

  await t.step("a failed import tells every problem, and stays", async () => {
    await sight.open("");
    const labels = Array.from({ length: 12 }, (_, i) => `gone${i},benign`).join("\n");
    const files = { "images/a.png": picture(8, 8), "labels.csv": `image,label\n${labels}\n` };
    await choose(sight, "bad.zip", await zipOf({ ...files, "images/b.png": "no picture" }));
    await page.getByRole("button", { name: "Import", exact: true }).click();
    const card = page.getByRole("region", { name: "Import of bad.zip" });
    await card.getByRole("heading", { name: "Nothing was imported" }).waitFor();
    assert.ok(await card.locator("tbody tr").count() > 0, await card.innerText());
    await page.getByRole("link", { name: "McGIP" }).click();
    await sight.open("jobs");
    assert.ok(await card.isVisible(), "gone with the page");
    await sight.check("failed import");
    await sight.keep("import_failed_wide");
    await card.getByRole("button", { name: "Close" }).click();
  });

  const set = synthesize({ images: 16, size: 24, readers: 2 });
  for (const image of set.images) if (image.label === "benign") image.label = MARKUP;
  const archive = await zipSet(set);

  await t.step("an import names what came; markup stays text", async () => {
    await sight.open("");
    await choose(sight, "small.zip", archive);
    await page.getByRole("button", { name: "Import", exact: true }).click();
    await page.getByRole("heading", { name: "Imported: 16 images, 32 scanpaths" }).waitFor();
    await sight.keep("import_wide");
    await sight.check("import");
    await page.getByRole("link", { name: "Open the data set" }).click();
    await page.getByRole("heading", { name: "small", exact: true }).waitFor();
    await page.locator(".shot .chip", { hasText: MARKUP }).first().waitFor();
    assert.equal(await page.locator("main img:not(.picture img)").count(), 0);
  });

  await t.step("a set that is there is not replaced without a question", async () => {
    await sight.open("");
    await choose(sight, "small.zip", archive);
    await page.getByRole("button", { name: "Import", exact: true }).click();
    await page.getByText("There is a data set “small” already, with 16 images").waitFor();
    await page.getByRole("button", { name: "Use another name" }).click();
    await page.getByRole("button", { name: "Only check it" }).click();
    await page.getByRole("heading", { name: "Checked, nothing was kept: 16 images" }).waitFor();
    const { data } = await server.json<{ data: { name: string }[] }>("GET", "/v1/datasets");
    assert.deepEqual(data.map(({ name }) => name).sort(), ["made-up", "small"]);
  });

  await t.step(
    "a ZIP that is dropped anywhere is imported; what is none is refused in words",
    async () => {
      await sight.open("jobs");
      const drop = (name: string, type: string) =>
        page.evaluate(`(async () => {
        const made = new DataTransfer();
        made.items.add(new File(["x"], "${name}", { type: "${type}" }));
        const send = (kind) => document.querySelector("main").dispatchEvent(
          new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: made }));
        send("dragenter");
        while (!document.querySelector(".drop-hint")) await new Promise((go) => setTimeout(go, 20));
        send("dragover");
        const shown = !document.querySelector(".drop-hint").hidden;
        send("drop");
        return shown && document.querySelector(".drop-hint").hidden;
      })()`);
      assert.equal(await drop("more.zip", "application/zip"), true);
      await page.getByRole("region", { name: "Import of more.zip" }).waitFor();
      assert.equal(await page.getByLabel("Name of the data set").inputValue(), "more");
      assert.equal(await drop("letter.txt", "text/plain"), true);
      await page.getByText("Only a ZIP can be imported here").waitFor();
      await sight.check("dropped");
      await page.getByRole("region", { name: "Import of more.zip" }).getByText("Close").click();
    },
  );

  await t.step("home, search and the server's page, in every look", async () => {
    for (const [look, view] of Object.entries(LOOKS)) {
      const one = await dashboard.page(view);
      await one.open("");
      await until(one.page, "document.querySelectorAll('.thumbs [data-state=shown]').length === 8");
      await one.keep(`home_${look}`);
      await one.check(`home, ${look}`);
      await one.open("search?q=P001");
      await one.page.getByRole("heading", { name: "Images of made-up: 2" }).waitFor();
      await until(one.page, "document.querySelectorAll('[data-state=shown]').length >= 4");
      await one.keep(`search_${look}`);
      await one.check(`search, ${look}`);
      await one.open("admin");
      await one.page.getByRole("cell", { name: "environment" }).waitFor();
      await one.keep(`admin_${look}`);
      await one.check(`admin, ${look}`);
      await one.close();
    }
  });

  await t.step("a key is made, shown once and removed", async () => {
    await sight.open("admin");
    await page.getByText("Make another key").click();
    await page.getByRole("textbox", { name: "Name Who or what uses it" }).fill("reader");
    await page.getByRole("button", { name: "Make a key" }).click();
    const made = await page.locator("dialog[open] pre").innerText();
    const answer = await fetch(`${server.url}/v1/datasets`, {
      headers: { authorization: `Bearer ${made}` },
    });
    await answer.body?.cancel();
    assert.equal(answer.status, 200);
    await sight.check("new key");
    await page.keyboard.press("Escape");
    await page.getByRole("row", { name: /reader/ }).getByRole("button", { name: "Remove" }).click();
    await page.getByRole("button", { name: "Remove it" }).click();
    await until(page, "!document.querySelector('tbody').textContent.includes('reader')");
  });

  await t.step("menus, theme and search by the keyboard alone", async () => {
    await sight.open("");
    await page.reload();
    await sight.shown();
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate("document.activeElement.textContent"), "Skip to content");
    await page.keyboard.press("/");
    await page.keyboard.type("small");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Found for “small”" }).waitFor();
    assert.equal(await page.evaluate("document.activeElement.id"), "main");
    await page.locator("#more summary").focus();
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Theme: automatic" }).press("Enter");
    assert.equal(await page.evaluate("document.documentElement.dataset.theme"), "light");
    await page.locator("#sets summary").press("Enter");
    await page.getByRole("link", { name: "small 16 images" }).waitFor();
    await sight.check("menu of sets");
    await page.keyboard.press("Escape");
    assert.equal(await page.locator("#sets[open]").count(), 0);
  });

  await t.step("addresses that mean nothing say so", async () => {
    for (const address of ["%E0%A4%A", "nothing/here", "d/made-up/nothing"]) {
      await sight.open(address);
      await page.getByText("There is no page at this address").waitFor();
      await sight.check(address);
    }
    const gone = await dashboard.page({}, /status of 404/);
    await gone.open("d/gone/data");
    await gone.page.getByRole("heading", { name: "This is not here" }).waitFor();
    await gone.check("a set that is not there");
    await gone.close();
  });

  assert.notEqual(await page.title(), "run");
  await sight.close();
});

/** A job as older ones stand in the store. */
function oldJob(index: number) {
  const at = new Date(Date.UTC(2026, 0, 1) + index * 60_000).toISOString();
  const spec = { dataset: "old", method: "byol", arm: "gaze", backbone: "resnet18", seed: index };
  return {
    ...{ id: `job_${String(index).padStart(26, "0")}`, kind: "pretrain" as const },
    ...{ state: "cancelled" as const, spec: { ...spec, augmentation: "x".repeat(900) } },
    ...{ progress: { done: 0, total: 10, unit: "steps" }, worker: null, fence: 0, attempts: 0 },
    ...{ requested: null, error: null, result: null, device: null, study: null },
    ...{ fingerprint: null, created_at: at, started_at: at, finished_at: at },
    ...{ estimated_finish: null, sequence: 0, lease_until: null, told: 0, delivery: null },
  };
}

dashboardTest(
  "frame: bytes of the first view and of a refresh of 1,000 jobs",
  async (dashboard) => {
    const sight = await dashboard.page();
    const { page } = sight;
    let bytes = 0;
    let requests = 0;
    const network = await page.context().newCDPSession(page);
    await network.send("Network.enable");
    network.on("Network.loadingFinished", ({ encodedDataLength }) => {
      bytes += encodedDataLength;
      requests++;
    });
    await sight.open("");
    await page.waitForTimeout(600);
    console.log(`first view: ${(bytes / 1000).toFixed(1)} kB in ${requests} requests`);
    assert.ok(bytes < 120_000, `the first view takes ${bytes} bytes`);
    const painted = Number(
      await page.evaluate(
        "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0",
      ),
    );
    console.log(`first content after ${painted.toFixed(0)} ms`);

    await sight.open("jobs");
    await page.getByText("1,000 cancelled").waitFor();
    assert.equal(await page.locator("tbody tr").count(), 40);
    await page.locator("tbody a").nth(3).focus();
    const focused = await page.evaluate("document.activeElement.href");
    bytes = 0;
    const refreshed = page.waitForResponse((response) =>
      response.url().includes("/v1/jobs?limit=40")
    );
    await refreshed;
    await page.waitForTimeout(300);
    console.log(`a refresh of 1,000 jobs: ${(bytes / 1000).toFixed(1)} kB`);
    assert.ok(bytes < 20_000, `a refresh takes ${bytes} bytes`);
    assert.equal(await page.evaluate("document.activeElement.href"), focused);
    await sight.check("1,000 jobs");
    await page.getByRole("link", { name: "Older" }).click();
    await until(page, "document.querySelector('tbody a').textContent.endsWith('seed 959')");
    await page.goBack();
    await until(page, "document.querySelector('tbody a').textContent.endsWith('seed 999')");
    for (const [look, view] of Object.entries(LOOKS)) {
      const one = await dashboard.page(view);
      await one.open("jobs");
      await one.page.locator("tbody tr").first().waitFor();
      await one.keep(`jobs_${look}`);
      await one.check(`jobs, ${look}`);
      await one.close();
    }
    await sight.close();
  },
  async (data) => {
    const store = await openStore(data);
    try {
      await store.db.transaction(async () => {
        for (let index = 0; index < 1000; index++) await store.jobs.insert(oldJob(index));
      });
    } finally {
      await store.close();
    }
  },
);
