/** Looks at pictures on the GPU; requests that wait together share a batch. */
import type { Gpu } from "@/gpu/device.ts";
import { place } from "@/lib/datasets/pixel_cache.ts";
import { InvalidInput, Overloaded } from "@/lib/errors.ts";
import { sizeOf } from "@/lib/images/image_size.ts";
import { backboneSpec } from "@/lib/models/specs.ts";
import type { ModelRow } from "@/lib/store/mod.ts";
import type { WorkerStore } from "@/lib/store/worker_store.ts";
import { allFinite, probabilitiesOf } from "./evaluator.ts";
import {
  attentionMap,
  type FeatureMap,
  saliencyMap,
  similarityMap,
  tokenSaliencyMap,
} from "./feature_map.ts";
import { LoadedModel, MOST_IMAGES } from "./loaded_model.ts";
import type { Activations, Tap } from "./activations.ts";
import {
  decodePicture,
  type EmbedAnswer,
  type EmbedRequest,
  type MapAnswer,
  needClasses,
  needMap,
  needSaliency,
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

/** One picture that is looked at by itself. */
interface Alone {
  model: string;
  picture: Uint16Array;
  /** Resolves what was asked. */
  look(loaded: LoadedModel, picture: Uint16Array): Promise<void>;
  reject(error: unknown): void;
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
  private alone: Alone[] = [];

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
    needSaliency(row, request);
    if ((request.method ?? "grad_cam") !== "grad_cam") return await this.attention(request, row);
    if (backboneSpec(row.spec.backbone).map === "tokens") return await this.explain(request, row);
    const result = await this.enqueue(row, [request.picture], ["map", "logits"]);
    assertFinite(request, result.activations[0]);
    const probabilities = probabilitiesOf(row.spec, result.activations[0].logits!);
    const shown = request.class ?? likeliest(probabilities);
    const map = mapOf(result);
    const values = saliencyMap(map, result.loaded.classRow(shown));
    return { columns: map.columns, rows: map.rows, values, class: shown, probabilities };
  }

  /** The class token's attention. */
  private async attention(request: SaliencyMapRequest, row: ModelRow): Promise<SaliencyMapAnswer> {
    const { method, head, picture } = request;
    const { heads } = backboneSpec(row.spec.backbone);
    const classes = row.spec.classes.length > 0;
    const tap = method === "rollout" ? "rollout" : "attention";
    const { grid: [rows, columns], activations } = await this.lookAlone(
      row,
      picture,
      (loaded, pixels) => loaded.readAttention(pixels, classes ? [tap, "logits"] : [tap]),
    );
    assertFinite(request, activations);
    const values = tap === "rollout"
      ? Array.from(activations.rollout!.subarray(1))
      : attentionMap(activations.attention!, { heads: heads!, head });
    const probabilities = classes ? probabilitiesOf(row.spec, activations.logits!) : null;
    const shown = probabilities && (request.class ?? likeliest(probabilities));
    return { columns, rows, values, class: shown, probabilities };
  }

  /** Grad-CAM of a network whose features are a class token. */
  private async explain(request: SaliencyMapRequest, row: ModelRow): Promise<SaliencyMapAnswer> {
    const { grid: [rows, columns], index, activations } = await this.lookAlone(
      row,
      request.picture,
      (loaded, pixels) => loaded.explain(pixels, request.class),
    );
    assertFinite(request, activations);
    const { entering, gradient, logits } = activations;
    const F = backboneSpec(row.spec.backbone).features(row.spec.width);
    const values = tokenSaliencyMap(entering!, gradient!, F);
    return {
      columns,
      rows,
      values,
      class: index,
      probabilities: probabilitiesOf(row.spec, logits!),
    };
  }

  /** What the pictures give, once `serve` has run them. */
  private async enqueue(
    { id, spec }: ModelRow,
    pictures: Picture[],
    taps: Tap[],
  ): Promise<ModelActivations> {
    const prepared = this.prepare(spec, pictures);
    return await new Promise((resolve, reject) => {
      this.waiting.push({ model: id, taps, pictures: prepared, resolve, reject });
      this.wake();
    });
  }

  /** What `look` finds in one picture, once `serve` lets it. */
  private async lookAlone<Found>(
    { id, spec }: ModelRow,
    picture: Picture,
    look: (loaded: LoadedModel, picture: Uint16Array) => Promise<Found>,
  ): Promise<Found> {
    const [prepared] = this.prepare(spec, [picture]);
    return await new Promise((resolve, reject) => {
      this.alone.push({
        ...{ model: id, picture: prepared, reject },
        look: async (loaded, pixels) => resolve(await look(loaded, pixels)),
      });
      this.wake();
    });
  }

  /** Pixels as the network takes them; throws as every request does. */
  private prepare(
    { image_size, channels }: ModelRow["spec"],
    pictures: Picture[],
  ): Uint16Array<ArrayBuffer>[] {
    const under = this.waiting.reduce((sum, { pictures }) => sum + pictures.length, 0);
    if (under + this.alone.length + pictures.length > MOST_WAITING) {
      throw new Overloaded("Cannot predict now: too many pictures wait");
    }
    const { height, width } = sizeOf(image_size);
    return pictures.map((picture) => {
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
  }

  /** Whether `serve` has something to run. */
  get busy(): boolean {
    return this.waiting.length > 0 || this.alone.length > 0;
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
    for (const { model, picture, look, reject } of this.alone.splice(0)) {
      try {
        await look(await this.load(model), picture);
      } catch (error) {
        reject(error);
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

const likeliest = (probabilities: number[]) => probabilities.indexOf(Math.max(...probabilities));

function mapOf({ loaded, activations: [{ map }] }: ModelActivations): FeatureMap {
  const [rows, columns, features] = loaded.mapShape;
  return { rows, columns, features, values: map! };
}
