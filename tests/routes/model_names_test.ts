/** What a model is called: names with versions, aliases, and what deleting by them means. */
import assert from "node:assert/strict";
import { withServer } from "../support/server.ts";
import { uploadModel } from "../support/uploaded_model.ts";

interface Model {
  id: string;
  version: number;
  aliases: string[];
}

Deno.test("aliases are set, moved, listed and removed; what could mean several is not deleted", async (t) => {
  await withServer(async (server) => {
    const first = await uploadModel(server, "knee");
    const second = await uploadModel(server, "knee", { seed: 2 });
    const other = await uploadModel(server, "other");
    const call = async (method: string, path: string) => {
      const response = await server.fetch(path, { method });
      const text = await response.text();
      return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
    };
    const refused = async (method: string, path: string, status: number, detail: RegExp) => {
      const answer = await call(method, path);
      assert.equal(answer.status, status, JSON.stringify(answer.body));
      assert.match(answer.body.detail, detail);
    };
    const get = (reference: string) => server.json<Model>("GET", `/v1/models/${reference}`);

    await t.step("aliases", async () => {
      const path = `/v1/models/${first}/aliases`;
      const { status, body } = await call("PUT", `${path}/best%20one`);
      assert.deepEqual([status, body.id, body.aliases], [200, first, ["best one"]]);
      await call("PUT", `${path}/paper`);
      assert.deepEqual((await call("GET", path)).body.data, ["best one", "paper"]);
      assert.equal((await get("best%20one")).id, first);
      // By name: the newest version.
      await call("PUT", "/v1/models/knee/aliases/paper");
      assert.equal((await get("paper")).id, second);
      assert.deepEqual((await get(first)).aliases, ["best one"]);
      await refused("DELETE", `${path}/paper`, 404, /alias "paper" of model/);
      assert.equal((await call("DELETE", `${path}/best%20one`)).status, 204);
      await refused("GET", "/v1/models/best%20one", 404, /Cannot find model/);
    });

    await t.step("an alias hides no model, and no model an alias", async () => {
      const path = `/v1/models/${first}/aliases`;
      await refused("PUT", `${path}/other`, 409, new RegExp(`model "${other}" is called so`));
      await refused("PUT", `${path}/${other}`, 409, /is called so/);
      await refused("PUT", `${path}/%20x`, 422, /Cannot use the alias/);
      await assert.rejects(uploadModel(server, "paper"), /409.*that is an alias of model/);
    });

    await t.step("deleting", async () => {
      await refused(
        "DELETE",
        "/v1/models/knee",
        409,
        /it has 2 versions.*\?versions=newest or all/,
      );
      await refused("DELETE", "/v1/models/paper", 409, new RegExp(`give the id "${second}"`));
      await refused("DELETE", "/v1/models/nobody", 404, /Cannot find model "nobody"/);
      assert.equal((await call("DELETE", "/v1/models/knee?versions=newest")).status, 204);
      assert.equal((await get("knee")).id, first);
      await refused("GET", "/v1/models/paper", 404, /Cannot find/);
      assert.equal((await call("DELETE", "/v1/models/knee")).status, 204);
      await uploadModel(server, "knee");
      await uploadModel(server, "knee", { seed: 2 });
      assert.equal((await call("DELETE", "/v1/models/knee?versions=all")).status, 204);
      const { data } = await server.json<{ data: Model[] }>("GET", "/v1/models");
      assert.deepEqual(data.map(({ id }) => id), [other]);
      assert.equal((await call("DELETE", `/v1/models/${other}`)).status, 204);
    });
  });
});
