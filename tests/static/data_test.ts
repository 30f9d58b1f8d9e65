/** The pages of the data and its gaze, where only some images were read: the usual case. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { encodePng } from "@/lib/images/png_encoder.ts";
import { raster } from "@/lib/images/raster.ts";
import { picture, zipOf } from "../support/archives.ts";
import { type Dashboard, dashboardTest, LOOKS, type Sight } from "../support/dashboard.ts";
import { until } from "../support/browser.ts";

const COUNT = 24;
/** Those were read by three readers. */
const READ = [0, 1, 2, 3, 4, 5];
const name = (index: number) => `chest_${String(index).padStart(2, "0")}`;

function files(): Record<string, string | Uint8Array> {
  const made: Record<string, string | Uint8Array> = {};
  let labels = "image,label,patient,split\n";
  let gaze = "image,reader,x,y,duration_ms\n";
  for (let index = 0; index < COUNT; index++) {
    made[`images/${name(index)}.png`] = index === COUNT - 1
      ? deep(64, 48)
      : picture(64 + index, 48, index);
    const split = index < 16 ? "train" : index < 20 ? "validation" : "test";
    const patient = `p${1 + (index >> 1)}`;
    const label = index === 7 ? "" : index % 3 === 0 ? "effusion" : "normal";
    labels += `${name(index)},${label},${patient},${split}\n`;
    if (!READ.includes(index)) continue;
    for (const reader of ["reader 2", "reader 10", "reader 1"]) {
      for (let at = 0; at < 6; at++) {
        const x = (7 * at * (index + 3) + reader.length * 5) % 60;
        gaze += `${name(index)},${reader},${x},${(11 * at + index) % 46},${150 + 40 * at}\n`;
      }
    }
  }
  return { ...made, "labels.csv": labels, "gaze/fixations.csv": gaze };
}

/** 16 bits of which only a narrow band is used: black without a window. */
function deep(width: number, height: number): Uint8Array<ArrayBuffer> {
  const out = raster(width, height, 1, 16);
  for (let i = 0; i < out.data.length; i++) out.data[i] = 800 + (i * 13) % 400;
  return encodePng(out);
}

async function fill({ server }: Dashboard): Promise<void> {
  for (const set of ["chest", "other"]) {
    const put = await server.fetch(`/v1/datasets/${set}`, {
      method: "PUT",
      body: await zipOf(files()),
      headers: { "content-type": "application/zip" },
    });
    assert.equal(put.status, 201, await put.text());
  }
}

const shots = (state: string) =>
  `document.querySelectorAll('.shot .picture[data-state=${state}]').length`;
/** Between the darkest and the lightest value of a picture that is shown. */
const spread = (selector: string) =>
  `(() => {
    const image = document.querySelector("${selector}");
    if (!image?.naturalWidth) return 0;
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const values = context.getImageData(0, 0, canvas.width, canvas.height).data
      .filter((_, at) => at % 4 === 0);
    return Math.max(...values) - Math.min(...values);
  })()`;
const tiles = ({ page }: Sight) => page.locator(".gallery-tile .shot-text strong").allInnerTexts();
const found = (sight: Sight) => sight.page.locator(".found").innerText();

