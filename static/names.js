/** Names for people: runs by what was done, not by their ids. */

/** Titles of methods as the server's registry has them; of others the name itself is shown, in words. */
export const METHODS = {
  byol: "BYOL",
  simsiam: "SimSiam",
  moco: "MoCo",
  simclr: "SimCLR",
  vicreg: "VICReg",
  barlow_twins: "Barlow Twins",
  moco_v3: "MoCo v3",
  dino: "DINO",
};
/** All arms that a pre-training can have. */
export const ARMS = {
  none: "no pairs",
  gaze: "gaze",
  shuffled: "shuffled gaze",
  self: "earlier keys",
  labels: "labels",
  patient: "same patient",
  appearance: "similar appearance",
};
/** Arms whose pairs no cut chooses. */
const UNCUT = ["none", "self", "labels", "patient"];
/** All kinds of jobs. */
export const KINDS = {
  similarity: "Similarity",
  pretrain: "Pre-training",
  finetune: "Fine-tuning",
  evaluate: "Evaluation",
  study: "Study",
};

/** Fields of a job that its name is made of, for lists that are asked for in part. */
export const JOB_NAME_FIELDS = [
  "kind",
  ...["dataset", "name", "method", "arm", "cut", "backbone", "seed", "fold"],
  ...["measure", "mode", "init", "model"],
].map((field) => field === "kind" ? field : `spec.${field}`).join(",");

/** "BYOL" of `byol`; "new method" of a `new_method` that is not known here. */
export const methodName = (method) => METHODS[method] ?? method?.replaceAll("_", " ");

/** "shuffled gaze" of `shuffled`. */
export const armName = (arm) => ARMS[arm] ?? arm?.replaceAll("_", " ");

/** "RN18" of `resnet18`, "ViT-S/16" of `vit_small_patch16`. */
export const backboneName = (backbone) =>
  backbone?.replace(/^resnet(\d+)$/, "RN$1").replace(
    /^vit_(tiny|small|base)_patch(\d+)$/,
    (_, size, patch) => `ViT-${{ tiny: "Ti", small: "S", base: "B" }[size]}/${patch}`,
  );

/** "top 10 %", "above 0.82", "5 neighbours". */
export function cutName(cut) {
  if (!cut) return undefined;
  if (cut.quantile !== undefined) return `top ${Number((100 * cut.quantile).toFixed(2))} %`;
  if (cut.threshold !== undefined) return `above ${cut.threshold}`;
  return cut.top_k === undefined ? undefined : `${cut.top_k} neighbours`;
}

/** Whether a cut chooses the pairs of a pre-training. */
export const isCut = ({ arm }) => !UNCUT.includes(arm);

const joined = (...parts) => parts.filter((part) => part !== undefined && part !== "").join(" · ");

/**
 * "BYOL · gaze · top 10 % · RN18": all but the seed, so that runs which differ in it only share it.
 * @param {string} kind of the job
 * @param {Record<string, any>} spec of the job
 * @param {string} [from] what the model that a fine-tuning starts from shares with others (`groupOfModel`); of an
 *   evaluation the name of its model
 */
export function groupName(kind, spec = {}, from) {
  const backbone = backboneName(spec.backbone);
  if (kind === "pretrain") {
    return joined(
      methodName(spec.method),
      armName(spec.arm),
      isCut(spec) ? cutName(spec.cut) : undefined,
      backbone,
    );
  }
  if (kind === "finetune") {
    const start = spec.init === "scratch" ? "from scratch" : from ?? "from a model";
    return joined(
      start,
      spec.mode === "linear" ? "linear probe" : spec.init === "scratch" ? undefined : "fine-tuned",
      start.includes(backbone) ? undefined : backbone,
    );
  }
  if (kind === "similarity") return joined("Similarity", spec.measure);
  if (kind === "study") return joined("Study", spec.name ?? undefined);
  if (kind === "evaluate") return joined(KINDS[kind], from);
  return joined(KINDS[kind] ?? kind, spec.mode);
}

/** "BYOL · gaze · top 10 % · RN18 · seed 1". */
export function runName(kind, spec = {}, from) {
  const seed = kind === "pretrain" || kind === "finetune" ? spec.seed : undefined;
  const fold = spec.fold ?? undefined;
  return joined(
    groupName(kind, spec, from),
    fold === undefined ? undefined : `fold ${fold}`,
    seed === undefined ? undefined : `seed ${seed}`,
  );
}

/** The run's name of a job as `GET /v1/jobs` gives it. */
export const jobName = (job, from) => runName(job.kind, job.spec, from);

/**
 * A model's own name, or that of the run which made it.
 * @param {{name: string | null, kind: string, lineage: any}} model as `GET /v1/models` gives it
 * @param {(id: string) => any} [modelOf] finds the model that it started from
 */
export function modelName(model, modelOf) {
  if (model.name) return model.version > 1 ? `${model.name} (${model.version})` : model.name;
  const { spec, init } = model.lineage ?? {};
  if (!spec) return `uploaded · ${backboneName(model.spec?.backbone)}`;
  if (model.kind === "pretrained") return runName("pretrain", spec);
  const start = init === "scratch" ? undefined : modelOf?.(init);
  return runName("finetune", { ...spec, init }, start && groupOfModel(start));
}

/** What runs of one model share, but for the seed. */
export function groupOfModel(model, modelOf) {
  const { spec, init } = model.lineage ?? {};
  if (!spec) return model.name ?? "uploaded model";
  if (model.kind === "pretrained") return groupName("pretrain", spec);
  const start = init === "scratch" ? undefined : modelOf?.(init);
  return groupName("finetune", { ...spec, init }, start && groupOfModel(start, modelOf));
}

/** "Fine-tuning" of `finetune`. */
export const kindName = (kind) => KINDS[kind] ?? kind;

/** "seed 5 · BYOL · gaze · RN18" of "BYOL · gaze · RN18 · seed 5": what tells runs apart is seen in a narrow list too. */
export function seedFirst(title) {
  const parts = title.split(" · ");
  const isDraw = (part) => /^(seed|fold) \d/.test(part);
  return [...parts.filter(isDraw), ...parts.filter((part) => !isDraw(part))].join(" · ");
}

/**
 * Things with texts of which no two are the same: those that would be get more words, one after the other.
 * @template T
 * @param {T[]} things
 * @param {{textOf: (thing: T) => string, more: ((thing: T) => string)[]}} words
 * @returns {[T, string][]}
 */
export function toldApart(things, { textOf, more }) {
  return more.reduce((now, wordOf) => {
    const times = Map.groupBy(now, ([, text]) => text);
    return now.map(([thing, text]) => [
      thing,
      times.get(text).length === 1 ? text : `${text} · ${wordOf(thing)}`,
    ]);
  }, things.map((thing) => [thing, textOf(thing)]));
}
