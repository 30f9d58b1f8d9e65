/** A made-up set to try the service with. */
import { assertMayStore } from "@/lib/access/quota.ts";
import { importReportSchema } from "@/lib/datasets/import_report.ts";
import { datasetName } from "@/lib/datasets/name.ts";
import { synthesizeInThread } from "@/lib/demo/synthetic_thread.ts";
import { Conflict } from "@/lib/errors.ts";
import { runImport } from "./imports.ts";
import { reply } from "./reply.ts";
import { type Route, route } from "./route.ts";

/** Large enough for pairs, folds and a look at the pictures; small enough for a machine without a GPU. */
const SET = { images: 96, size: 128, readers: 3 };

export const synthetic: Route[] = [
  route({
    method: "POST",
    path: "/v1/datasets/{name}/synthetic",
    operationId: "createSyntheticDataset",
    headers: ["Location"],
    errors: [409, 422, 429],
    summary: "Makes a set up, images, labels and gaze, to try the service with",
    description:
      `${SET.images} breast-like images, two to a patient, read by ${SET.readers} readers. ` +
      "Its gaze follows the label because it was made so: for trying out and for tests, never for " +
      "findings. A name that is taken is refused.",
    scope: "write",
    stores: true,
    answers: { 201: importReportSchema },
    async handle(call) {
      const { services: { store }, params, request: { signal } } = call;
      const name = datasetName(params.name);
      if (await store.datasets.findByName(name)) {
        throw new Conflict(`Cannot make "${name}" up: there is a data set of this name`);
      }
      const bytes = await synthesizeInThread(SET, signal);
      if (call.key) await assertMayStore(store, call.key, bytes.length);
      const { sha256 } = await store.files.put(bytes);
      try {
        const options = { dryRun: false, mode: "replace", same: "refuse", signal } as const;
        const report = await runImport(call, name, store.files.path(sha256), options);
        return reply(201, report, { location: `/v1/datasets/${encodeURIComponent(name)}` });
      } finally {
        await store.discard([sha256]);
      }
    },
  }),
];
