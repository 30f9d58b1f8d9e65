/** DICOMweb: instances stored as images of a data set (STOW-RS, PS3.18, section 10.5). */
import { z } from "zod";
import { limits } from "@/lib/config.ts";
import {
  type InstancesReport,
  instancesReportSchema,
  putInstances,
  responseModule,
} from "@/lib/datasets/instances.ts";
import { datasetName } from "@/lib/datasets/name.ts";
import { viewOf, viewQuery } from "@/lib/images/view.ts";
import { HttpError } from "./problem.ts";
import { readRelated } from "./related.ts";
import { json, reply } from "./reply.ts";
import { type Call, type Route, route } from "./route.ts";

const DICOM = "application/dicom";

const query = z.strictObject({
  names: z.enum(["hash", "uid"]).default("hash").describe(
    "What images are called: after a keyed hash of the SOP Instance UID, or after the UID itself",
  ),
  ...viewQuery,
});

type Format = "dicom" | "json";

/** All stored, some, none. */
const statusOf = ({ stored, failed }: InstancesReport) =>
  failed.length === 0 ? 200 : stored.length > 0 ? 202 : 409;

async function storeInstances(call: Call<z.output<typeof query>, unknown, Format>) {
  const { services: { store, config }, params, query, request, format } = call;
  const { names, ...fields } = query;
  const view = viewOf(fields);
  // Before the body: a name that cannot be used should not cost an upload.
  const dataset = datasetName(params.name);
  if (request.headers.has("idempotency-key")) {
    throw new HttpError(
      400,
      "Cannot use an Idempotency-Key here: an instance that is sent again replaces itself, and its " +
        "identifier is not kept",
    );
  }
  const sent: string[] = [];
  try {
    const most = {
      bytes: Math.min(limits.archiveBytes, config.maxDatasetBytes ?? Infinity),
      partBytes: limits.imageBytes,
      parts: limits.instances,
    };
    await readRelated(request, { type: DICOM, limits: most }, async ({ type, file }) => {
      if (type !== DICOM) {
        throw new HttpError(
          415,
          `Cannot take a part of type "${type.slice(0, 80)}": ${DICOM} is needed`,
        );
      }
      const place = sent.push("") - 1;
      sent[place] = (await store.files.put(file)).sha256;
    });
    if (sent.length === 0) throw new HttpError(400, "Cannot store instances: there are none");
    const report = await putInstances(store, dataset, sent, { study: params.study, names, view });
    const status = statusOf(report);
    if (format === "json") return reply(status, report);
    const images = `/v1/datasets/${encodeURIComponent(dataset)}/images/`;
    return json(
      responseModule(report, (image) => `${images}${encodeURIComponent(image)}`),
      status,
      { "content-type": "application/dicom+json" },
    );
  } finally {
    // Of what was sent nothing stays but the pictures made of it.
    await store.discard(sent.filter((file) => file !== ""));
  }
}

const answer = [instancesReportSchema, "application/dicom+json"] as const;

const ofStudies = (path: string, operationId: string, summary: string): Route =>
  route({
    method: "POST",
    path,
    operationId,
    stores: true,
    idempotent: false,
    errors: [409, 415, 422, 429],
    summary,
    description:
      "Of an instance its pixels are kept, and nothing else: images are described as those of " +
      "`PUT /v1/datasets/{name}/images/{image}` are. `application/dicom+json` (or any other Accept) " +
      "gives the Store Instances Response Module, `application/json` names the image of each instance, " +
      "or says why there is none. 202: some were stored; 409: none was.",
    scope: "write",
    query,
    accepts: ["multipart/related"],
    answers: { 200: answer, 202: answer, 409: [...answer, "application/problem+json"] },
    formats: { dicom: "application/dicom+json", json: "application/json" },
    handle: storeInstances,
  });

export const dicomweb: Route[] = [
  ofStudies(
    "/v1/datasets/{name}/dicomweb/studies",
    "storeInstances",
    "DICOMweb (STOW-RS): adds or replaces the images of DICOM instances; a data set that is not there begins with them",
  ),
  ofStudies(
    "/v1/datasets/{name}/dicomweb/studies/{study}",
    "storeStudyInstances",
    "DICOMweb (STOW-RS): the same of instances of one study",
  ),
];
