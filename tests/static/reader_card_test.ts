/** Pairs, reader by reader: what is not compared yet is compared by a click, and then told. */
import assert from "node:assert/strict";
import { dashboardTest } from "../support/dashboard.ts";
import { runJob } from "../support/jobs.ts";
import { until } from "../support/server.ts";
import { upload } from "../support/small_set.ts";

dashboardTest("pairs: each reader's own gaze, compared by a click", async (dashboard) => {
  const { server } = dashboard;
  await server.ready();
  await upload(server, "breast", 16);
  await runJob(server, { kind: "similarity", dataset: "breast", measure: "multimatch" });
  const sight = await dashboard.page();
  await sight.open("d/breast/pairs");
  const ask = sight.page.getByRole("button", { name: "Ask for each reader" });
  await ask.click();
  const table = sight.page.getByRole("region", { name: "Reader by reader" });
  await table.waitFor();
  assert.equal(await table.getByText("not compared").count(), 2);
  await sight.page.getByRole("button", { name: "Compare the gaze of 2 readers, one by one" })
    .click();
  await until(async () => {
    const { data } = await server.json<{ data: { state: string }[] }>("GET", "/v1/jobs");
    return data.length === 3 && data.every(({ state }) => state === "succeeded");
  }, 120_000);
  await ask.click();
  await table.getByRole("link", { name: "R2" }).waitFor();
  assert.equal(await table.getByText("not compared").count(), 0);
  assert.match(await table.innerText(), /R1\s+\d+\s+\d\.\d{3}/);
  await sight.check("reader by reader");
  await sight.close();
});
