/** The thread of `decode_pool.ts`: one picture in, its header and what is wanted of it out. */
import { serveTasks } from "@/lib/threads/serve.ts";
import { decodeImage } from "./decode.ts";
import type { DecodeReply, DecodeRequest } from "./decode_pool.ts";
import { encodePng } from "./png_encoder.ts";
import { resize } from "./resize.ts";

async function decode({ bytes, want, size }: DecodeRequest): Promise<DecodeReply> {
  const decoded = await decodeImage(bytes);
  const { width, height, channels, bits } = decoded;
  const header = { width, height, channels, bits };
  if (want === "header") return { header, bytes };
  const [columns, rows] = size ?? [width, height];
  const raster = resize(decoded, columns, rows);
  return want === "raster" ? { header, raster } : { header, png: encodePng(raster) };
}

serveTasks(
  decode,
  ({ bytes, raster, png }) =>
    [bytes?.buffer, raster?.data.buffer, png?.buffer].filter((buffer) => buffer !== undefined),
);
