/** Good inputs of every kind, and the doors that they go in by: what is mutated, cut and mixed up. */
import { existsSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { encodePng } from "@/lib/images/png_encoder.ts";
import { raster } from "@/lib/images/raster.ts";
import { picture, zipOf } from "../support/archives.ts";
import { bytes as ascii, dicomFile, pixelElements } from "../support/dicom_file.ts";
import { root } from "../support/imports.ts";
import { workbook } from "../support/workbook.ts";
import { archive, CLASSES, names, SIDE, type Stage, weights } from "./content.ts";

export type Bytes = Uint8Array<ArrayBuffer>;

export interface Door {
  kind: string;
  method: string;
  path: string;
  type: string;
  headers?: Record<string, string>;
  /** Good bodies; JSON of these where `json` is set, so that their fields can be mutated. */
  seeds: Bytes[];
  json?: unknown[];
}

export const BOUNDARY = "----bound";
const encoder = new TextEncoder();
const text = (value: string): Bytes => encoder.encode(value);

const read = (path: string): Bytes => new Uint8Array(Deno.readFileSync(root + path));

/** Files of a folder of fixtures. */
function fixtures(folder: string, ending = ""): Bytes[] {
  const found: string[] = [];
  const walk = (at: string) => {
    for (const entry of [...Deno.readDirSync(root + at)].sort((a, b) => a.name < b.name ? -1 : 1)) {
      const path = `${at}/${entry.name}`;
      if (entry.isDirectory) walk(path);
      else if (path.endsWith(ending) && !path.endsWith(".expected.json")) found.push(path);
    }
  };
  if (existsSync(root + folder)) walk(folder);
  return found.map(read);
}

/** The parts of a form, or of multipart/related. */
export function form(
  parts: { name?: string; file?: string; type?: string; content: Bytes | string }[],
  boundary = BOUNDARY,
): Bytes {
  const pieces: Bytes[] = [];
  for (const { name, file, type, content } of parts) {
    const disposition = name === undefined ? "" : `Content-Disposition: form-data; name="${name}"` +
      `${file === undefined ? "" : `; filename="${file}"`}\r\n`;
    const head = `--${boundary}\r\n${disposition}${type ? `Content-Type: ${type}\r\n` : ""}\r\n`;
    pieces.push(text(head), typeof content === "string" ? text(content) : content, text("\r\n"));
  }
  pieces.push(text(`--${boundary}--\r\n`));
  return joined(pieces);
}

export function joined(pieces: Uint8Array[]): Bytes {
  const out = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    out.set(piece, at);
    at += piece.length;
  }
  return out;
}

function pngs(): Bytes[] {
  const filled = (channels: 1 | 3, bits: 8 | 16) => {
    const out = raster(17, 13, channels, bits);
    for (let i = 0; i < out.data.length; i++) out.data[i] = (i * 40503) & (2 ** bits - 1);
    return encodePng(out);
  };
  return [picture(40, 30), filled(1, 16), filled(3, 8), filled(3, 16)];
}

const pnms = () => [
  joined([text("P5\n# a\n8 6\n255\n"), new Uint8Array(48).fill(7)]),
  joined([text("P6 4 4 65535\n"), new Uint8Array(96).fill(9)]),
  text("P2 3 2 9 1 2 3 4 5 6\n"),
];

/** A small uncompressed DICOM file. */
export function plainDicom(more: Parameters<typeof dicomFile>[0] = {}): Bytes {
  const pixels = Uint8Array.from({ length: SIDE * SIDE }, (_, i) => (i * 7) & 255);
  return new Uint8Array(dicomFile({
    ...pixelElements({ width: SIDE, height: SIDE, allocated: 8 }),
    "00281050 DS": ascii("128 "),
    "00281051 DS": ascii("256 "),
    ...more,
    "7fe00010 OW": pixels,
  }));
}

/** Gaze files of every format that is known, by format. */
export const gazeFiles = (): Map<string, Bytes[]> =>
  new Map(
    [...Deno.readDirSync(`${root}tests/fixtures/gaze`)].map(({ name }) => name).sort()
      .map((format) => [format, fixtures(`tests/fixtures/gaze/${format}`)]),
  );

const GAZE = [
  ["image", "reader", "x", "y", "duration_ms"],
  ...names(4).map((name, i) => [name, "r9", 3 + i, 4.5, 200]),
];

/** Requests for jobs, as good as they can be. */
const specs = ({ model, similarity }: Stage): unknown[] => [
  { kind: "similarity", dataset: "base", measure: "multimatch", params: { grouping: true } },
  { kind: "similarity", dataset: "base", measure: "dtw", readers: ["r1"] },
  {
    ...{ kind: "pretrain", dataset: "base", method: "moco", arm: "gaze", similarity },
    ...{ cut: { quantile: 0.1 }, drop: 0, backbone: "resnet18", width: 4, image_size: 32 },
    ...{ init: "scratch", epochs: 1, batch_size: 8, accumulate: 1, seed: 1, leave_out: null },
    optimizer: { name: "sgd", learning_rate: 0.01 },
    augmentation: { preset: "medical" },
  },
  {
    ...{ kind: "finetune", dataset: "base", init: model, image_size: [32, 32], mode: "full" },
    ...{ folds: 2, epochs: 1, seed: 1, split_seed: 3 },
  },
  { kind: "evaluate", model, dataset: "base", split: "test" },
  {
    ...{ kind: "study", dataset: "base", methods: ["byol"], arms: ["none"], seeds: [0] },
    pretrain: { width: 4, image_size: 32, epochs: 1, batch_size: 4 },
    finetune: { epochs: 1 },
    dry_run: true,
  },
];

