/** The thread of `decode_pool.ts`: one picture in, one raster or error out. */
/// <reference lib="deno.worker" />
import { InvalidInput } from "@/lib/errors.ts";
import { decodeImage } from "./decode.ts";
import type { DecodeReply, DecodeRequest } from "./decode_pool.ts";
import { encodePng } from "./png_encoder.ts";
import { resize } from "./resize.ts";

self.onmessage = async ({ data: request }: MessageEvent<DecodeRequest>) => {
  let reply: DecodeReply;
  const transfer: Transferable[] = [];
  try {
    const decoded = await decodeImage(request.bytes);
    const { width, height, channels, bits } = decoded;
    const size = request.size ?? [width, height];
    reply = { header: { width, height, channels, bits } };
    if (request.want === "header") {
      reply.bytes = request.bytes;
      transfer.push(request.bytes.buffer);
    } else if (request.want === "raster") {
      reply.raster = resize(decoded, size[0], size[1]);
      transfer.push(reply.raster.data.buffer);
    } else {
      reply.png = encodePng(resize(decoded, size[0], size[1]));
      transfer.push(reply.png.buffer);
    }
  } catch (error) {
    reply = error instanceof InvalidInput
      ? { refused: error.message }
      : { failed: String((error as Error)?.stack ?? error) };
  }
  self.postMessage(reply, { transfer });
};
