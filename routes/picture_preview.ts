/** A picture that is sent, as a browser can show it: of DICOM nobody else has one. */
import { z } from "zod";
import { limits } from "@/lib/config.ts";
import { scaledPng } from "@/lib/images/scaled_png.ts";
import { viewOf, viewQuery } from "@/lib/images/view.ts";
import { bodyOf } from "./images.ts";
import { needPicture, pictureTypes } from "./pictures.ts";
import { type Route, route } from "./route.ts";

export const picturePreview: Route[] = [
  route({
    method: "POST",
    path: "/v1/preview.png",
    operationId: "previewPicture",
    errors: [415, 422, 429],
    summary: "The picture of the body as PNG, as trainings and predictions see it; nothing is kept",
    scope: "read",
    query: z.strictObject({
      ...viewQuery,
      size: z.coerce.number().int().min(16).max(2048).default(640)
        .describe("Longer side at most, pixels"),
    }),
    accepts: pictureTypes,
    answers: { 200: ["image/png"] },
    async handle(call) {
      const { size, ...fields } = call.query;
      needPicture(call.request);
      const bytes = await bodyOf(call, limits.imageBytes);
      return new Response(await scaledPng(bytes, { side: size, view: viewOf(fields) }), {
        headers: { "content-type": "image/png" },
      });
    },
  }),
];
