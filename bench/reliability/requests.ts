/** The largest requests that are allowed, of each kind: how long they silence the event loop, and what memory they take. */
import { encodePng } from "@/lib/images/png_encoder.ts";
import { raster } from "@/lib/images/raster.ts";
import { writeSafetensors } from "@/lib/models/safetensors.ts";
import { writeZip } from "@/lib/datasets/zip_writer.ts";
import { BOUNDARY, form, plainDicom } from "@/tests/attack/inputs.ts";
import { blackPng } from "@/tests/attack/black_png.ts";
import { asJson, figuresOf, pause, type Victim } from "@/tests/attack/victim.ts";
import { resnetWeights } from "@/tests/support/weights.ts";
import type { Silence } from "./probe.ts";
import { MiB, type Row } from "./row.ts";

type Bytes = Uint8Array<ArrayBuffer>;

export interface Content {
  model: string;
  similarity: string;
  /** Images in the data set "large". */
  large: number;
}

interface Large {
  what: string;
  /** Where it is refused: only what that costs is looked at. */
  refused?: number;
  request(content: Content): Promise<{ path: string; init: RequestInit }> | {
    path: string;
    init: RequestInit;
  };
}

const WANTED = { silent_ms: 50, memory: 300 * 2 ** 20 };

const noise = (length: number): Bytes => {
  const out = new Uint8Array(length);
  for (let at = 0; at < length; at += 65536) crypto.getRandomValues(out.subarray(at, at + 65536));
  return out;
};

/** A picture of noise, about `megabytes` large. */
function noisyPng(megabytes: number): Bytes {
  const side = Math.floor(Math.sqrt(megabytes * 5e5));
  const out = raster(side, side, 1, 16);
  const random = new Uint16Array(noise(2 * out.data.length).buffer);
  out.data.set(random);
  return encodePng(out);
}

function lines(head: string, line: (i: number) => string, bytes: number): Bytes {
  const part = new TextEncoder().encode(Array.from({ length: 5000 }, (_, i) => line(i)).join(""));
  const first = new TextEncoder().encode(head);
  const out = new Uint8Array(first.length + Math.floor(bytes / part.length) * part.length);
  out.set(first);
  for (let at = first.length; at < out.length; at += part.length) out.set(part, at);
  return out;
}

/** A body that is made while it is sent. */
function streamed(piece: Bytes, times: number): ReadableStream<Bytes> {
  let left = times;
  return new ReadableStream({
    pull(controller) {
      if (left-- > 0) controller.enqueue(piece);
      else controller.close();
    },
  });
}

const TEXT = 63 * 2 ** 20;
const put = (path: string, body: BodyInit) => ({ path, init: { method: "PUT", body } });
const post = (path: string, body: BodyInit, type: string) => ({
  path,
  init: { method: "POST", body, headers: { "content-type": type } },
});
const get = (path: string) => ({ path, init: {} });
const image = (i: number) => `i${String(i).padStart(5, "0")}`;

