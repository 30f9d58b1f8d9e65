/** Shows what a network would be shown: views drawn and made as training does, as one picture. */
import { createBuffer, readFloats } from "@/gpu/buffer.ts";
import type { Gpu } from "@/gpu/device.ts";
import type { Images } from "@/gpu/images.ts";
import { submit } from "@/gpu/kernel.ts";
import { contactSheet } from "@/lib/images/contact_sheet.ts";
import { encodePng } from "@/lib/images/png_encoder.ts";
import type { Raster } from "@/lib/images/raster.ts";
import type { Size } from "@/lib/images/image_size.ts";
import type { WorkerStore } from "@/lib/store/worker_store.ts";
import { type Augmentation, augmentations } from "@/lib/specs/augmentation.ts";
import { type ImageSet, loadImages, placeImages, trainingSize } from "./image_set.ts";
import { Views, type ViewsOptions } from "./views.ts";

export interface SampleRequest {
  /** Ids of images of one data set. */
  images: string[];
  augmentation: Augmentation;
  /** Of a view, pixels. */
  size: Size;
  seed: number;
  /** From this one on; each gives two views. */
  epoch: number;
  /** Views of each image. */
  count: number;
}

export interface SampleAnswer {
  /** Base64: a row per image, first the image itself, then its views. */
  png: string;
}

/** Serves requests on the GPU thread; pictures are loaded at once, views made when `serve` is called. */
export class ViewSampler {
  private waiting: (() => Promise<void>)[] = [];

  /** @param wake called when `serve` has something to do */
  constructor(
    readonly gpu: Gpu,
    readonly store: WorkerStore,
    private readonly wake: () => void = () => {},
  ) {}

  /** Answers once `serve` has run. Throws NotFound, InvalidInput for a picture that does not decode. */
  async sample(request: SampleRequest): Promise<SampleAnswer> {
    const { size, augmentation } = request;
    const rows = await Promise.all(
      request.images.map(async (id) => await this.store.images.get(id)),
    );
    const all = (await this.store.images.all(rows[0].dataset_id)).map(({ id }) => id);
    const places = rows.map(({ id }) => all.indexOf(id));
    const kept = trainingSize([size.height, size.width], augmentation.crop !== null);
    const set = await loadImages(this.store, rows, { size: kept, channels: 3, augmentation });
    return await new Promise((resolve, reject) => {
      this.waiting.push(() => draw(this.gpu, set, places, request).then(resolve, reject));
      this.wake();
    });
  }

  /** Makes what waits; called between the steps of jobs and when there are none. */
  async serve(): Promise<void> {
    for (const make of this.waiting.splice(0)) await make();
  }
}

/** @param places of the images in their data set, by which their views are drawn */
async function draw(
  gpu: Gpu,
  set: ImageSet,
  places: number[],
  { size, augmentation, seed, epoch, count }: SampleRequest,
): Promise<SampleAnswer> {
  const n = places.length;
  const images = placeImages(gpu, set, n);
  const slots = new Map(places.map((place, i) => [place, i]));
  const source: Images = {
    ...images,
    place: (wanted) => images.place(Array.from(wanted, (place) => slots.get(place)!)),
  };
  const { channels } = set.pixels;
  const pixels = size.height * size.width;
  const byPlace = <T>(values: ArrayLike<T>) => {
    const all: T[] = [];
    places.forEach((place, i) => all[place] = values[i]);
    return all;
  };
  const options: ViewsOptions = {
    ...{ images: n, size, channels, augmentation, seed },
    // Values from 0 to 1, as a picture has them.
    normalization: { mean: [0], std: [1] },
    means: byPlace(set.means),
    gaze: set.gaze && byPlace(set.gaze),
  };
  const output = createBuffer(gpu, 2 * n * pixels * 16, "views");
  const plain = new Views(gpu, source, [{ output, views: [0] }], {
    ...options,
    augmentation: augmentations.none,
  });
  const drawn = new Views(gpu, source, [{ output, views: [0, 1] }], options);
  const tiles: Raster[][] = places.map(() => []);
  const show = async (views: Views, epoch: number) => {
    views.write(places, epoch);
    submit(gpu, views.launches);
    const values = await readFloats(gpu, output);
    for (let i = 0; i < (views === plain ? n : 2 * n); i++) {
      tiles[i % n].push(tile(values.subarray(i * pixels * 4), size, channels));
    }
  };
  try {
    await show(plain, 0);
    for (let i = 0; i < count; i += 2) await show(drawn, epoch + i / 2);
  } finally {
    plain.destroy();
    drawn.destroy();
    output.destroy();
    images.destroy();
  }
  const kept = tiles.flatMap((row) => row.slice(0, 1 + count));
  return { png: encodePng(contactSheet(kept, 1 + count)).toBase64() };
}

/** The first view of `values`, [P, Q, 4], as a picture. */
function tile(values: Float32Array, size: Size, channels: 1 | 3): Raster {
  const data = new Uint8Array(size.height * size.width * channels);
  for (let i = 0; i < data.length; i++) {
    const value = values[Math.floor(i / channels) * 4 + i % channels];
    data[i] = Math.round(255 * Math.min(1, Math.max(0, value)));
  }
  return { ...size, channels, bits: 8, data };
}
