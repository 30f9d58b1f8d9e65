/** A picture that is made once, kept, and not sent again to who has it. */
import { pictureCache, pictureKey, placeOf } from "@/lib/datasets/picture_cache.ts";
import type { Call } from "./route.ts";

/** A picture is asked for by names, which may mean another one at any time. */
export const pngHeaders = { "content-type": "image/png", "cache-control": "private, no-cache" };

/**
 * @param of all that the picture follows from
 * @param make the PNG; not asked where the client has the picture, or it is kept
 */
export async function keptPicture(
  { services: { store }, request }: Pick<Call, "services" | "request">,
  { dataset_id, of, headers = {} }: {
    dataset_id: string;
    of: unknown;
    headers?: Record<string, string>;
  },
  make: () => Promise<Uint8Array<ArrayBuffer>>,
): Promise<Response> {
  const key = pictureKey(of);
  const all = { ...pngHeaders, etag: `"${key}"`, ...headers };
  if (isKnown(request, key)) return new Response(null, { status: 304, headers: all });
  const png = await pictureCache.get(placeOf(store), { dataset_id, key }, make);
  return new Response(png, { headers: all });
}

/** Whether the client has what this tag stands for (RFC 9110, 13.1.2; weakly compared). */
export function isKnown({ headers }: Request, tag: string): boolean {
  const given = headers.get("if-none-match")?.split(",").map((one) => one.trim()) ?? [];
  return given.some((one) => one === "*" || one.replace(/^W\//, "") === `"${tag}"`);
}