export function largest(long: boolean): Large[] {
  const zips = long ? 40 : 5;
  return [
    {
      what: "PUT of a picture: 64 Mpx in 16-bit RGBA (500 kB)",
      request: () => put("/v1/datasets/base/images/x", blackPng(8000, 8000, 16, 6)),
    },
    {
      what: "PUT of a picture: 63 MB of noise",
      request: () => put("/v1/datasets/base/images/x", noisyPng(63)),
    },
    {
      what: "prediction of 64 Mpx in 16-bit RGBA",
      request: ({ model }) =>
        post(`/v1/models/${model}/predictions`, blackPng(8000, 8000, 16, 6), "image/png"),
    },
    {
      what: "prediction of a form of 32 pictures of 4 Mpx",
      request: ({ model }) => {
        const content = blackPng(2000, 2000, 8, 2);
        const parts = Array.from(
          { length: 32 },
          (_, i) => ({ name: "f", file: `${i}.png`, content }),
        );
        const type = `multipart/form-data; boundary=${BOUNDARY}`;
        return post(`/v1/models/${model}/predictions`, form(parts), type);
      },
    },
    {
      what: "STOW-RS of 1,000 instances",
      request: () => {
        const content = plainDicom();
        const parts = Array.from({ length: 1000 }, () => ({ type: "application/dicom", content }));
        const type = `multipart/related; type="application/dicom"; boundary=${BOUNDARY}`;
        return post("/v1/datasets/dicom/dicomweb/studies", form(parts), type);
      },
    },
    {
      what: `ZIP of ${zips} pictures of 25 Mpx in 16 bit (${zips * 50} MB)`,
      request: async () => {
        const png = noisyPng(50);
        const files = function* () {
          for (let i = 0; i < zips; i++) {
            // Each another picture: a byte of its last chunk but one differs.
            yield { name: `images/${i}.png`, data: i === 0 ? png : noisyPng(50) };
          }
        };
        return await Promise.resolve(
          put("/v1/datasets/zip", ReadableStream.from(writeZip(files()))),
        );
      },
    },
    {
      what: "gaze: 63 MiB of CSV (2.5 million fixations)",
      request: () =>
        post(
          "/v1/datasets/large/gaze",
          lines(
            "image,reader,x,y,duration_ms\n",
            (i) => `${image(i)},r${i % 7},${i % 15},${i % 13},20${i % 10}\n`,
            TEXT,
          ),
          "text/csv",
        ),
    },
    {
      what: "labels: 63 MiB of CSV, unknown images",
      refused: 422,
      request: () =>
        post(
          "/v1/datasets/base/labels",
          lines("image,label\n", (i) => `no${i},a\n`, TEXT),
          "text/csv",
        ),
    },
    {
      what: "labels of 10,000 images",
      request: ({ large }) =>
        post(
          "/v1/datasets/large/labels",
          "image,label\n" +
            Array.from({ length: large }, (_, i) => `${image(i)},${"ba"[i % 2]}\n`).join(""),
          "text/csv",
        ),
    },
    {
      what: "readings: 100,000 decisions as CSV",
      request: ({ large }) => ({
        path: "/v1/datasets/large/readings",
        init: {
          method: "PUT",
          body: "image,reader,label\n" + Array.from(
            { length: 100_000 },
            (_, i) => `${image(i % large)},R${Math.floor(i / large)},${"ab"[i % 2]}\n`,
          ).join(""),
          headers: { "content-type": "text/csv" },
        },
      }),
    },
    {
      what: "summary of 10,000 images with 2.5 million fixations, just changed",
      request: () => get("/v1/datasets/large"),
    },
    {
      what: "weights: a ResNet-50 of full width (94 MB)",
      request: () =>
        put(
          "/v1/models/large?image_size=32&classes=a,b",
          new Uint8Array(
            writeSafetensors(resnetWeights({ backbone: "resnet50", width: 64, classes: 2 })),
          ),
        ),
    },
    {
      what: `weights: ${long ? 1023 : 256} MiB of noise`,
      refused: 422,
      request: () => put("/v1/models/noise", streamed(noise(2 ** 20), long ? 1023 : 256)),
    },
    {
      what: "inference: 31 MB of numbers as JSON, fewer than their shape says",
      refused: 422,
      request: ({ model }) => {
        const shape = [1000, 3, 32, 32];
        const data = `${"0.512345678,".repeat(shape.reduce((a, b) => a * b) - 1)}0.5`.slice(0);
        const few = data.slice(0, 31e6).replace(/,[^,]*$/, "");
        const inputs = `[{"name":"pixels","shape":${
          JSON.stringify(shape)
        },"datatype":"FP32","data":[${few}]}]`;
        return post(`/v2/models/${model}/infer`, `{"inputs":${inputs}}`, "application/json");
      },
    },
    {
      what: "a study of 10,000 cells, dry run",
      request: () => ({
        path: "/v1/jobs",
        init: {
          method: "POST",
          ...asJson({
            ...{
              kind: "study",
              dataset: "base",
              methods: ["byol", "moco"],
              arms: ["none", "self"],
            },
            seeds: Array.from({ length: 2000 }, (_, i) => i),
            pretrain: { width: 4, image_size: 32, epochs: 1, batch_size: 4 },
            ...{ finetune: { epochs: 1 }, dry_run: true },
          }),
        },
      }),
    },
    {
      what: "vectors of 1,000 images",
      request: ({ model }) => ({
        path: `/v1/models/${model}/embeddings?vectors=false`,
        init: {
          method: "POST",
          ...asJson({ dataset: "large", images: Array.from({ length: 1000 }, (_, i) => image(i)) }),
        },
      }),
    },
    {
      what: "matrix of 3,000 images as JSON",
      request: ({ similarity }) => get(`/v1/similarities/${similarity}/matrix?format=json`),
    },
    {
      what: "audit of 3,000 images",
      request: ({ similarity }) => get(`/v1/similarities/${similarity}/audit`),
    },
    {
      what: "measures of the gaze on 10,000 images as CSV",
      request: () => get("/v1/datasets/large/gaze?format=csv"),
    },
    {
      what: "1,000 images of 10,000 as a list",
      request: () => get("/v1/datasets/large/images?limit=1000"),
    },
    {
      what: "archive of 10,000 images",
      request: () => get("/v1/datasets/large/archive"),
    },
    {
      what: "DELETE of a set of 10,000 images",
      request: () => ({ path: "/v1/datasets/large", init: { method: "DELETE" } }),
    },
  ];
}

