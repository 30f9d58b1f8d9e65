/** Small archives and pictures for tests. */
import { Buffer } from "node:buffer";
import { buffer } from "node:stream/consumers";
// @ts-types="@/lib/yauzl.d.ts"
import yauzl from "yauzl";
import { writeZip } from "@/lib/datasets/zip_writer.ts";
import { encodePng } from "@/lib/images/png_encoder.ts";
import { raster } from "@/lib/images/raster.ts";

/** A grey picture whose samples depend on `seed`. */
export function picture(width: number, height: number, seed = 0): Uint8Array<ArrayBuffer> {
  const out = raster(width, height, 1, 8);
  for (let i = 0; i < out.data.length; i++) out.data[i] = (i * 37 + seed * 101) % 251;
  return encodePng(out);
}

/** A ZIP of the files, in the order given. */
export async function zipOf(
  files: Record<string, string | Uint8Array>,
): Promise<Uint8Array<ArrayBuffer>> {
  const entries = Object.entries(files).map(([name, content]) => ({
    name,
    data: typeof content === "string" ? new TextEncoder().encode(content) : content,
  }));
  return new Uint8Array(
    await new Response(ReadableStream.from(writeZip(entries))).arrayBuffer(),
  );
}

/** Writes a ZIP of the files to `path`. */
export async function zipTo(path: string, files: Record<string, string | Uint8Array>) {
  await Deno.writeFile(path, await zipOf(files));
  return path;
}

/** The files of a ZIP, in its order. */
export async function unzip(zip: Uint8Array): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const file = await new Promise<yauzl.ZipFile>((resolve, reject) =>
    yauzl.fromBuffer(
      Buffer.from(zip),
      { lazyEntries: true },
      (error, opened) => error ? reject(error) : resolve(opened),
    )
  );
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  await new Promise<void>((resolve, reject) => {
    file.on("error", reject);
    file.on("end", resolve);
    file.on("entry", (entry: yauzl.Entry) =>
      file.openReadStream(entry, async (error, stream) => {
        if (error) return reject(error);
        files.set(entry.fileName, new Uint8Array(await buffer(stream)));
        file.readEntry();
      }));
    file.readEntry();
  });
  return files;
}

/** Four images of two patients with labels and fixations of two readers. */
export function smallSet(): Record<string, string | Uint8Array> {
  return {
    "images/a.png": picture(20, 10, 1),
    "images/left/b.png": picture(20, 10, 2),
    "images/left/c.png": picture(30, 10, 3),
    "images/d.png": picture(20, 12, 4),
    "labels.csv": "image,label,patient,split\na,benign,p1,train\nleft/b.png,malignant,p2,test\n" +
      "left/c,malignant,p2,test\nd,benign,p1,train\n",
    "gaze/fixations.csv": "image,reader,x,y,duration_ms\n" +
      "a,r1,5,5,200\na,r1,7.5,2.25,300\na,r2,1,1,100\nleft/b,r1,10,5,250\n",
    "dataset.json": '{"positive_label": "malignant", "structured": true}',
  };
}
