/** Servers without workers of their own, and one worker that is linked to two of them: each answers predictions. */
import assert from "node:assert/strict";
import { type Child, startChild } from "../support/child.ts";
import { root } from "../support/imports.ts";
import { doneJob } from "../support/jobs.ts";
import { postgresTest } from "../support/postgres.ts";
import { clusterEnvironment, startS3rver } from "../support/s3_servers.ts";
import { freePort, startServer, type TestServer, until } from "../support/server.ts";
import { upload } from "../support/small_set.ts";
import { withDirectory } from "../support/temporary.ts";
import { uploadModel } from "../support/uploaded_model.ts";

interface Told {
  name: string;
  label: string;
  place: string;
  ready: boolean;
  predicts: boolean;
  job: string | null;
  key: string | null;
  since: string | null;
  version: string | null;
  gpu: { description: string } | null;
  beat_seconds: number;
}

interface Asked {
  status: number;
  retry: string | null;
  body: { detail?: string; probabilities?: Record<string, number> };
}

postgresTest(
  "a prediction is answered by every server that a worker is linked to",
  async (postgres, t) => {
    const s3 = await startS3rver();
    const env = clusterEnvironment(s3, await postgres.database(), { MCGIP_WORKERS: "0" });
    await withDirectory(async (folder) => {
      const start = (name: string, port = freePort()) =>
        startServer({ data: `${folder}/server ${name}`, port, env });
      const ports = [freePort(), freePort()];
      const [a, b, c] = [await start("a", ports[0]), await start("b", ports[1]), await start("c")];
      let again: TestServer | undefined;
      let worker: Child | undefined;
      const log = () => [a, b, c].map((server) => server.log()).join("\n") + (worker?.log() ?? "");
      const workersOf = async (server: TestServer) =>
        (await server.json<{ data: Told[] }>("GET", "/v1/workers")).data;
      try {
        const { key } = await a.json<{ key: string }>("POST", "/v1/keys", {
          name: "second room",
          scopes: ["work"],
        });
        const { tasks } = JSON.parse(Deno.readTextFileSync(`${root}/deno.json`));
        worker = startChild(Deno.execPath(), tasks.worker.command.split(" ").slice(1), {
          cwd: root,
          env: {
            ...{ MCGIP_API: `${a.url},${b.url}`, MCGIP_API_KEY: key, NO_COLOR: "1" },
            ...{ MCGIP_CACHE: `${folder}/cache`, MCGIP_WORKER_NAME: "gpu-box" },
          },
        });
        const linked = (...servers: TestServer[]) =>
          until(
            async () =>
              (await Promise.all(servers.map(workersOf))).every((told) =>
                told.some(({ predicts }) => predicts)
              ),
            60_000,
            log,
          );
        await linked(a, b);
        await upload(a, "breast");
        const first = await uploadModel(a, "first", { classes: ["x", "y"], image_size: 32 });
        const second = await uploadModel(b, "second", { classes: ["x", "y", "z"], image_size: 32 });
        const ask = async (server: TestServer, model: string): Promise<Asked> => {
          const body = await (await server.fetch("/v1/datasets/breast/images/P001_CC/image.png"))
            .bytes();
          const response = await server.fetch(`/v1/models/${model}/predictions`, {
            ...{ method: "POST", body, headers: { "content-type": "image/png" } },
          });
          const answer = await response.json();
          return {
            status: response.status,
            retry: response.headers.get("retry-after"),
            body: response.ok ? answer.data?.[0] ?? answer : answer,
          };
        };

        await t.step("each of the two says how it was asked, also both at once", async () => {
          const answers = await Promise.all([
            ...[ask(a, first), ask(b, first), ask(b, second), ask(a, second)],
            ...[ask(b, first), ask(a, second)],
          ]);
          for (const answer of answers) {
            assert.equal(answer.status, 200, JSON.stringify(answer) + log());
          }
          const of = (i: number) => answers[i].body.probabilities;
          assert.ok(of(0)!.x > 0 && of(0)!.x < 1);
          assert.deepEqual([of(1), of(4)], [of(0), of(0)]);
          assert.deepEqual([of(3), of(5)], [of(2), of(2)]);
          assert.notDeepEqual(of(0), of(2), "two models");
        });

        await t.step(
          "augmented views, which the jobs' thread makes, come by either server",
          async () => {
            const sheets = await Promise.all([a, b].map(async (server) => {
              const path = "/v1/datasets/breast/augmented.png?images=2&size=32&count=2";
              const response = await server.fetch(path);
              assert.equal(response.status, 200, log());
              return await response.bytes();
            }));
            assert.ok(sheets[0].length > 1000);
            assert.deepEqual(sheets[0], sheets[1]);
          },
        );

        await t.step(
          "the worker is told of by its name, key and adapter on all servers",
          async () => {
            const known = async () => (await workersOf(c)).every(({ ready }) => ready);
            await until(known, 20_000, log);
            const names = await Promise.all([a, b, c].map(workersOf));
            for (const [i, told] of names.entries()) {
              assert.equal(told.length, 1, JSON.stringify(told));
              const [one] = told;
              assert.match(one.name, /^gpu-box-[0-9a-f]{8}$/);
              assert.deepEqual([one.label, one.key, one.place], [
                "gpu-box",
                "second room",
                "linked",
              ]);
              assert.deepEqual([one.ready, one.predicts, one.job], [true, i < 2, null]);
              assert.ok(one.gpu!.description.length > 0);
              assert.ok(Math.abs(Date.parse(one.since!) - Date.now()) < 600_000);
              assert.ok(one.beat_seconds >= 0 && one.beat_seconds < 30);
              assert.equal(one.version, names[0][0].version);
            }
            const figures = await (await b.fetch("/metrics")).text();
            assert.match(figures, /^mcgip_worker_busy\{worker="gpu-box"\} 0$/m);
            assert.match(
              figures,
              /^mcgip_worker_info\{worker="gpu-box",place="linked",adapter=".+"\} 1$/m,
            );
            assert.match(a.log() + b.log(), /worker gpu-box-[0-9a-f]{8} on gpu-box is linked/);
          },
        );

        await t.step("a server without a link says what to do, and takes jobs", async () => {
          const answer = await ask(c, first);
          assert.equal(answer.status, 503);
          assert.ok(Number(answer.retry) > 0, `${answer.retry}`);
          assert.match(
            answer.body.detail!,
            /One works on its jobs \(gpu-box\), and cannot be asked/,
          );
          assert.match(answer.body.detail!, /MCGIP_API names this server, too/);
          const ready = await c.fetch("/readyz");
          const { gpu, predictions } = await ready.json();
          assert.deepEqual([ready.status, gpu, predictions], [200, true, false]);
          const { id } = await c.json<{ id: string }>("POST", "/v1/jobs", {
            ...{ kind: "similarity", dataset: "breast", measure: "multimatch" },
          });
          await doneJob(c, id);
          const { attempts } = await b.json<{ attempts: Record<string, unknown>[] }>(
            "GET",
            `/v1/jobs/${id}`,
          );
          assert.deepEqual(
            attempts.map(({ number, label, outcome, from_step }) => [
              ...[number, label, outcome, from_step],
            ]),
            [[1, "gpu-box", "succeeded", null]],
          );
        });

        await t.step(
          "the server that jobs come from is killed: all goes on over the other",
          async () => {
            const spec = {
              ...{ kind: "pretrain", dataset: "breast", method: "byol", width: 8, image_size: 16 },
              ...{ batch_size: 4, epochs: 60, config: { hidden: 16, output: 8 } },
            };
            const { id } = await b.json<{ id: string }>("POST", "/v1/jobs", spec);
            const working = /is linked(?!, to be asked)/.test(a.log()) ? a : b;
            const other = working === a ? b : a;
            await until(
              async () =>
                // It has all that it reads.
                (await other.json<{ progress: { done: number } }>("GET", `/v1/jobs/${id}`)).progress
                  .done > 5,
              60_000,
              log,
            );
            await working.stop("SIGKILL");
            const during = await ask(other, first);
            assert.equal(during.status, 200, JSON.stringify(during) + log());
            await doneJob(other, id);
            const { attempts } = await other.json<{ attempts: unknown[] }>("GET", `/v1/jobs/${id}`);
            assert.equal(attempts.length, 1, "nobody else had to take it up");
            assert.match(worker!.log(), /jobs come from http\S+ from now on/);
            again = await start(working === a ? "a" : "b", ports[working === a ? 0 : 1]);
            await linked(again);
            const answer = await ask(again, second);
            assert.equal(answer.status, 200, JSON.stringify(answer) + log());
          },
        );
      } finally {
        await worker?.stop();
        for (const server of [a, b, c, again]) await server?.stop("SIGKILL");
      }
    });
    await s3.stop();
  },
);
