/** A model card, as the Hugging Face Hub shows it: what the model is, what it has seen, how good it was found to be, what it is not for. */
import { sizeOf } from "@/lib/images/image_size.ts";
import type { PortableEvaluation, PortableMetadata } from "./portable_model.ts";

/** Markdown with the front matter that the Hub reads. */
export function modelCard(metadata: PortableMetadata, weights_sha256: string): string {
  const { classes, multi_label, lineage, evaluations } = metadata;
  const task = classes.length > 0 ? "image-classification" : "image-feature-extraction";
  const name = metadata.model.name ?? metadata.architecture;
  return [
    `---\nlibrary_name: timm\npipeline_tag: ${task}\ntags:\n- ${task}\n- timm\n- medical\n---`,
    `# ${line(name)}`,
    `A ${metadata.architecture} of width ${metadata.width}, ${
      classes.length > 0
        ? multi_label
          ? `a multi-label classifier of ${classes.length} findings: a sigmoid of each output is its probability`
          : `a classifier of ${classes.length} classes`
        : "without a classifier: it gives features"
    }. Research use only: **not for diagnosis**.`,
    "## Use",
    usage(metadata),
    ...(classes.length > 0 ? [classes.map((name, i) => `${i}. ${code(name)}`).join("\n")] : []),
    "## Data and training",
    table(lineageRows(lineage)),
    ...warnings(lineage),
    ...(lineage.split ? ["## Splits", splits(lineage.split as Record<string, unknown>)] : []),
    "## Metrics",
    evaluations.length > 0
      ? evaluations.map(metrics).join("\n\n")
      : "No evaluation of this model was made before it left.",
    "## Limits",
    "- Research use, not for diagnosis or any decision about a patient.\n" +
    "- The figures above hold for pictures like those of the evaluation; other devices, sites, patients and " +
    "diseases were not looked at.\n" +
    "- Probabilities are not calibrated unless an evaluation above says so.\n" +
    (metadata.normalization.mean.length === 1
      ? "- The input has one grey channel; colour pictures must be made grey first.\n"
      : "") +
    "- Which licence the weights have depends on the data that they were trained on; none is given here.",
    "## Files",
    `\`config.json\` is timm's; \`model.safetensors\` holds the weights under torchvision's names and all of the above ` +
    `as JSON in its metadata, so that the server takes it back as it is. Digest of the weights: \`${weights_sha256}\`.`,
  ].join("\n\n") + "\n";
}

function usage({ image_size, channels, normalization: { mean, std } }: PortableMetadata): string {
  const { height, width } = sizeOf(image_size);
  return [
    `Input: ${channels} x ${height} x ${width} (channels, height, width), the whole picture resized to it; pixels in ` +
    `0 to 1, minus the mean [${mean.join(", ")}], by the standard deviation [${std.join(", ")}].`,
    "```python",
    "import timm",
    `model = timm.create_model("local-dir:PATH/OF/THIS/FOLDER", pretrained=True).eval()`,
    "```",
    "Pictures that already have this size give the server's answers; of others, resizing differs a little between programs.",
  ].join("\n");
}

/** What a reader looks for first; the file's metadata have the rest. */
const ROWS: [key: string, title: string][] = [
  ["kind", "Kind"],
  ["method", "Method"],
  ["arm", "Positive pairs"],
  ["mode", "Mode"],
  ["dataset", "Data set"],
  ["dataset_digest", "Its digest"],
  ["seed", "Seed"],
  ["job", "Job"],
  ["init", "Started from"],
  ["code_version", "Code version"],
  ["adapter", "Computed by"],
  ["uploaded", "Uploaded"],
];

function lineageRows(lineage: Record<string, unknown>, prefix = ""): [string, unknown][] {
  const own = ROWS.filter(([key]) => lineage[key] !== undefined && lineage[key] !== null)
    .map(([key, title]): [string, unknown] => [prefix + title, lineage[key]]);
  const start = lineage.start as Record<string, unknown> | undefined;
  return start ? [...own, ...lineageRows(start, `${prefix}Start: `)] : own;
}

/** What a reader must know before the figures. */
function warnings(lineage: Record<string, unknown>): string[] {
  const told = lineage.warnings;
  if (!Array.isArray(told) || told.length === 0) return [];
  return ["## Warnings", told.map((warning) => `- ${line(String(warning))}`).join("\n")];
}

function splits(split: Record<string, unknown>): string {
  return table(
    Object.entries(split).filter(([, value]) => value !== undefined && value !== null)
      .map(([part, value]) => {
        const { images } = value as { images?: number };
        return [part, images === undefined ? JSON.stringify(value) : `${images} images`];
      }),
  );
}

function metrics(found: PortableEvaluation): string {
  const rows = Object.entries(found.figures).filter(([, value]) => value !== null)
    .map(([name, value]) => {
      const interval = found.intervals[name];
      const sure = interval ? `${round(interval[0])} to ${round(interval[1])}` : "not computed";
      return `| ${name} | ${round(value!)} | ${sure} |`;
    });
  return [
    `On ${found.images} images${
      found.folds === null ? "" : ` (${found.folds} folds, whose models are pooled)`
    } of the data set of digest ${
      found.dataset_digest ?? "(not known any more)"
    }, ${found.created_at}:`,
    "",
    ...found.warnings.map((warning) => `- ${line(warning)}`),
    ...(found.warnings.length > 0 ? [""] : []),
    `| Figure | Value | ${(found.level ?? 0.95) * 100} % interval, ${
      found.units === null ? "patients" : `${found.units} patients`
    } resampled |\n|---|---:|---:|`,
    ...rows,
  ].join("\n");
}

const round = (value: number) => value.toFixed(3);

function table(rows: [string, unknown][]): string {
  return ["| What | Value |\n|---|---|", ...rows.map(([a, b]) => `| ${line(a)} | ${code(b)} |`)]
    .join("\n");
}

/** Text of people in one line of Markdown, without markup. */
function line(text: string): string {
  return text.replace(/\s+/g, " ").replace(/[\\`*_{}[\]<>#|]/g, "\\$&");
}

/** A value as code in a cell: no backtick or bar may end it. */
function code(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return `\`${text.replace(/\s+/g, " ").replaceAll("`", "'").replaceAll("|", "\\|")}\``;
}
