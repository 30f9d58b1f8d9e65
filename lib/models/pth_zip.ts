/** PyTorch's ZIP files (`torch.save` since version 1.6): `data.pkl`, and a storage in each file of `data/`. */
import { Buffer } from "node:buffer";
// @ts-types="@/lib/yauzl.d.ts"
import yauzl from "yauzl";
import { readPickle } from "./pickle.ts";
import type { PickledCheckpoint } from "./pickled_checkpoint.ts";

const MOST_PICKLE_BYTES = 16 * 2 ** 20;
const MOST_BYTES = 2 ** 31;

/** @throws {Error} when it is no such file */
export async function openZip(bytes: Uint8Array): Promise<PickledCheckpoint> {
  const entries = await zipEntries(bytes);
  const main = [...entries.keys()].find((key) => /^[^/]+\/data\.pkl$/.test(key));
  if (!main) throw new Error("it holds no data.pkl");
  const folder = main.slice(0, -"data.pkl".length);
  const order = await entries.get(`${folder}byteorder`)?.();
  if (order && new TextDecoder().decode(order) !== "little") {
    throw new Error("its bytes are in big-endian order; save it on a little-endian machine");
  }
  const pickle = await entries.get(main)!();
  if (pickle.length > MOST_PICKLE_BYTES) throw new Error("its data.pkl is larger than 16 MiB");
  return {
    root: readPickle(pickle),
    storage: ({ key }) => entries.get(`${folder}data/${key}`)?.(),
  };
}

/** Readers of a ZIP's entries; sizes are checked by yauzl against what comes out. */
async function zipEntries(bytes: Uint8Array): Promise<Map<string, () => Promise<Uint8Array>>> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const zip = await new Promise<yauzl.ZipFile>((resolve, reject) =>
    yauzl.fromBuffer(
      buffer,
      { lazyEntries: true },
      (error: Error | null, file?: yauzl.ZipFile) => error ? reject(error) : resolve(file!),
    )
  );
  const entries = new Map<string, () => Promise<Uint8Array>>();
  let total = 0;
  await new Promise<void>((resolve, reject) => {
    zip.on("error", reject);
    zip.on("end", resolve);
    zip.on("entry", (entry: yauzl.Entry) => {
      total += entry.uncompressedSize;
      if (total > MOST_BYTES || entry.uncompressedSize > 200 * entry.compressedSize + 1024) {
        return reject(new Error("it unpacks to more than is allowed"));
      }
      entries.set(entry.fileName, () => readEntry(zip, entry));
      zip.readEntry();
    });
    zip.readEntry();
  });
  return entries;
}

function readEntry(zip: yauzl.ZipFile, entry: yauzl.Entry): Promise<Uint8Array> {
  return new Promise((resolve, reject) =>
    zip.openReadStream(entry, (error: Error | null, stream?: NodeJS.ReadableStream) => {
      if (error) return reject(error);
      const chunks: Uint8Array[] = [];
      stream!.on("data", (chunk: Uint8Array) => chunks.push(chunk));
      stream!.on("error", reject);
      stream!.on("end", () => resolve(new Uint8Array(Buffer.concat(chunks))));
    })
  );
}