dashboardTest("data: a set of which only some images were read", async (dashboard, t) => {
  await fill(dashboard);
  const sight = await dashboard.page({}, /422/);
  const { page } = sight;
  const filter = (name: string) => page.locator(`.filter.${name} :is(select, input)`);

  await t.step("every picture is shown, and says where gaze is missing", async () => {
    await sight.open("d/chest/data");
    await until(page, `${shots("shown")} >= 20`);
    assert.equal(await page.evaluate(shots("missing")), 0);
    assert.ok(await page.getByText("no gaze", { exact: true }).count() > 10);
    for (const layer of ["image", "heatmap", "scanpath", "overlay"]) {
      await filter("layer").selectOption(layer);
      await until(page, `${shots("shown")} >= 20 && ${shots("missing")} === 0`);
    }
    // Of 16 bits only few are used: they are stretched, not black.
    await filter("layer").selectOption("image");
    const last = ".gallery-tile:last-child img";
    await until(page, `${shots("waiting")} === 0 && ${spread(last)} > 200`);
    await sight.check("partial gaze");
    await page.getByText("24 images, 12 patients").waitFor();
    await page.getByText("18 scanpaths, 25 %").waitFor();
  });

  await t.step("filters stand in the address, survive back and reload", async () => {
    await filter("label").selectOption("effusion");
    assert.equal(await found(sight), "8 of 24 images");
    await filter("gaze").selectOption("none");
    assert.equal(await found(sight), "6 of 24 images");
    assert.match(page.url(), /label=effusion/);
    const before = await tiles(sight);
    await page.reload();
    await sight.shown();
    assert.equal(await found(sight), "6 of 24 images");
    assert.deepEqual(await tiles(sight), before);
    await page.locator(".shot").nth(1).click();
    await page.getByRole("heading", { name: before[1] }).waitFor();
    await page.getByText("2 of 6").waitFor();
    await page.keyboard.press("ArrowRight");
    await page.getByRole("heading", { name: before[2] }).waitFor();
    await page.goBack();
    await until(page, "document.querySelector('.found')?.textContent === '6 of 24 images'");
    await page.getByRole("button", { name: "Show all" }).click();
    assert.equal(await found(sight), "24 images");
    await filter("label").selectOption({ label: "without a label" });
    assert.deepEqual(await tiles(sight), [name(7)]);
    await page.getByRole("button", { name: "Show all" }).click();
    // Kept as keyed hashes: the filter offers what is kept.
    const image = `/v1/datasets/chest/images/${name(0)}`;
    const { patient } = await dashboard.server.json<{ patient: string }>("GET", image);
    await filter("patient").fill(patient);
    assert.deepEqual(await tiles(sight), [name(0), name(1)]);
    await page.getByRole("button", { name: "Show all" }).click();
    await filter("q").fill("chest_1 normal");
    assert.deepEqual((await tiles(sight))[0], name(10));
    await filter("q").fill("no such thing");
    await page.getByText("No image is like this").waitFor();
    await sight.check("nothing found");
    const readers = await filter("reader").locator("option").allInnerTexts();
    assert.deepEqual(readers, ["any reader", "reader 1", "reader 2", "reader 10"]);
  });

  await t.step("the gallery by the keyboard", async () => {
    await sight.open("d/chest/data?size=96");
    await page.locator(".shot").first().focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: name(2) }).waitFor();
    await page.keyboard.press("Escape");
    await page.locator(".gallery").waitFor();
  });

  await t.step("counts open their images", async () => {
    await sight.open("d/chest/data?view=counts");
    await page.getByText("No patient stands in more than one of the marked parts").waitFor();
    const row = page.getByRole("row", { name: /effusion/ });
    assert.match(await row.innerText(), /effusion\s+8\s+33\.3 %\s+6\s+1\s+1\s+2/);
    await sight.check("counts");
    await row.getByRole("link", { name: "6" }).click();
    await until(page, "document.querySelector('.found')?.textContent === '6 of 24 images'");
  });

  await t.step("the import's report is kept", async () => {
    await sight.open("d/chest/data?view=report");
    await page.getByRole("heading", { name: "Import", exact: true }).waitFor();
    await sight.check("report");
  });

  await t.step("gaze: readers in their order, agreement, assumptions", async () => {
    await sight.open("d/chest/gaze");
    await page.getByText("18 of 24 images have no gaze").waitFor();
    await page.locator(".reader-cards h3").nth(2).waitFor();
    assert.deepEqual(await page.locator(".reader-cards h3").allInnerTexts(), [
      "reader 1",
      "reader 2",
      "reader 10",
    ]);
    await page.getByText("positions in image px").waitFor();
    await page.getByText("Mean correlation of two readers’ maps").waitFor();
    await until(page, "document.querySelectorAll('figure [data-state=shown]').length === 3");
    await sight.check("gaze");
    await page.getByRole("link", { name: "Look at them" }).click();
    await until(page, "document.querySelector('.found')?.textContent === '18 of 24 images'");
  });

  await t.step("one file of gaze is tried, told and added; one of labels sets them", async () => {
    await sight.open("d/other/gaze");
    const file = (name: string, text: string) => ({
      ...{ name, mimeType: "text/csv", buffer: Buffer.from(text) },
    });
    const inputs = () => page.locator("main input[type=file]");
    await inputs().first().setInputFiles(
      file("more.csv", `image,reader,x,y,duration_ms\n${name(9)},reader 1,10,12,250\n`),
    );
    await page.getByRole("heading", { name: /^1 recording of 1 reader on 1 image/ }).waitFor();
    await page.getByText("Nothing is kept yet").waitFor();
    assert.match(
      await page.getByRole("region", { name: "First recordings" }).innerText(),
      /10, 12/,
    );
    await sight.check("a file of gaze, tried");
    await page.getByRole("button", { name: "Add it" }).click();
    await page.getByRole("heading", { name: /^Added: 1 recording/ }).waitFor();
    await page.getByText("17 of 24 images have no gaze").waitFor();
    await page.getByRole("button", { name: "Done" }).click();
    await inputs().first().setInputFiles(file("bad.csv", "nothing\nof use\n"));
    await page.getByRole("heading", { name: "This gaze cannot be used" }).waitFor();
    await sight.check("a file of gaze, refused");
    await page.getByRole("button", { name: "Close" }).click();
    await sight.open("d/other/data?label=effusion");
    const count = Number((await found(sight)).split(" ")[0]);
    await page.locator("main .menu input[type=file]").nth(1).setInputFiles(
      file("labels.csv", `image,label\n${name(7)},effusion\n`),
    );
    await page.getByRole("button", { name: "Set them" }).click();
    await page.getByRole("heading", { name: "Labels of 1 image are set" }).waitFor();
    await until(
      page,
      `document.querySelector(".found")?.textContent === "${count + 1} of 24 images"`,
    );
    await page.getByRole("button", { name: "Done" }).click();
    await sight.check("labels were set");
  });

  await t.step("pages of a set in every look", async () => {
    for (const [look, view] of Object.entries(LOOKS)) {
      const one = await dashboard.page(view);
      await one.open("d/chest/data");
      await until(one.page, `${shots("shown")} >= 2 && ${shots("waiting")} === 0`);
      await one.keep(`data_${look}`);
      await one.check(`data, ${look}`);
      await one.open("d/chest/data?view=counts");
      await one.page.getByRole("row", { name: /effusion/ }).waitFor();
      await one.keep(`counts_${look}`);
      await one.check(`counts, ${look}`);
      await one.open("d/chest/data?view=report");
      await one.page.getByRole("heading", { name: "Import", exact: true }).waitFor();
      await one.keep(`report_${look}`);
      await one.check(`report, ${look}`);
      await one.open("d/chest/gaze");
      await one.page.getByText("positions in image px").waitFor();
      await one.page.getByText("Mean correlation of two readers’ maps").waitFor();
      await one.keep(`gaze_${look}`);
      await one.check(`gaze, ${look}`);
      await one.close();
    }
  });

  await t.step("a set is deleted from the menu, after a question", async () => {
    await sight.open("d/other/data");
    await page.getByText("Manage").click();
    await sight.check("menu");
    await page.getByRole("button", { name: "Delete …" }).click();
    await page.getByRole("dialog", { name: "Delete “other”?" }).waitFor();
    await sight.check("question");
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByText("Manage").click();
    await page.getByRole("button", { name: "Delete …" }).click();
    await page.getByRole("button", { name: "Delete the data set" }).click();
    await page.getByRole("heading", { name: "Home" }).waitFor();
    assert.equal(await page.getByRole("heading", { name: "other" }).count(), 0);
  });
  await sight.close();
});

