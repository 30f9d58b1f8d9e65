/** The pages of a multi-label set: its findings, a classifier's figures by finding, predictions, the embedding. */
import assert from "node:assert/strict";
import { zipOf } from "../support/archives.ts";
import { dashboardTest } from "../support/dashboard.ts";
import { FINDINGS, findingsSet, imageName } from "../support/findings_set.ts";
import { runJob } from "../support/jobs.ts";

dashboardTest("a multi-label set in the dashboard", async (dashboard, t) => {
  const { server } = dashboard;
  await server.ready();
  const put = await server.fetch("/v1/datasets/chest", {
    method: "PUT",
    body: await zipOf(findingsSet(30)),
  });
  assert.equal(put.status, 201, await put.text());
  const { result: { model, evaluation } } = await runJob(server, {
    ...{ kind: "finetune", dataset: "chest", mode: "logistic", backbone: "resnet18", width: 8 },
    image_size: 32,
  });
  await server.json("POST", `/v1/models/${model}/predictions`, {
    ...{ dataset: "chest", images: [imageName(0), imageName(1)] },
  });
  const sight = await dashboard.page();
  const text = async () => await sight.page.locator("main").innerText();

  await t.step("data: counts by finding, and images by one", async () => {
    await sight.open("d/chest/data?view=counts");
    const said = await text();
    assert.match(said, /Images by finding/);
    for (const name of FINDINGS) assert.ok(said.includes(name), name);
    await sight.keep("multi_label_counts");
    await sight.check("counts");
    await sight.open(`d/chest/data?label=${encodeURIComponent(FINDINGS[0])}`);
    await sight.check("gallery");
  });

  await t.step("an evaluation: a row for each finding, and its confusion", async () => {
    await sight.open(`d/chest/results/evaluation/${evaluation}`);
    const said = await text();
    assert.match(said, /acro AUC/);
    assert.match(said, /By finding/);
    const rows = sight.page.getByRole("region", { name: "By finding" }).locator("tbody tr");
    assert.equal(await rows.count(), FINDINGS.length);
    const confusion = sight.page.getByRole("region", { name: "Confusion of each finding" });
    assert.equal(await confusion.locator("tbody tr").count(), FINDINGS.length);
    await sight.keep("multi_label_evaluation");
    await sight.check("evaluation");
  });

  await t.step("of folds: the mean over them beside the figures of pooled scores", async () => {
    const { result: { evaluation: folded } } = await runJob(server, {
      ...{ kind: "finetune", dataset: "chest", mode: "logistic", backbone: "resnet18", width: 8 },
      ...{ image_size: 32, folds: 2 },
    });
    await sight.open(`d/chest/results/evaluation/${folded}`);
    const said = await text();
    assert.match(said, /acro AUC .*, of pooled scores; mean of 2 folds 0\.\d+ ± 0\.\d+/);
    assert.match(said, /Means over the findings, of the pooled scores of all folds/);
    assert.match(said, /The scores of several models, of 2 folds, are pooled/);
  });

  await t.step("results, model, image, and what was predicted", async () => {
    await sight.open("d/chest/results");
    assert.match(await text(), /AUC, mean over findings/i);
    await sight.check("results");
    await sight.open(`models/${model}`);
    await sight.check("model");
    await sight.open(`d/chest/image/${imageName(0)}`);
    await sight.page.getByText("Findings", { exact: true }).first().waitFor();
    await sight.check("image");
    await sight.open("d/chest/try");
    await sight.check("try");
    await sight.open(`d/chest/data?evaluation=${evaluation}&wrong=1`);
    await sight.check("mistakes");
  });
  await sight.close();
});
