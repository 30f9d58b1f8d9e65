/** The thread of `decode_pool.ts`: one picture in, its header and what is wanted of it out. */
import { serveTasks } from "@/lib/threads/serve.ts";
import { checkImage, openImage } from "./decode.ts";
import type { DecodeReply, DecodeRequest } from "./decode_pool.ts";
import { withoutMetadata } from "./metadata.ts";
import { encodePng } from "./png_encoder.ts";
import { inEightBits } from "./raster.ts";
import { sniffImage } from "./sniff.ts";

async function decode({ bytes, want, size, view, bits }: DecodeRequest): Promise<DecodeReply> {
  if (want === "header") {
    const format = sniffImage(bytes);
    const kept = format ? withoutMetadata(format, bytes) : bytes;
    return { header: await checkImage(kept), bytes: kept };
  }
  const opened = await openImage(bytes, { size, view });
  const { header } = opened;
  const raster = bits === 8 ? inEightBits(opened.raster) : opened.raster;
  return want === "raster" ? { header, raster } : { header, png: encodePng(raster) };
}

serveTasks(
  decode,
  ({ bytes, raster, png }) =>
    [bytes?.buffer, raster?.data.buffer, png?.buffer].filter((buffer) => buffer !== undefined),
);
