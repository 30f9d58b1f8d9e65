/** Decoding away from the caller's thread: pictures from outside are bounded in processor time and memory. */
import { InvalidInput } from "@/lib/errors.ts";
import { Crashed } from "@/lib/threads/failure.ts";
import { type Limits, limits } from "@/lib/threads/limits.ts";
import { ThreadPool } from "@/lib/threads/pool.ts";
import { footprintOf } from "./footprint.ts";
import type { ImageHeader, Raster } from "./raster.ts";
import type { ViewOptions } from "./view.ts";

export type { ImageHeader };

export interface DecodeRequest {
  bytes: Uint8Array<ArrayBuffer>;
  /** What is sent back: the header always, the pixels or a PNG of them on demand. */
  want: "header" | "raster" | "png";
  /** Width and height to resize to. */
  size?: [number, number];
  /** What of it is shown, and how. */
  view?: ViewOptions;
  /** Grey values and colours of 16 bits as 8. */
  bits?: 8;
}

export interface DecodeReply {
  header: ImageHeader;
  bytes?: Uint8Array<ArrayBuffer>;
  raster?: Raster;
  png?: Uint8Array<ArrayBuffer>;
}

export interface DecodeOptions extends Pick<DecodeRequest, "size" | "view" | "bits"> {
  signal?: AbortSignal;
}

export class DecodePool {
  readonly #pool: ThreadPool;

  constructor(bounds: Limits = limits.picture) {
    this.#pool = new ThreadPool(import.meta.resolve("./decode_worker.ts"), bounds);
  }

  /**
   * Decodes completely, and answers with the header. The bytes themselves move to the thread and
   * back, without what they say beside the pixels (`metadata.ts`): use the returned ones. Throws InvalidInput,
   * Overloaded.
   */
  async check(
    bytes: Uint8Array<ArrayBuffer>,
  ): Promise<{ header: ImageHeader; bytes: Uint8Array<ArrayBuffer> }> {
    const whole = bytes.length === bytes.buffer.byteLength ? bytes : bytes.slice();
    const reply = await this.#run({ bytes: whole, want: "header" });
    return { header: reply.header, bytes: reply.bytes! };
  }

  /** Throws InvalidInput, Overloaded. `size` = [width, height] resizes. */
  async decode(bytes: Uint8Array<ArrayBuffer>, options: DecodeOptions = {}): Promise<Raster> {
    return (await this.open(bytes, options)).raster;
  }

  /** The same, with what the picture was before it was resized. Throws InvalidInput, Overloaded. */
  async open(
    bytes: Uint8Array<ArrayBuffer>,
    { signal, ...options }: DecodeOptions = {},
  ): Promise<{ raster: Raster; header: ImageHeader }> {
    const reply = await this.#run({ bytes, want: "raster", ...options }, signal);
    return { raster: reply.raster!, header: reply.header };
  }

  /** Any picture as PNG. Throws InvalidInput, Overloaded. */
  async toPng(
    bytes: Uint8Array<ArrayBuffer>,
    { signal, ...options }: DecodeOptions = {},
  ): Promise<{ png: Uint8Array<ArrayBuffer>; header: ImageHeader }> {
    const reply = await this.#run({ bytes, want: "png", ...options }, signal);
    return { png: reply.png!, header: reply.header };
  }

  async #run(request: DecodeRequest, signal?: AbortSignal): Promise<DecodeReply> {
    const byRows = !request.view && (request.want === "header" || request.size !== undefined);
    const { megapixels, memory } = footprintOf(request.bytes, { byRows });
    // The rows of the PNG and their compressed form.
    const encoded = request.want === "png" ? megapixels * 1e6 * 4 : 0;
    const [width, height] = request.size ?? [0, 0];
    try {
      return await this.#pool.run<DecodeReply>(request, {
        memory: memory + encoded + width * height * 6,
        size: megapixels,
        transfer: request.want === "header" ? [request.bytes.buffer] : [],
        signal,
      });
    } catch (error) {
      // What ends a decoder is the picture.
      if (!(error instanceof Crashed)) throw error;
      throw new InvalidInput(`Cannot decode the picture: the decoder died`);
    }
  }

  /** Ends idle threads. */
  async close(): Promise<void> {
    await this.#pool.close();
  }
}

/** The process's own pool. */
export const decodePool = new DecodePool();