/** Every kind of input that a request may carry, with its door. */
export async function doors(stage: Stage): Promise<Door[]> {
  const { model } = stage;
  const image = "/v1/datasets/base/images/hit";
  const gaze = "/v1/datasets/base/gaze?image=c000&reader=r9";
  const octets = "application/octet-stream";
  const zip = await archive(4);
  const door = (
    kind: string,
    method: string,
    path: string,
    type: string,
    seeds: Bytes[],
  ): Door => ({
    ...{ kind, method, path, type, seeds },
  });
  const json = (kind: string, path: string, ...json: unknown[]): Door => ({
    ...{ kind, method: "POST", path, type: "application/json", seeds: [], json },
  });
  const dicoms = fixtures("tests/fixtures/images/codecs", ".dcm");
  const jpegs = fixtures("tests/fixtures/images", ".jpg");
  const inference = {
    inputs: [{ name: "images", shape: [1], datatype: "BYTES", data: [btoa("no picture")] }],
    outputs: [{ name: "probabilities" }],
  };
  return [
    door("png", "PUT", image, octets, pngs()),
    door("jpeg", "PUT", image, octets, jpegs),
    door("pnm", "PUT", image, octets, pnms()),
    door("dicom", "PUT", image, octets, [plainDicom(), plainDicom({ "00280301 CS": ascii("NO") })]),
    door("dicom, compressed", "PUT", image, octets, dicoms),
    door("picture to predict", "POST", `/v1/models/${model}/predictions`, octets, [
      ...[...pngs(), jpegs[0], plainDicom()],
    ]),
    door("picture for a map", "POST", `/v1/models/${model}/saliency`, octets, pngs()),
    ...[...gazeFiles()].map(([format, files]) =>
      door(`gaze, ${format}`, "POST", gaze, octets, files)
    ),
    door("gaze, workbook", "POST", "/v1/datasets/base/gaze", octets, [
      new Uint8Array(await workbook({ Gaze: GAZE })),
    ]),
    door("gaze, gzip", "POST", "/v1/datasets/base/gaze", "application/gzip", [
      new Uint8Array(gzipSync(GAZE.map((row) => row.join(",")).join("\n"))),
    ]),
    door("labels", "POST", "/v1/datasets/base/labels", "text/csv", [
      text(
        "image,label,patient,split\n" +
          names(12).map((name, i) => `${name},${CLASSES[i % 2]},p${i},train\n`).join(""),
      ),
    ]),
    door("zip", "PUT", "/v1/datasets/hit", "application/zip", [
      zip,
      await zipOf({ "images/a.png": picture(8, 8), "labels.csv": "image,label\na,x\n" }),
      await zipOf({ "b/1.png": picture(8, 8, 1), "m/2.png": picture(8, 8, 2) }),
    ]),
    door("safetensors", "PUT", "/v1/models/hit", octets, [weights()]),
    door("pth", "PUT", "/v1/models/hit", octets, fixtures("tests/fixtures", ".pth")),
    door("form with a ZIP", "POST", "/v1/datasets", `multipart/form-data; boundary=${BOUNDARY}`, [
      form([
        { name: "name", content: "hit" },
        { name: "file", file: "a.zip", type: "application/zip", content: zip },
      ]),
    ]),
    door(
      "form with pictures",
      "POST",
      `/v1/models/${model}/predictions`,
      `multipart/form-data; boundary=${BOUNDARY}`,
      [form(pngs().slice(0, 2).map((content, i) => ({ name: "f", file: `${i}.png`, content })))],
    ),
    door(
      "form with weights",
      "PUT",
      "/v1/models/hit",
      `multipart/form-data; boundary=${BOUNDARY}`,
      [
        form([
          { name: "settings", content: JSON.stringify({ classes: CLASSES, image_size: SIDE }) },
          { name: "file", file: "w", content: weights() },
        ]),
      ],
    ),
    door(
      "DICOMweb",
      "POST",
      "/v1/datasets/hit/dicomweb/studies",
      `multipart/related; type="application/dicom"; boundary=${BOUNDARY}`,
      [form([{ type: "application/dicom", content: plainDicom() }])],
    ),
    json("specs of jobs", "/v1/jobs", ...specs(stage)),
    json("predictions by name", `/v1/models/${model}/predictions`, {
      dataset: "base",
      images: names(3),
    }),
    json("embeddings", `/v1/models/${model}/embeddings`, { dataset: "base", images: names(3) }),
    json("keys", "/v1/keys", { name: "one", scopes: ["read"] }),
    json("inference", `/v2/models/${model}/infer`, inference, {
      inputs: [{
        ...{ name: "pixels", shape: [1, 3, SIDE, SIDE], datatype: "FP32" },
        data: Array(3 * SIDE * SIDE).fill(0.5),
      }],
    }),
  ];
}
