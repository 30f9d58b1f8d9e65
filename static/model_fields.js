/** What names and lists need of a model: its lineage also holds the names of all images it was trained on. */
export const MODEL_FIELDS = [
  ...["id", "name", "version", "kind", "dataset", "classes", "created_at", "job"],
  ...["backbone", "width", "channels", "image_size"].map((field) => `spec.${field}`),
  "lineage.init",
  ...["dataset", "method", "arm", "cut", "backbone", "seed", "fold", "mode", "init", "name"]
    .map((field) => `lineage.spec.${field}`),
].join(",");
