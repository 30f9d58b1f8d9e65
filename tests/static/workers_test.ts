/** Workers on the dashboard: who there is, and who ran a job that was taken up again. */
import assert from "node:assert/strict";
import { startChild } from "../support/child.ts";
import { dashboardTest, LOOKS } from "../support/dashboard.ts";
import { root } from "../support/imports.ts";
import { until } from "../support/server.ts";
import { upload } from "../support/small_set.ts";

dashboardTest("workers: their names, and the attempts at a job", async (dashboard, t) => {
  const { server } = dashboard;
  await server.ready();
  await upload(server, "set", 16);
  const { id } = await server.json<{ id: string }>("POST", "/v1/jobs", {
    ...{ kind: "pretrain", dataset: "set", method: "byol", config: { hidden: 16, output: 8 } },
    ...{ width: 8, image_size: 16, batch_size: 8, epochs: 10_000 },
  });
  const checkpoint = async (above: number) =>
    (await server.json<{ data: { data: { step: number } }[] }>(
      "GET",
      `/v1/jobs/${id}/events?types=checkpoint&limit=1000`,
    )).data.some(({ data }) => data.step > above);
  await until(() => checkpoint(0), 60_000, server.log);
  Deno.kill(server.children().worker!, "SIGKILL");
  const attempts = async () =>
    (await server.json<{ attempts: { from_step: number | null }[] }>("GET", `/v1/jobs/${id}`))
      .attempts;
  await until(async () => (await attempts())[1]?.from_step != null, 60_000, server.log);
  const { tasks } = JSON.parse(Deno.readTextFileSync(`${root}/deno.json`));
  const worker = startChild(Deno.execPath(), tasks.worker.command.split(" ").slice(1), {
    cwd: root,
    env: { MCGIP_DATA: server.data, MCGIP_WORKER_NAME: "second-card", NO_COLOR: "1" },
  });
  try {
    const told = async () =>
      JSON.stringify(await server.json("GET", "/v1/workers")).includes('"beside"');
    await until(told, 60_000, worker.log);

    await t.step("a job's page says who ran it, from where, and why an attempt ended", async () => {
      for (const [look, view] of Object.entries(LOOKS)) {
        const sight = await dashboard.page(view);
        await sight.open(`d/set/training/${id}`);
        const table = sight.page.getByRole("region", { name: "Workers that ran it" });
        await table.getByText("lost: its worker died").waitFor();
        assert.equal(await table.getByRole("row").count(), 3);
        await table.getByText("the beginning").waitFor();
        const events = sight.page.getByRole("list", { name: "Events" });
        await events.getByText(/^running \(attempt 2\)/).waitFor();
        await sight.keep(`attempts_${look}`);
        await sight.check(`attempts, ${look}`);
        await sight.close();
      }
    });

    await t.step("the server's page tells machines apart", async () => {
      const sight = await dashboard.page();
      await sight.open("admin");
      const table = sight.page.getByRole("region", { name: "Workers" });
      await table.getByText("second-card").waitFor();
      await table.getByText("the server’s own").waitFor();
      await table.getByText("jobs only").waitFor();
      await sight.keep("workers");
      await sight.check("workers");
      await sight.close();
    });
  } finally {
    await worker.stop("SIGKILL");
    await server.json("POST", `/v1/jobs/${id}/cancel`).catch(() => {});
  }
});
