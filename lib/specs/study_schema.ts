/** What a request for a `study` may say: a grid of methods, arms and backbones over several runs. */
import { z } from "zod";
import { choice } from "@/lib/choice.ts";
import { arms } from "@/lib/gaze/arms/mod.ts";
import { backboneSpecs } from "@/lib/models/specs.ts";
import { plainName } from "@/lib/plain_name.ts";
import { methodSpecs } from "@/lib/ssl/specs.ts";
import { leftOut } from "./pretrain.ts";
import { splitSeedSchema } from "./split_spec.ts";
import { reference } from "./reference.ts";

const method = choice(methodSpecs);
const backbone = choice(backboneSpecs);
/** By backbone: ids, aliases or names. */
const models = z.partialRecord(backbone, z.string().min(1).max(200));
const distinct = <T extends z.ZodType>(entry: T, most = 100) =>
  z.array(entry).min(1).max(most)
    .refine((list) => new Set(list).size === list.length, "each may be named once");
/** Fields that the grid decides, and that its parts therefore may not give. */
const DECIDED = {
  pretrain: [
    ...["kind", "dataset", "method", "arm", "similarity", "component", "cut", "across_patients"],
    ...["backbone", "init"],
    ...["seed", "split_seed", "leave_out", "name"],
  ],
  finetune: ["kind", "dataset", "init", "backbone", "seed", "split_seed", "folds", "fold", "name"],
};
/** The network is the same in all rows, or their difference would be that of networks. */
const NETWORK = ["width", "channels", "image_size", "normalization"];
const settings = (decided: string[]) =>
  z.record(z.string(), z.unknown()).superRefine((fields, context) => {
    for (const field of decided.filter((name) => Object.hasOwn(fields, name))) {
      context.addIssue({ code: "custom", path: [field], message: "the study itself decides this" });
    }
  });

export const studySchema = z.strictObject({
  dataset: reference("datasets"),
  name: plainName.nullable().default(null),
  methods: distinct(method).default(["moco", "byol", "simsiam"]),
  arms: distinct(choice(arms)).default(["none", "gaze"]),
  backbones: distinct(backbone).default(["resnet18"]),
  /** One run each; 0 to 4 where no folds are asked for. */
  seeds: distinct(z.int().min(0).max(Number.MAX_SAFE_INTEGER), 10_000).nullable().default(null),
  /** Runs over the folds of one cross-validation instead. */
  folds: z.int().min(2).max(20).nullable().default(null),
  /** One split for all seeds, drawn by this; null: each seed draws its own. */
  split_seed: splitSeedSchema,
  /** The row without a model to start from: trained from scratch, or, where only a probe is trained, a random frozen network. */
  scratch: z.boolean().default(true),
  /**
   * What pre-training starts from, which has a row of its own: a model's id, alias or name, or one for each backbone;
   * `scratch` for random weights. Null: the models of `imagenet` where they are given, else `scratch`.
   */
  start: z.union([reference("models"), models]).nullable().default(null),
  /** Name of that row; null: the model's own. */
  start_name: plainName.nullable().default(null),
  /** As `start` with one for each backbone; beside `start: "scratch"` a row to compare with alone. */
  imagenet: models.default({}),
  /** Id of a similarity, for the arms that need one. */
  similarity: reference("similarities").nullable().default(null),
  component: z.string().max(100).nullable().default(null),
  cut: z.record(z.string(), z.unknown()).optional().describe("As a pretrain job takes it"),
  /**
   * What the audit that the cut was chosen by left out, as it was asked (`none`: nothing): runs that test on other images
   * are warned of. Null: no labels were looked at for it, or that is not known.
   */
  cut_leave_out: z.union([leftOut.unwrap(), z.literal("none")]).nullable().default(null),
  /** Leaves out pairs of one patient, in the arms whose pairs are cut. */
  across_patients: z.boolean().default(false),
  pretrain: settings(DECIDED.pretrain).default({}).describe(
    "Fields of a pretrain job, for all methods; width, channels and image_size hold for all rows",
  ),
  by_method: z.partialRecord(method, settings([...DECIDED.pretrain, ...NETWORK])).default({})
    .describe("Fields of a pretrain job for one method, before those of `pretrain`"),
  finetune: settings(DECIDED.finetune).default({}).describe("Fields of a finetune job"),
  dry_run: z.boolean().optional().describe("Answers the plan and queues nothing"),
}).superRefine((spec, context) => {
  const problem = (field: string, message: string) =>
    context.addIssue({ code: "custom", path: [field], message });
  if (spec.seeds && spec.folds) problem("folds", "seeds or folds, not both");
  const given = Object.keys(spec.imagenet).length > 0;
  for (const [field, models] of Object.entries({ imagenet: spec.imagenet, start: spec.start })) {
    if (models === null || typeof models === "string" || Object.keys(models).length === 0) continue;
    const lacking = spec.backbones.filter((name) => models[name] === undefined);
    if (lacking.length > 0) problem(field, `a model for ${lacking} is needed too`);
  }
  const other = spec.start !== null && spec.start !== "scratch" && spec.start !== "imagenet";
  if (given && other && JSON.stringify(spec.start) !== JSON.stringify(spec.imagenet)) {
    problem("imagenet", "models to start from are named in `start` or here, not in both");
  }
});

/** Every default filled in; settings of the cells as they were given. */
export type StudySpec = Omit<z.output<typeof studySchema>, "start" | "imagenet" | "by_method"> & {
  start: "scratch" | Record<string, string>;
  imagenet: Record<string, string>;
  by_method: Record<string, Record<string, unknown>>;
};
