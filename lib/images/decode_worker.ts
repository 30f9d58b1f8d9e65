/** The thread of `decode_pool.ts`: one picture in, one raster or error out. */
/// <reference lib="deno.worker" />
import { InvalidInput } from "@/lib/errors.ts";
import { checkImage, openImage } from "./decode.ts";
import type { DecodeReply, DecodeRequest } from "./decode_pool.ts";
import { encodePng } from "./png_encoder.ts";

self.onmessage = async ({ data: request }: MessageEvent<DecodeRequest>) => {
  let reply: DecodeReply;
  const transfer: Transferable[] = [];
  try {
    const { bytes, want, size, view } = request;
    if (want === "header") {
      reply = { header: await checkImage(bytes), bytes };
      transfer.push(bytes.buffer);
    } else {
      const { header, raster } = await openImage(bytes, { size, view });
      reply = want === "raster" ? { header, raster } : { header, png: encodePng(raster) };
      transfer.push((reply.png ?? raster.data).buffer);
    }
  } catch (error) {
    reply = error instanceof InvalidInput
      ? { refused: error.message }
      : { failed: String((error as Error)?.stack ?? error) };
  }
  self.postMessage(reply, { transfer });
};
