/** A model as a folder for the Hugging Face Hub: timm's configuration, and the card. */
import assert from "node:assert/strict";
import { InvalidInput } from "@/lib/errors.ts";
import { timmConfig } from "@/lib/training/hub_folder.ts";
import { modelCard } from "@/lib/training/model_card.ts";
import type { PortableMetadata } from "@/lib/training/portable_model.ts";

const grey = {
  backbone: "resnet50",
  width: 64,
  channels: 1 as const,
  image_size: [250, 100] as [number, number],
  classes: [],
  normalization: { mean: [0.5], std: [0.2] },
};

Deno.test("a grey backbone: timm takes channels and classes from the sizes", () => {
  const { architecture, num_classes, num_features, pretrained_cfg, ...rest } = timmConfig(grey);
  assert.deepEqual([architecture, num_classes, num_features], ["resnet50", 0, 2048]);
  assert.ok(!("label_names" in rest));
  const { input_size, pool_size, mean, std, num_classes: own } = pretrained_cfg;
  assert.deepEqual([input_size, pool_size], [[1, 250, 100], [8, 4]]);
  assert.deepEqual([mean, std, own], [[0.5], [0.2], 0]);
  assert.throws(() => timmConfig({ ...grey, width: 32 }), InvalidInput);
});

Deno.test("a card tells figures with intervals, and no text of people breaks it", () => {
  const { backbone: architecture, ...spec } = grey;
  const metadata: PortableMetadata = {
    version: 1,
    ...spec,
    architecture,
    classes: ["a|b", "c`d\ne"],
    written_by: "a test",
    input: "",
    outputs: "",
    model: { id: "mod_1", name: "# big\n<b>", version: 2, kind: "classifier" },
    lineage: {
      kind: "classifier",
      method: "finetune",
      dataset: "x | y",
      seed: 0,
      warnings: ["12 images were seen"],
      split: { test: { images: 12, names_sha256: "0" }, fold: undefined },
      start: { kind: "pretrained", method: "byol", arm: "gaze", start: { method: "moco" } },
    },
    evaluations: [{
      evaluation: "ev_1",
      dataset_digest: null,
      images: 12,
      created_at: "2026-01-02T03:04:05Z",
      folds: null,
      level: 0.95,
      units: 9,
      seen: null,
      warnings: ["few patients"],
      figures: { accuracy: 0.75, m_auc: null, f1_macro: 0.5 },
      intervals: { accuracy: [0.5, 0.9123456], m_auc: null },
    }],
  };
  const card = modelCard(metadata, "abc");
  assert.match(card, /^# \\# big \\<b\\>$/m);
  assert.match(card, /^0\. `a\\\|b`\n1\. `c'd e`$/m);
  assert.match(
    card,
    /^\| accuracy \| 0\.750 \| 0\.500 to 0\.912 \|\n\| f1_macro \| 0\.500 \| not computed \|$/m,
  );
  assert.match(card, /^\| Data set \| `x \\\| y` \|$/m);
  assert.match(
    card,
    /^\| Start: Positive pairs \| `gaze` \|\n\| Start: Start: Method \| `moco` \|$/m,
  );
  assert.match(card, /^\| Seed \| `0` \|$/m);
  assert.match(card, /^\| test \| `12 images` \|$/m);
  assert.match(
    card,
    /^- few patients\n\n\| Figure \| Value \| 95 % interval, 9 patients resampled \|$/m,
  );
  assert.match(card, /^## Warnings\n\n- 12 images were seen$/m);
  assert.match(card, /not for diagnosis/);
  assert.match(card, /one grey channel/);
});
