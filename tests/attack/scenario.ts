/** What an attack is made of: scenarios that try, and a tally of what they tried and what harm they did. */
import { Dice } from "../gaze/meaning/dice.ts";
import { stream } from "@/lib/random.ts";

export interface AttackOptions {
  seed: number;
  /** The whole thing, as a task of its own, instead of the short way of CI. */
  long: boolean;
  /** Multiplies every count. */
  rounds: number;
  /** The most that a scenario may take. */
  seconds: number;
  /** A server has to be ready again so soon after a kill, s, on a machine that has nothing else to do. */
  readySeconds: number;
}

/** A promise, and how it is tried. */
export interface Scenario {
  /** As in "0 of 12 kills did harm". */
  unit: string;
  /** What holds. */
  promise: string;
  run(attempt: Attempt): Promise<void>;
}

export interface Harm {
  scenario: string;
  what: string;
}

/** One run of one scenario. */
export class Attempt {
  /** How often it was tried. */
  tries = 0;
  readonly harms: Harm[] = [];
  /** Figures for people. */
  readonly notes: string[] = [];
  readonly dice: Dice;
  /** Why it was not tried at all. */
  skipped?: string;
  #until?: number;
  /** Threads that wanted a processor, the last of them last. */
  readonly #recent: number[] = [];

  constructor(readonly name: string, readonly options: AttackOptions) {
    this.dice = new Dice(options.seed + stream(name));
  }

  /** So often, by the options. */
  count(short: number, long: number): number {
    return Math.max(1, Math.round((this.options.long ? long : short) * this.options.rounds));
  }

  /** Whether there is time for more: it counts from the first question, so that something is tried. */
  get time(): boolean {
    this.#until ??= performance.now() + this.options.seconds * 1000;
    return performance.now() < this.#until;
  }

  tried(times = 1): void {
    this.tries += times;
  }

  harm(what: string): void {
    this.harms.push({ scenario: this.name, what });
    console.log(`  HARM ${this.name}: ${what}`);
  }

  note(text: string): void {
    this.notes.push(text);
  }

  /** How much slower than when it is idle the machine may be, by its load of the last minute or of the last seconds. */
  get slowness(): number {
    const now = this.#recent.reduce((sum, n) => sum + n, 0) / Math.max(1, this.#recent.length);
    return Math.max(1, Math.max(Deno.loadavg()[0], now) / navigator.hardwareConcurrency);
  }

  /** Looks at the load from now on, until the function that it returns is called. */
  watchLoad(): () => void {
    const timer = setInterval(() => {
      const wanting = threadsThatWant();
      if (wanting === undefined) return;
      this.#recent.push(wanting);
      if (this.#recent.length > SAMPLES) this.#recent.shift();
    }, SAMPLE_MS);
    return () => clearInterval(timer);
  }
}

/** The system's averages are those of a minute and more: too slow where others have just begun. */
const SAMPLE_MS = 500;
const SAMPLES = 16;

/** Threads that have or want a processor now; undefined where the system does not tell. */
function threadsThatWant(): number | undefined {
  try {
    const wanting = /(\d+)\/\d+/.exec(Deno.readTextFileSync("/proc/loadavg"))?.[1];
    return wanting === undefined ? undefined : Number(wanting);
  } catch {
    return undefined;
  }
}

/** Runs `body` with an empty directory that is gone afterwards. */
export async function withFolder(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = Deno.makeTempDirSync({ prefix: "mcgip_attack_" });
  try {
    await body(directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}
