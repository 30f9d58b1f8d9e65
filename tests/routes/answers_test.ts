/** Every JSON answer of every route, made by a server on a small set, is what the route declares. */
import assert from "node:assert/strict";
import { z } from "zod";
import { jobSchema } from "@/lib/jobs/job.ts";
import { answered, assertDeclared, checkAnswer, declared } from "../support/answers.ts";
import { bytes, dicomFile, pixelElements, u16 } from "../support/dicom_file.ts";
import { type TestServer, until, withServer } from "../support/server.ts";
import { smallArchive, upload } from "../support/small_set.ts";

const refused = (schema: z.ZodType, value: unknown, why: RegExp) =>
  assert.throws(() => assertDeclared(schema, value, "x"), why);

Deno.test("an undeclared field, a missing one, one of another type and a filled default are found", () => {
  const schema = z.object({
    id: z.string(),
    parts: z.array(z.object({ n: z.number(), unit: z.string().default("px") })),
  });
  const right = { id: "a", parts: [{ n: 1, unit: "mm" }] };
  assertDeclared(schema, right, "x");
  refused(schema, { ...right, more: 1 }, /other fields/);
  refused(schema, { ...right, parts: [{ n: 1, unit: "mm", more: null }] }, /other fields/);
  refused(schema, { ...right, parts: [{ n: 1 }] }, /other fields/);
  refused(schema, { ...right, id: 1 }, /not as declared/);
  refused(schema, { id: "a" }, /not as declared/);
});

Deno.test("the spec and the result of a job are those of its kind", () => {
  const moment = "2026-01-02T03:04:05.678Z";
  const job = {
    id: "job_1",
    kind: "evaluate",
    state: "succeeded",
    spec: {
      ...{ model: "mod_1", dataset: "breast", split: "all", batch_size: 16 },
      ...{ dataset_digest: "d", code_version: "v" },
    },
    progress: { done: 1, total: 1, unit: "images" },
    ...{ queue_position: null, requested: null, created_at: moment, started_at: moment },
    ...{ finished_at: moment, estimated_finish: null, error: null },
    result: { evaluation: "ev_1" },
    ...{ device: null, waits_for: null, study: null },
  };
  assertDeclared(jobSchema, job, "x");
  refused(jobSchema, { ...job, result: { model: "mod_1" } }, /not as declared/);
  refused(jobSchema, { ...job, result: { evaluation: "ev_1", model: "mod_1" } }, /other fields/);
  refused(jobSchema, { ...job, spec: { ...job.spec, epochs: 1 } }, /not as declared/);
  refused(jobSchema, { ...job, kind: "similarity" }, /not as declared/);
});

Deno.test("JSON that no route declares is found", async () => {
  const answer = () => Response.json({ status: "ok" });
  await checkAnswer("GET", "http://x/healthz", answer());
  await assert.rejects(checkAnswer("GET", "http://x/nothing", answer()), /not declared/);
  const made = Response.json({ status: "ok" }, { status: 201 });
  await assert.rejects(checkAnswer("GET", "http://x/healthz", made), /not declared/);
});

const network = { width: 8, image_size: 16, channels: 1 };
const study = {
  ...{ kind: "study", dataset: "breast", methods: ["byol"], arms: ["none", "gaze"], seeds: [0] },
  cut: { quantile: 0.2 },
  pretrain: { ...network, epochs: 1, batch_size: 4, config: { hidden: 16, output: 8 } },
  finetune: { epochs: 1, batch_size: 4, split: { validation: 0.2, test: 0.4 } },
};

/** Queues a job and waits for what it makes. */
async function make(server: TestServer, spec: Record<string, unknown>) {
  const { id } = await server.json<{ id: string }>("POST", "/v1/jobs", spec);
  return { id, result: await resultOf(server, id) };
}

async function resultOf(server: TestServer, id: string): Promise<Record<string, string>> {
  let job!: { state: string; error: string | null; result: Record<string, string> };
  await until(
    async () => {
      job = await server.json("GET", `/v1/jobs/${id}`);
      return ["succeeded", "failed", "cancelled"].includes(job.state);
    },
    120_000,
    () => JSON.stringify(job),
  );
  assert.equal(job.state, "succeeded", job.error ?? "");
  return job.result;
}