/** Sends one, alone, to a server that has just started. */
export async function costOf(victim: Victim, large: Large, content: Content): Promise<Row> {
  const { path, init } = await large.request(content);
  await pause(1500);
  const pid = victim.pids().api!;
  const before = figuresOf(pid)!.resident;
  let peak = before;
  const sampling = setInterval(() => peak = Math.max(peak, figuresOf(pid)?.resident ?? 0), 25);
  const probe = new Deno.Command(
    "nice",
    {
      args: [
        ...["-n", "-10", Deno.execPath(), "run", "-A", "--no-check", "--config=bench/deno.json"],
        ...["bench/reliability/probe.ts", victim.url, String(pid)],
      ],
      ...{ stdin: "piped", stdout: "piped", stderr: "null" },
    } as const,
  ).spawn();
  await pause(2500);
  const started = performance.now();
  let status: string;
  let answered = 0;
  try {
    const answer = await victim.fetch(path, { ...init, signal: AbortSignal.timeout(300_000) });
    for await (const _ of answer.body ?? []);
    status = String(answer.status);
    answered = answer.ok ? 2 : answer.status;
  } catch (error) {
    status = `no answer (${(error as Error).name})`;
  }
  const seconds = (performance.now() - started) / 1000;
  await pause(300);
  clearInterval(sampling);
  await probe.stdin.close();
  const { stdout } = await probe.output();
  const silence: Silence = JSON.parse(new TextDecoder().decode(stdout));
  const grown = peak - before;
  return {
    of: "The largest request of each kind",
    what: large.what,
    wanted: "silent under 50 ms, memory under 300 MB",
    measured:
      `${status} after ${seconds.toFixed(1)} s; main thread busy at most ${
        silence.busy_ms.toFixed(0)
      } ms ` +
      `(an answer took ${silence.wall_ms.toFixed(0)} ms); memory +${MiB(grown)} MiB`,
    // Of a request that did not do what it was to do nothing is known.
    holds: answered !== (large.refused ?? 2)
      ? undefined
      : silence.busy_ms < WANTED.silent_ms && grown < WANTED.memory && silence.failed === 0,
  };
}