dashboardTest("data: a gallery keeps only what is in sight", async (dashboard) => {
  const made: Record<string, string | Uint8Array> = {};
  const one = picture(16, 16, 3);
  let labels = "image,label\n";
  for (let index = 0; index < 600; index++) {
    made[`images/i${String(index).padStart(4, "0")}.png`] = one;
    labels += `i${String(index).padStart(4, "0")},${index % 2 ? "a" : "b"}\n`;
  }
  const put = await dashboard.server.fetch("/v1/datasets/many", {
    method: "PUT",
    body: await zipOf({ ...made, "labels.csv": labels }),
    headers: { "content-type": "application/zip" },
  });
  assert.equal(put.status, 201, await put.text());
  const sight = await dashboard.page();
  const { page } = sight;
  await sight.open("d/many/data?size=96");
  await page.getByText("600 images").first().waitFor();
  await until(page, "document.querySelectorAll('.gallery-tile').length > 20");
  const count = () => page.locator(".gallery-tile").count();
  const most = await count();
  assert.ok(most < 250, `${most} tiles`);
  await page.evaluate("scrollTo(0, document.documentElement.scrollHeight)");
  await page.getByText("i0599").waitFor();
  assert.ok(await count() < 250, `${await count()} tiles at the end`);
  // Back comes to where the reader was.
  await page.locator(".shot", { hasText: "i0590" }).click();
  await page.getByRole("heading", { name: "i0590" }).waitFor();
  await page.goBack();
  await page.locator(".shot", { hasText: "i0590" }).waitFor();
  const filtered = Number(
    await page.evaluate(`(() => {
      const select = document.querySelector(".filter.label select");
      const before = performance.now();
      select.value = "a";
      select.dispatchEvent(new Event("change"));
      return new Promise((resolve) => requestAnimationFrame(() => resolve(performance.now() - before)));
    })()`),
  );
  assert.equal(await found(sight), "300 of 600 images");
  console.log(`a filter of 600 images answers in ${filtered.toFixed(0)} ms`);
  await sight.check("many");
  await sight.close();
});