Deno.test("every JSON answer of every route is what the route declares", async (t) => {
  await withServer(async (server) => {
    // Not ready at first, unless the machine is fast.
    answered.add("GET /readyz 503");
    await server.ready();
    /** The checks are those of `server.fetch`. */
    const ask = async (method: string, path: string, body?: BodyInit | object) => {
      const json = body !== undefined && Object.getPrototypeOf(body) === Object.prototype;
      const response = await server.fetch(path, {
        method,
        ...(json
          ? { body: JSON.stringify(body), headers: { "content-type": "application/json" } }
          : { body: body as BodyInit }),
      });
      assert.ok(
        response.ok,
        `${method} ${path}: ${response.status} ${await response.clone().text()}`,
      );
      return response;
    };
    const get = async (...paths: string[]) => {
      for (const path of paths) await (await ask("GET", path)).body?.cancel();
    };
    const set = "/v1/datasets/breast";
    const image = `${set}/images/P001_CC`;

    await t.step("of sets, images and gaze", async () => {
      await upload(server, "breast", 16);
      const archive = await smallArchive(4);
      await ask("PUT", "/v1/datasets/other?dry_run=true", archive);
      for (const path of ["/v1/datasets?dry_run=true", "/v1/datasets"]) {
        const form = new FormData();
        form.set("file", new Blob([archive]), "other.zip");
        await ask("POST", path, form);
      }
      const picture = await (await ask("GET", `${image}/image.png`)).bytes();
      await ask("PUT", "/v1/datasets/other/images/new", picture);
      await ask("PUT", "/v1/datasets/other/images/new", picture);
      await ask("POST", "/v1/datasets/other/labels", "image,label\nnew,benign\n");
      const gaze = "image,reader,x,y,start_s,duration_s\nnew,R,3,4,0,0.25\nnew,R,9,4,0.3,0.2\n";
      await ask("POST", "/v1/datasets/other/gaze?dry_run=true", gaze);
      await ask("POST", "/v1/datasets/other/gaze", gaze);
      await get("/v1/datasets", set, `${set}/images`, image, `${image}/gaze`, `${set}/gaze`);
      await get(`${set}/gaze?table=agreement`);
      const csv = (reader: string) =>
        `image,reader,label\nP001_CC,${reader},benign\nP001_MLO,${reader},malignant\n`;
      await ask("PUT", `${set}/readings`, csv("R1"));
      await ask("POST", `${set}/readings`, csv("R2"));
      await get(`${set}/readings`, `${set}/readings/analysis`);
      await get(`${set}/overview`);
      await ask("POST", "/v1/datasets/made_up/synthetic");
      await ask("DELETE", "/v1/datasets/made_up");
    });

    await t.step("of instances of DICOM", async () => {
      const identified = (uid: string) =>
        new Uint8Array(dicomFile({
          ...pixelElements({ width: 2, height: 1 }),
          ...{ "00080018 UI": bytes(uid), "0020000d UI": bytes("1.2") },
          "7fe00010 OW": u16(0, 9),
        }));
      const part = (
        body: BlobPart,
      ) => ["--b\r\nContent-Type: application/dicom\r\n\r\n", body, "\r\n"];
      for (const path of ["studies", "studies/1.2"]) {
        for (
          const [parts, status] of [
            [[identified("1.2.3")], 200],
            [[identified("1.2.4"), "x"], 202],
            [["x"], 409],
          ] as const
        ) {
          const response = await server.fetch(`/v1/datasets/other/dicomweb/${path}`, {
            method: "POST",
            body: new Blob([...parts.flatMap(part), "--b--\r\n"]),
            headers: {
              "content-type": "multipart/related; boundary=b",
              accept: "application/json",
            },
          });
          assert.equal(response.status, status, await response.text());
        }
      }
    });

    const { id: compared, result: { similarity } } = await make(server, {
      ...{ kind: "similarity", dataset: "breast", measure: "multimatch" },
    });
    await t.step("of similarities", async () => {
      await make(server, {
        ...{ kind: "similarity", dataset: "breast", measure: "dhash" },
        ...{ keep: "neighbours", top_k: 3, most_pairs: 10 },
      });
      const one = `/v1/similarities/${similarity}`;
      await get("/v1/similarities", one, `${one}/images`, `${one}/matrix`, `${one}/pairs`);
      await get(`${one}/pairs?image=P001_CC`, `${one}/audit`, `${one}/audit?compare=false`);
    });

    // Before the plan of a study, which otherwise measures how fast the device is.
    const folds = await make(server, {
      ...{ kind: "finetune", dataset: "breast", ...network, name: "tumour" },
      ...{ epochs: 1, batch_size: 4, folds: 2 },
    });
    await t.step("of jobs", async () => {
      await ask("POST", "/v1/jobs", { ...study, similarity, dry_run: true });
      const begun = await (await ask("POST", "/v1/jobs", { ...study, similarity })).json();
      for (const what of ["pause", "resume", "cancel"]) {
        await ask("POST", `/v1/jobs/${begun.id}/${what}`);
      }
      await get("/v1/jobs", `/v1/jobs/${compared}/events`, `/v1/jobs/${compared}/metrics`);
    });

    const { id: studied, result: { study: table } } = await make(server, { ...study, similarity });
    const { data } = await server.json<{ data: { id: string; kind: string }[] }>(
      "GET",
      "/v1/jobs?state=succeeded",
    );
    await t.step("of studies, with what their trainings tell", async () => {
      const path = `/v1/studies/${table}`;
      await get("/v1/studies", path, `${path}/table`, `${path}/report`);
      await get(`/v1/jobs/${studied}/events`);
      for (const { id, kind } of data) {
        if (kind === "study" || kind === "similarity") continue;
        await get(`/v1/jobs/${id}/events?limit=1000`, `/v1/jobs/${id}/metrics`);
        await get(`/v1/jobs/${id}/curves`);
      }
    });

    const model = `/v1/models/${folds.result.model}`;
    await t.step("of models", async () => {
      const weights = await (await ask("GET", `${model}/weights`)).bytes();
      await ask("PUT", "/v1/models/again?classes=benign,malignant&image_size=16", weights);
      await get("/v1/models", model, "/v1/models/again", `${model}/aliases`);
      await ask("PUT", `${model}/aliases/best`);
    });

    await t.step("of evaluations", async () => {
      await make(server, { kind: "evaluate", dataset: "breast", model: "again" });
      await get("/v1/evaluations", `/v1/evaluations/${folds.result.evaluation}`);
      const { runs } = await server.json<{ runs: { row: string; evaluation: string }[] }>(
        "GET",
        `/v1/studies/${table}`,
      );
      const [a, b] = ["byol gaze", "byol none"].map((key) =>
        runs.find(({ row }) => row === key)!.evaluation
      );
      await get(`/v1/evaluations/${a}/difference?to=${b}`);
      await get(`/v1/evaluations/${folds.result.evaluation}/scores`);
    });

    await t.step("of what models say", async () => {
      const named = { dataset: "breast", images: ["P001_CC"] };
      const one = "dataset=breast&image=P001_CC";
      await ask("POST", `${model}/predictions`, named);
      await ask("POST", `${model}/embeddings`, { dataset: "breast" });
      await ask("POST", `${model}/embeddings?projection=pca&vectors=false`, { dataset: "breast" });
      await ask("POST", `${model}/neighbours?${one}`);
      await ask("POST", `${model}/similarity-map?${one}&x=3&y=4`);
      await ask("POST", `${model}/saliency?${one}`);
      const { data: [{ id: predicted }] } = await (await ask("GET", "/v1/predictions")).json();
      await get(`/v1/predictions/${predicted}`);
      await ask("DELETE", `/v1/predictions?dataset=breast&min_probability=1`);
      const picture = (await (await ask("GET", `${image}/image.png`)).bytes()).toBase64();
      const protocol = `/v2/models/${folds.result.model}`;
      const version = `${protocol}/versions/1`;
      for (const path of [protocol, version]) {
        await ask("POST", `${path}/infer`, {
          inputs: [{ name: "images", datatype: "BYTES", shape: [1], data: [picture] }],
        });
      }
      await get(version, `${version}/ready`);
      await get("/v2", "/v2/health/live", "/v2/health/ready", protocol, `${protocol}/ready`);
    });

    await t.step("of uploads and reports", async () => {
      await get("/v1/datasets/breast/report", "/v1/uploads");
      const zip = await smallArchive(4);
      const created = await server.fetch("/v1/uploads", {
        method: "POST",
        body: zip,
        headers: {
          "tus-resumable": "1.0.0",
          "upload-length": String(zip.length),
          "content-type": "application/offset+octet-stream",
        },
      });
      await created.body?.cancel();
      const { pathname } = new URL(created.headers.get("location")!, server.url);
      await get(pathname);
      await ask("POST", `${pathname}/import`, { dataset: "later" });
    });

    await t.step("of the server itself, and there is no other", async () => {
      const made = await ask("POST", "/v1/keys", { name: "x", scopes: ["read"] });
      await ask("PATCH", `/v1/keys/${(await made.json()).id}`, { rate: 3 });
      await get("/v1/keys", "/healthz", "/readyz", "/v1/device", "/v1/workers");
      assert.deepEqual(declared.filter((answer) => !answered.has(answer)), []);
    });
  });
});
