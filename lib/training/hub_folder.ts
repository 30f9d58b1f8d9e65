/**
 * A model as a folder that the Hugging Face Hub and timm's `local-dir:` expect: `model.safetensors`, `config.json`,
 * `README.md`. Fields as timm 1.0's `models/_hub.py` writes and reads them.
 */
import { writeZip } from "@/lib/datasets/zip_writer.ts";
import { InvalidInput } from "@/lib/errors.ts";
import { sizeOf } from "@/lib/images/image_size.ts";
import { mapGrid } from "@/lib/models/map_grid.ts";
import { backboneSpec } from "@/lib/models/specs.ts";
import { leavingWeights } from "@/lib/models/weights_thread.ts";
import type { ModelRow, ModelSpec, Store } from "@/lib/store/mod.ts";
import { modelCard } from "./model_card.ts";
import { portableMetadata } from "./portable_model.ts";

/**
 * The folder as a ZIP; all that can be wrong is found before it begins.
 * @throws {InvalidInput} for a network that timm has not
 * @throws {Damaged}
 */
export async function hubFolder(
  store: Store,
  row: ModelRow,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const config = timmConfig(row.spec);
  const metadata = await portableMetadata(store, row);
  const leaving = await leavingWeights(store.files, row, metadata);
  const stored = await store.files.read(row.file, `model "${row.id}"`);
  const weights = [leaving.head, stored.subarray(leaving.from)];
  const text = (value: string) => new TextEncoder().encode(value);
  return ReadableStream.from(writeZip([
    { name: `${row.id}/README.md`, data: text(modelCard(metadata, leaving.weights_sha256)) },
    { name: `${row.id}/config.json`, data: text(JSON.stringify(config, null, 2) + "\n") },
    { name: `${row.id}/model.safetensors`, data: weights },
  ]));
}

/** `config.json` of a model. Throws InvalidInput for a network that timm has not. */
export function timmConfig(
  { backbone, width, channels, image_size, classes, normalization: { mean, std } }: ModelSpec,
) {
  const { title, family, head, width: widths, features } = backboneSpec(backbone);
  if (!family.timm) {
    throw new InvalidInput(
      `Cannot give this model as a folder for the Hub: timm has no ${title} of these names; take safetensors`,
    );
  }
  if (width !== widths.published) {
    throw new InvalidInput(
      `Cannot give this model as a folder for the Hub: timm's ${backbone} has a width of ${widths.published}, this ` +
        `one of ${width}; take safetensors or onnx`,
    );
  }
  const { height, width: columns } = sizeOf(image_size);
  const grid = mapGrid({ backbone, image_size });
  const { first_conv, name, pool } = family.timm;
  return {
    architecture: name(backbone),
    num_classes: classes.length,
    num_features: features(width),
    global_pool: pool,
    ...(classes.length > 0 ? { label_names: classes } : {}),
    pretrained_cfg: {
      custom_load: false,
      input_size: [channels, height, columns],
      fixed_input_size: false,
      interpolation: "bilinear",
      // The whole picture, whatever its proportions.
      crop_pct: 1,
      crop_mode: "squash",
      mean,
      std,
      num_classes: classes.length,
      ...(grid && { pool_size: [grid.rows, grid.columns] }),
      first_conv,
      classifier: head,
    },
  };
}
