/** Hostile and odd files of public corpora (`../shared/badinputs`), through every door that takes bytes. */
import { Assault } from "../assault.ts";
import { furnish } from "../content.ts";
import { type Bytes, type Door, doors } from "../inputs.ts";
import { picture, zipOf } from "../../support/archives.ts";
import { sharedPath } from "../../support/shared.ts";
import { type Attempt, type Scenario } from "../scenario.ts";
import { type Victim, withVictim } from "../victim.ts";

export const corpora: Scenario = {
  unit: "hostile files at doors",
  promise: "end no process and are answered with a word of why",
  async run(attempt) {
    const folder = sharedPath("badinputs");
    if (!folder) {
      attempt.skipped = "../shared/badinputs is absent";
      return;
    }
    await withVictim((victim) => assail(attempt, victim, folder));
  },
};

function* filesOf(folder: string): Generator<string> {
  const entries = [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1);
  for (const { name, isDirectory, isFile } of entries) {
    if (isDirectory) yield* filesOf(`${folder}/${name}`);
    else if (isFile) yield `${folder}/${name}`;
  }
}

/** The file at each of the places that an archive has for one. */
const within: Record<string, (bytes: Bytes) => Promise<Bytes>> = Object.fromEntries(
  ["images/hostile.png", "gaze/hostile.csv", "labels.csv", "dataset.json", "heatmaps/good.png"]
    .map((name) => [
      `ZIP, ${name}`,
      (bytes) => zipOf({ "images/good.png": picture(16, 16), [name]: bytes }),
    ]),
);

async function assail(attempt: Attempt, victim: Victim, folder: string): Promise<void> {
  const stage = await furnish(victim);
  const seen = new Set<string>();
  // One door each, whatever it is that goes in by it.
  const all: Door[] = (await doors(stage)).filter(({ method, path, type }) => {
    const key = `${method} ${path} ${type}`;
    return !seen.has(key) && seen.add(key);
  });
  const assault = Assault.on(attempt, victim);
  const files = [...filesOf(folder)];
  // In the short way some of them, others for every seed, each by two doors.
  const { long, seed } = attempt.options;
  const step = long ? 1 : Math.max(1, Math.floor(files.length / attempt.count(60, 1)));
  for (let i = seed % step; i < files.length && attempt.time; i += step) {
    const bytes: Bytes = new Uint8Array(Deno.readFileSync(files[i]));
    const what = files[i].slice(folder.length + 1);
    const chosen = long ? all : [attempt.dice.pick(all), attempt.dice.pick(all)];
    for (const { method, path, type, kind } of chosen) {
      const told = type.startsWith("multipart/") ? boundaryOf(bytes, type) : type;
      const shot = { method, path, type: told, body: bytes, what: `${what} as ${kind}` };
      const { status, text } = await assault.fire(shot);
      if (path === "/v1/jobs" && status === 202) {
        await victim.json("POST", `/v1/jobs/${JSON.parse(text).id}/cancel`);
      }
    }
    const places = Object.entries(within);
    for (const [kind, wrap] of long ? places : [attempt.dice.pick(places)]) {
      await assault.fire({
        ...{ method: "PUT", path: "/v1/datasets/hostile", type: "application/zip" },
        body: await wrap(bytes),
        what: `${what} as ${kind}`,
      });
    }
  }
  attempt.note(`${files.length} files; ${assault.summary()}`);
}

/** The type with the boundary that the file itself uses, where it has one. */
function boundaryOf(bytes: Bytes, type: string): string {
  const head = new TextDecoder("latin1").decode(bytes.subarray(0, 2000));
  const own = /--([\x21-\x7e]{1,70})\r?\n/.exec(head)?.[1];
  return own && !/["\\;,]/.test(own) ? type.replace(/boundary=.*/, `boundary=${own}`) : type;
}
