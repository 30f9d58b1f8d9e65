/** What each reader's own gaze says about the label, over HTTP: one reader follows it, one does not. */
import assert from "node:assert/strict";
import { writePanels } from "@/lib/demo/synthetic.ts";
import { runJob } from "../support/jobs.ts";
import { withServer } from "../support/server.ts";

interface ReaderRow {
  reader: string;
  similarity: string | null;
  request: Record<string, unknown> | null;
  images: number | null;
  labelled: number | null;
  auc: number | null;
  auc_p: number | null;
}
interface Told {
  labels: { auc: number };
  by_reader: ReaderRow[] | null;
}

Deno.test("the audit reader by reader: what is missing comes with its job, what is there with its figures", async () => {
  await withServer(async (server) => {
    await server.ready();
    const body = await writePanels({ images: 48, size: 32, readers: 1, seed: 4 }, [
      { panel: "1", informative: 1 },
      { panel: "2", informative: 0, control: true },
    ]);
    const put = await server.fetch("/v1/datasets/breast?names=keep", {
      method: "PUT",
      body: new Uint8Array(body),
    });
    assert.equal(put.status, 201, await put.text());
    const measured = { kind: "similarity", dataset: "breast", measure: "multimatch" };
    const weights = [0.1, 0.1, 0.1, 0.1, 0.6];
    const { result } = await runJob(server, { ...measured, params: { weights } });
    const path = `/v1/similarities/${result.similarity}/audit`;
    const audit = (query: string) => server.json<Told>("GET", `${path}?${query}`);
    assert.equal((await audit("compare=false")).by_reader, null);

    const { by_reader: before } = await audit("compare=false&readers=all");
    assert.deepEqual(before!.map(({ reader, similarity }) => [reader, similarity]), [
      ["R11", null],
      ["R21", null],
    ]);
    assert.deepEqual(before!.map(({ auc, images }) => [auc, images]), [[null, null], [null, null]]);
    // Another measure's, or other weights', are none of this one.
    await runJob(server, { ...measured, readers: ["R21"] });
    assert.equal((await audit("compare=false&readers=R21")).by_reader![0].similarity, null);
    const made: string[] = [];
    for (const { request } of before!) {
      made.push((await runJob(server, request!)).result.similarity);
    }
    const told = await audit("compare=false&readers=all");
    const [follows, coin] = told.by_reader!;
    assert.deepEqual([follows.similarity, coin.similarity], made);
    assert.deepEqual([follows.request, follows.labelled], [null, 48]);
    assert.ok(follows.auc! > 0.9 && follows.auc_p! < 0.01, `${follows.auc}`);
    assert.ok(coin.auc! < 0.65, `${coin.auc}`);
    assert.ok(told.labels.auc < follows.auc!);
    const one = await server.json<Told>("GET", `/v1/similarities/${made[0]}/audit?compare=false`);
    assert.equal(one.labels.auc, follows.auc);
    const few = await audit(
      `compare=false&readers=${encodeURIComponent('["R11"]')}&leave_out=${
        encodeURIComponent('{"seed": 0}')
      }`,
    );
    assert.ok(few.by_reader![0].labelled! < 48, "what will be tested on is not looked at");
    const twice = await audit("compare=false&readers=R11,R11");
    assert.equal(twice.by_reader!.length, 1);
    for (
      const [query, status, detail] of [
        ["readers=R11,R9", 422, /Cannot find readers "R9": the data set has "R11", "R21"/],
        ["readers=[1", 400, /Cannot read `readers`/],
      ] as const
    ) {
      const response = await server.fetch(`${path}?compare=false&${query}`);
      const problem = await response.json();
      assert.equal(response.status, status, problem.detail);
      assert.match(problem.detail, detail);
    }
  });
});
