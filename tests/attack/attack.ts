/**
 * `deno task test:attack`: attacks a server of its own on a loopback address, scenario by scenario, and tells
 * what harm was done. Every choice follows from the seed. Ends with 1 where there was any.
 */
import { optionsOrEnd } from "@/lib/options.ts";
import { type AttackOptions, Attempt, type Harm, type Scenario } from "./scenario.ts";
import { canary } from "./scenarios/canary.ts";
import { corpora } from "./scenarios/corpora.ts";
import { damage } from "./scenarios/damage.ts";
import { disk } from "./scenarios/disk.ts";
import { floods } from "./scenarios/floods.ts";
import { forms } from "./scenarios/forms.ts";
import { kills } from "./scenarios/kills.ts";
import { mutated } from "./scenarios/mutated.ts";
import { signals } from "./scenarios/signals.ts";
import { slow } from "./scenarios/slow.ts";
import { soak } from "./scenarios/soak.ts";
import { versions } from "./scenarios/versions.ts";

/** Those first that wait most: others are tried beside them. */
export const scenarios: Record<string, Scenario> = {
  ...{ slow, kills, signals, disk, damage, versions, floods },
  ...{ soak, corpora, mutated, canary, forms },
};

const HELP = `deno task test:attack [OPTIONS]

  --scenario NAMES  some only, with commas: ${Object.keys(scenarios).join(", ")}
  --seed N          other choices; 1 otherwise
  --rounds X        so many times the usual count, 0.1 or 3
  --seconds N       the most for each scenario beside what prepares it; 8, with --long 3600; not of damage,
                    floods and slow, which are whole always
  --within N        s after which no scenario is begun any more, which is told; never without it
  --lanes N         scenarios at one time, each on a server of its own; 3, with --long 1
  --ready N         s within which a server has to be ready again after a kill, on an idle machine; 5
  --out FILE        figures of each scenario as JSON
  --long            200 kills, 500 forms, every hostile file at every door: hours`;

/** Runs a scenario; what it throws is harm too. */
export async function attempt(
  name: string,
  scenario: Scenario,
  options: AttackOptions,
): Promise<Attempt> {
  const made = new Attempt(name, options);
  const started = performance.now();
  const stop = made.watchLoad();
  try {
    await scenario.run(made);
  } catch (error) {
    made.harm(`the scenario could not go on: ${(error as Error).stack ?? error}`);
  } finally {
    stop();
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  const { tries, harms, notes, skipped } = made;
  console.log(
    skipped === undefined
      ? `${harms.length > 0 ? "HARM" : "ok  "} ${name.padEnd(9)} ${harms.length} of ${tries} ` +
        `${scenario.unit} did harm, ${seconds} s`
      : `--   ${name.padEnd(9)} skipped: ${skipped}`,
  );
  for (const note of notes) console.log(`     ${note}`);
  return made;
}

/** Works on the names in their order, some at one time; what they give, in the same order. */
export async function inLanes<T>(
  names: string[],
  lanes: number,
  work: (name: string) => Promise<T>,
): Promise<T[]> {
  const done: T[] = [];
  const queue = names.entries();
  const lane = async () => {
    for (const [i, name] of queue) done[i] = await work(name);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return done;
}

/** A scenario that is not tried: this machine has too much else to do. */
const tooLate = (scenario: Scenario, seconds: number): Scenario => ({
  ...scenario,
  run(attempt) {
    attempt.skipped = `it was not begun within ${seconds} s; --scenario ${attempt.name} tries it`;
    return Promise.resolve();
  },
});

/** The last line. */
export function verdict(attempts: { tries: number; harms: Harm[] }[], seed: number): string {
  const harms = attempts.reduce((sum, { harms }) => sum + harms.length, 0);
  const tries = attempts.reduce((sum, { tries }) => sum + tries, 0);
  return `${harms} of ${tries} attacks did harm (seed ${seed})`;
}

function number(text: string, option: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value >= 0) return value;
  console.error(`Cannot attack with --${option} ${text}: a number is needed`);
  Deno.exit(2);
}

if (import.meta.main) {
  const values = optionsOrEnd(HELP, "attack", {
    scenario: { type: "string" },
    seed: { type: "string", default: "1" },
    rounds: { type: "string", default: "1" },
    seconds: { type: "string" },
    lanes: { type: "string" },
    within: { type: "string" },
    ready: { type: "string", default: "5" },
    long: { type: "boolean", default: false },
    out: { type: "string" },
  });
  const chosen = values.scenario?.split(",") ?? Object.keys(scenarios);
  const unknown = chosen.find((name) => !(name in scenarios));
  if (unknown !== undefined) {
    console.error(`Cannot attack by "${unknown}": there are ${Object.keys(scenarios).join(", ")}`);
    Deno.exit(2);
  }
  const options: AttackOptions = {
    seed: number(values.seed, "seed"),
    rounds: number(values.rounds, "rounds"),
    seconds: number(values.seconds ?? (values.long ? "3600" : "8"), "seconds"),
    readySeconds: number(values.ready, "ready"),
    long: values.long,
  };
  const lanes = Math.max(1, number(values.lanes ?? (values.long ? "1" : "3"), "lanes"));
  const started = performance.now();
  const most = number(values.within ?? "1e9", "within");
  const attempts = await inLanes(chosen, lanes, (name) => {
    const late = performance.now() - started > most * 1000;
    return attempt(name, late ? tooLate(scenarios[name], most) : scenarios[name], options);
  });
  if (values.out !== undefined) {
    const figures = attempts.map(({ name, tries, harms, notes, skipped }) => (
      { name, unit: scenarios[name].unit, tries, harms, notes, skipped: skipped ?? null }
    ));
    Deno.writeTextFileSync(values.out, JSON.stringify(figures, null, 2));
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  const load = Deno.loadavg().map((load) => load.toFixed(1)).join(", ");
  console.log(`${seconds} s, load ${load}`);
  for (const { scenario, what } of attempts.flatMap(({ harms }) => harms)) {
    console.log(`HARM ${scenario}: ${what}`);
  }
  console.log(verdict(attempts, options.seed));
  Deno.exit(attempts.some(({ harms }) => harms.length > 0) ? 1 : 0);
}
