/**
 * How far similarities lie from those of the published code: `deno run -A bench/published.ts`. Reads the reference
 * values beside the checkout (`../shared`) and says so where they are absent.
 */
import { openGpu } from "@/gpu/device.ts";
import { parseGaze } from "@/lib/gaze/formats/mod.ts";
import type { Item } from "@/lib/gaze/similarity/measure.ts";
import { computeSimilarity, type MeasureName } from "@/lib/gaze/similarity/mod.ts";
import { GOLDEN_FILES, largestDifference, readGolden } from "../tests/gaze/similarity/golden.ts";
import { sharedPath } from "../tests/support/shared.ts";

const LIMIT = 1e-4;
const gpu = await openGpu();

interface Pair {
  items: Item[];
  /** The five numbers, or how the published code failed. */
  expected: number[] | string;
}

function report(name: string, compared: string, difference: number): void {
  const verdict = difference <= LIMIT ? `within ${LIMIT}` : `OVER ${LIMIT}`;
  console.log(
    `${name.padEnd(52)} ${compared.padEnd(44)} ${difference.toExponential(1)}  ${verdict}`,
  );
}

async function goldens(): Promise<void> {
  const files = GOLDEN_FILES.map(sharedPath);
  if (files.includes(undefined)) return console.log("goldens: ../shared/goldens is absent");
  const { items, params, tensors } = readGolden(files[0]!, files[1]!);
  const n = items.length;
  const multimatch = await computeSimilarity(gpu, "multimatch", items, {
    direction_deg: params.TDir_deg,
    duration_s: params.TDur,
    amplitude_px: params.TAmp_px,
  });
  const wanted = Array.from(
    { length: 5 * n * n },
    (_, at) => tensors.multimatch[at % (n * n) * 5 + Math.floor(at / (n * n))],
  );
  const parts = multimatch.values.subarray(n * n);
  report("multimatch, reference scanpaths", `${n * n} pairs`, largestDifference(parts, wanted));
  const published: [MeasureName, string][] = [
    ["moments", "moment_similarity"],
    ["dhash", "dhash_similarity"],
    ["tima", "tima_similarity"],
  ];
  for (const [name, tensor] of published) {
    const { values } = await computeSimilarity(gpu, name, items, { parity: true });
    report(
      `${name}, published form`,
      `${n * n} pairs`,
      largestDifference(values, tensors[tensor]),
    );
  }
}

async function compare(name: string, pairs: Pair[], params: Record<string, unknown>) {
  let [most, given, failed] = [0, 0, 0];
  for (const { items, expected } of pairs) {
    const { values } = await computeSimilarity(gpu, "multimatch", items, params);
    const got = [1, 2, 3, 4, 5].map((part) => values[part * 4 + 1]);
    if (typeof expected === "string") {
      failed++;
      if (got.every((value) => value >= 0 && value <= 1)) given++;
    } else most = Math.max(most, largestDifference(got, expected));
  }
  const told = failed > 0 ? `, ${failed} it cannot compute (ours: ${given} values)` : "";
  report(name, `${pairs.length - failed} pairs${told}`, most);
}

type Results = Record<string, number[] | string | number>[];

async function real(): Promise<void> {
  const osie = sharedPath("data/osie/expected_multimatch.json");
  const films = sharedPath("data/multimatch_gaze/expected_multimatch.json");
  if (!osie || !films) return console.log("real gaze: ../shared/data is absent");
  const photographs = await parseGaze(
    Deno.readFileSync(sharedPath("data/osie/fixations.csv")!),
    { file: "fixations.csv" },
  );
  const gaze = new Map(
    photographs.gaze.map((one) => [`${one.image} ${one.reader}`, one.fixations]),
  );
  const item = (
    id: string,
    size: [number, number],
    fixations: Item["scanpaths"][0]["fixations"],
  ) => ({
    id,
    width: size[0],
    height: size[1],
    scanpaths: [{ reader: id, fixations }],
  });
  const results = (file: string) =>
    (JSON.parse(Deno.readTextFileSync(file)) as { results: Results }).results;
  const viewers = (key: string) =>
    results(osie).map((result): Pair => ({
      expected: result[key] as Pair["expected"],
      items: [result.s1, result.s2].map((viewer) =>
        item(`${viewer}`, [800, 600], gaze.get(`${result.image} ${viewer}`)!)
      ),
    }));
  const film = async (segment: number, person: string) => {
    const file = `segment_${segment}_sub-${person}.tsv`;
    const bytes = Deno.readFileSync(sharedPath(`data/multimatch_gaze/fixvectors/${file}`)!);
    return item(person, [1280, 720], (await parseGaze(bytes, { file })).gaze[0].fixations);
  };
  const people = (key: string) =>
    Promise.all(
      results(films).map(async (result): Promise<Pair> => ({
        expected: result[key] as Pair["expected"],
        items: [
          await film(result.segment as number, "19"),
          await film(result.segment as number, "01"),
        ],
      })),
    );
  const plain = { grouping: false };
  await compare("multimatch, photographs", viewers("nogroup"), plain);
  await compare("multimatch, photographs, grouped", viewers("group_45_0.3_100"), {
    amplitude_px: 100,
  });
  await compare("multimatch, films", await people("nogroup"), plain);
  await compare("multimatch, films, grouped", await people("group_45_0.3_146.8"), {
    amplitude_px: 146.8,
  });
}

console.log(
  `${gpu.info.description || gpu.info.vendor}: largest difference from the published code`,
);
await goldens();
await real();
gpu.device.destroy();