dashboardTest(
  "data: eight mammograms are looked at for less than a megabyte",
  async (dashboard) => {
    const made: Record<string, string | Uint8Array> = {};
    const one = raster(2560, 3328, 1, 16);
    // Tissue and noise, as far as bytes go.
    let state = 1;
    for (let i = 0; i < one.data.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      const [x, y] = [i % 2560, Math.floor(i / 2560)];
      const inside = x * x / 4e6 + (y - 1664) ** 2 / 2.2e6 < 1;
      one.data[i] = inside
        ? 9000 + 4000 * Math.sin(x / 170) * Math.cos(y / 210) + (state >>> 21)
        : 0;
    }
    const bytes = encodePng(one);
    for (let index = 0; index < 8; index++) made[`images/m${index}.png`] = bytes;
    const put = await dashboard.server.fetch("/v1/datasets/mammograms", {
      method: "PUT",
      body: await zipOf(made),
      headers: { "content-type": "application/zip" },
    });
    assert.equal(put.status, 201, await put.text());
    const sight = await dashboard.page();
    const { page } = sight;
    let received = 0;
    const network = await page.context().newCDPSession(page);
    await network.send("Network.enable");
    const pictures = new Set<string>();
    network.on("Network.requestWillBeSent", ({ requestId, request }) => {
      if (request.url.includes(".png")) pictures.add(requestId);
    });
    network.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
      if (pictures.has(requestId)) received += encodedDataLength;
    });
    await sight.open("d/mammograms/data");
    await until(page, `${shots("shown")} === 8`, 60_000);
    console.log(`8 mammograms, gallery: ${(received / 1e6).toFixed(2)} MB`);
    assert.ok(received > 0 && received < 1e6, `${received} bytes`);
    await sight.open("d/mammograms/image/m0");
    await until(page, "document.querySelector('.base').naturalWidth >= 700", 60_000);
    await sight.check("a mammogram");
    await sight.close();
  },
);

dashboardTest(
  "data: ready-made maps are gaze too, though nobody's fixations are known",
  async (dashboard) => {
    const files: Record<string, string | Uint8Array> = {};
    for (let index = 0; index < 4; index++) files[`images/k${index}.png`] = picture(40, 30, index);
    files["heatmaps/k0.png"] = picture(40, 30, 9);
    files["heatmaps/r7/k1.png"] = picture(40, 30, 8);
    const put = await dashboard.server.fetch("/v1/datasets/knees", {
      method: "PUT",
      body: await zipOf(files),
      headers: { "content-type": "application/zip" },
    });
    assert.equal(put.status, 201, await put.text());
    const { data } = await dashboard.server.json<{ data: { maps: string[] }[] }>(
      "GET",
      "/v1/datasets/knees/images?fields=maps",
    );
    assert.deepEqual(data, [{ maps: [""] }, { maps: ["r7"] }, { maps: [] }, { maps: [] }]);
    const sight = await dashboard.page();
    const { page } = sight;
    await sight.open("d/knees/data");
    await until(page, `${shots("shown")} === 4`);
    assert.equal(await page.getByText("no gaze", { exact: true }).count(), 2);
    await sight.open("d/knees/data?gaze=some");
    assert.deepEqual(await tiles(sight), ["k0", "k1"]);
    await sight.open("d/knees/image/k0");
    await until(page, "document.querySelector('.ready-made')?.naturalWidth > 0");
    await page.getByText("1 ready-made").waitFor();
    await page.getByText("only a ready-made map").waitFor();
    await sight.check("viewer of a ready-made map");
    await sight.open("d/knees/gaze");
    await page.getByText("2 images with ready-made maps").waitFor();
    await until(page, "document.querySelectorAll('figure [data-state=shown]').length === 2");
    await sight.check("gaze of ready-made maps");
    await sight.close();
  },
);
