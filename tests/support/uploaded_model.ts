/** A model put on a server: small weights under torchvision's names. */
import { writeSafetensors } from "@/lib/models/safetensors.ts";
import type { TestServer } from "./server.ts";
import { resnetWeights, type WeightOptions } from "./weights.ts";

export interface UploadedModelOptions extends Omit<WeightOptions, "classes"> {
  classes?: string[];
  /** As in a query. */
  image_size?: number | string;
}

/** Uploads it under a name; the id of the model. */
export async function uploadModel(
  server: TestServer,
  name: string,
  { classes = [], image_size = 64, ...network }: UploadedModelOptions = {},
): Promise<string> {
  const weights = resnetWeights({ ...network, classes: classes.length });
  const query = new URLSearchParams({ image_size: String(image_size) });
  if (classes.length > 0) query.set("classes", classes.join(","));
  const response = await server.fetch(`/v1/models/${name}?${query}`, {
    method: "PUT",
    body: writeSafetensors(weights),
  });
  const text = await response.text();
  if (response.status !== 201) throw new Error(`Cannot upload ${name}: ${response.status} ${text}`);
  return JSON.parse(text).id;
}
