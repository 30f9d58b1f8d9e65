/** Looks at pictures on the GPU; requests that wait together share a batch. */
import type { Gpu } from "@/gpu/device.ts";
import { place } from "@/lib/datasets/pixel_cache.ts";
import { InvalidInput, Overloaded } from "@/lib/errors.ts";
import { sizeOf } from "@/lib/images/image_size.ts";
import type { ModelRow } from "@/lib/store/mod.ts";
import type { WorkerStore } from "@/lib/store/worker_store.ts";
import { allFinite, probabilitiesOf } from "./evaluator.ts";
import { type FeatureMap, saliencyMap, similarityMap } from "./feature_map.ts";
import { LoadedModel, MOST_IMAGES } from "./loaded_model.ts";
import type { Activations, Tap } from "./activations.ts";
import {
  decodePicture,
  type EmbedAnswer,
  type EmbedRequest,
  type MapAnswer,
  needClasses,
  needClassMap,
  needMap,
  notFinite,
  type Picture,
  type PredictAnswer,
  type Predictor as PredictorInterface,
  type PredictRequest,
  type SaliencyMapAnswer,
  type SaliencyMapRequest,
  type SimilarityMapRequest,
} from "./protocol.ts";

/** Models kept on the GPU; the least recently used goes first. */
const MOST_MODELS = 4;
/** Pictures that may wait. */
const MOST_WAITING = 512;

interface ModelActivations {
  loaded: LoadedModel;
  activations: Activations[];
}

interface Waiting {
  model: string;
  taps: Tap[];
  pictures: Uint16Array[];
  resolve(result: ModelActivations): void;
  reject(error: unknown): void;
}

export class Predictor implements PredictorInterface {
  /** Least recently used first. */
  private readonly models = new Map<string, LoadedModel>();
  private waiting: Waiting[] = [];

  /** @param wake called when `serve` has something to do */
  constructor(
    readonly gpu: Gpu,
    readonly store: Pick<WorkerStore, "models" | "files">,
    private readonly wake: () => void = () => {},
  ) {}

  async predict({ model, pictures }: PredictRequest): Promise<PredictAnswer> {
    const row = await this.store.models.get(model);
    needClasses(row);
    if (pictures.length === 0) return { probabilities: [] };
    const { activations } = await this.enqueue(row, pictures, ["logits"]);
    return {
      probabilities: activations.map(({ logits }) =>
        allFinite(logits!) ? probabilitiesOf(row.spec, logits!) : null
      ),
    };
  }

  async embed({ model, pictures }: EmbedRequest): Promise<EmbedAnswer> {
    if (pictures.length === 0) return { features: [] };
    const { activations } = await this.enqueue(await this.store.models.get(model), pictures, [
      "features",
    ]);
    return {
      features: activations.map(({ features }) =>
        allFinite(features!) ? new Uint8Array(features!.slice().buffer).toBase64() : null
      ),
    };
  }

  async similarityMap(request: SimilarityMapRequest): Promise<MapAnswer> {
    const { model, picture, point } = request;
    const row = await this.store.models.get(model);
    needMap(row);
    const result = await this.enqueue(row, [picture], ["map"]);
    assertFinite(request, result.activations[0]);
    const map = mapOf(result);
    return { columns: map.columns, rows: map.rows, values: similarityMap(map, point) };
  }

  async saliencyMap(request: SaliencyMapRequest): Promise<SaliencyMapAnswer> {
    const row = await this.store.models.get(request.model);
    needClasses(row);
    needClassMap(row);
    const result = await this.enqueue(row, [request.picture], ["map", "logits"]);
    assertFinite(request, result.activations[0]);
    const probabilities = probabilitiesOf(row.spec, result.activations[0].logits!);
    const shown = request.class ?? probabilities.indexOf(Math.max(...probabilities));
    const map = mapOf(result);
    const values = saliencyMap(map, result.loaded.classRow(shown));
    return { columns: map.columns, rows: map.rows, values, class: shown, probabilities };
  }

  /** What the pictures give, once `serve` has run them. */
  private async enqueue(
    { id, spec: { image_size, channels } }: ModelRow,
    pictures: Picture[],
    taps: Tap[],
  ): Promise<ModelActivations> {
    const under = this.waiting.reduce((sum, { pictures }) => sum + pictures.length, 0);
    if (under + pictures.length > MOST_WAITING) {
      throw new Overloaded("Cannot predict now: too many pictures wait");
    }
    const { height, width } = sizeOf(image_size);
    const prepared = pictures.map((picture) => {
      const raster = decodePicture(picture);
      if (raster.width !== width || raster.height !== height) {
        throw new InvalidInput(
          `Cannot predict a picture of ${raster.width} x ${raster.height}: ${width} x ${height} expected`,
        );
      }
      const pixels = new Uint16Array(height * width * channels);
      place(raster, pixels, 0, channels);
      return pixels;
    });
    return await new Promise((resolve, reject) => {
      this.waiting.push({ model: id, taps, pictures: prepared, resolve, reject });
      this.wake();
    });
  }

  /** Whether `serve` has something to run. */
  get busy(): boolean {
    return this.waiting.length > 0;
  }

  async serve(): Promise<void> {
    const asked = Map.groupBy(
      this.waiting.splice(0),
      ({ model, taps }) => `${model} ${taps}`,
    );
    for (const requests of asked.values()) {
      const [{ model, taps }] = requests;
      try {
        const loaded = await this.load(model);
        const pictures = requests.flatMap(({ pictures }) => pictures);
        const activations: Activations[] = [];
        const most = taps.includes("map") ? 1 : MOST_IMAGES;
        for (let from = 0; from < pictures.length; from += most) {
          activations.push(...await loaded.read(pictures.slice(from, from + most), taps));
        }
        for (const { pictures, resolve } of requests) {
          resolve({ loaded, activations: activations.splice(0, pictures.length) });
        }
      } catch (error) {
        for (const { reject } of requests) reject(error);
      }
    }
  }

  private async load(id: string): Promise<LoadedModel> {
    const row = await this.store.models.get(id);
    let model = this.models.get(id);
    if (model) this.models.delete(id);
    else {
      for (const [old, loaded] of this.models) {
        if (this.models.size < MOST_MODELS) break;
        this.models.delete(old);
        loaded.destroy();
      }
      model = await LoadedModel.load(this.gpu, this.store.files, row);
    }
    this.models.set(id, model);
    return model;
  }

  destroy(): void {
    for (const model of this.models.values()) model.destroy();
    this.models.clear();
  }
}

/** @throws {InvalidInput} naming model and picture */
function assertFinite(
  { model, name = "this picture" }: SimilarityMapRequest | SaliencyMapRequest,
  activations: Activations,
): void {
  if (!Object.values(activations).every(allFinite)) throw notFinite({ id: model }, name);
}

function mapOf({ loaded, activations: [{ map }] }: ModelActivations): FeatureMap {
  const [rows, columns, features] = loaded.mapShape;
  return { rows, columns, features, values: map! };
}
