/**
 * kill -9 at random moments, of each process and of all, over every kind of work: results are to the bit what an
 * undisturbed server computes, nothing acknowledged is lost, nothing is there by half, and it is ready again soon.
 */
import { type Client, images, imports, models, resumable } from "../clients.ts";
import { ended, type Job, putSet, run } from "../content.ts";
import { digest, Ledger, unsound, weightsOf } from "../ledger.ts";
import { type Attempt, type Scenario, withFolder } from "../scenario.ts";
import { pause, type Role, Victim, within } from "../victim.ts";

export const kills: Scenario = {
  unit: "kills",
  promise:
    "change no result, lose nothing acknowledged, and leave a server that is ready within 5 s",
  run: (attempt) =>
    withFolder(async (folder) => {
      const undisturbed = await Undisturbed.start(`${folder}/undisturbed`);
      const victim = await Victim.start({ data: `${folder}/killed` });
      try {
        await putSet(victim, "t", IMAGES);
        await new Killer(attempt, victim, undisturbed).go();
      } finally {
        await victim.end();
        await undisturbed.end();
      }
    }),
};

const IMAGES = 24;
/** Rounds that are always tried: two with a job, one of writes alone. */
const LEAST = 3;
const small = { backbone: "resnet18", width: 4, image_size: 32, batch_size: 6, tuning: "off" };
const trained = { kind: "pretrain", dataset: "t", arm: "none", epochs: 8, ...small };

/** Jobs whose results are compared; each seed of a study is a new one, so that its cells are computed. */
const computed: Record<string, (round: number) => Record<string, unknown>> = {
  byol: () => ({ ...trained, method: "byol", seed: 1 }),
  moco: () => ({ ...trained, method: "moco", seed: 2, config: { queue: 24 } }),
  finetune: () => ({
    ...{ kind: "finetune", dataset: "t", init: "scratch", epochs: 6, seed: 1 },
    ...small,
  }),
  similarity: () => ({ kind: "similarity", dataset: "t", measure: "multimatch" }),
  study: (round) => ({
    ...{ kind: "study", dataset: "t", methods: ["byol"], arms: ["none"], backbones: ["resnet18"] },
    seeds: [100 + 2 * round, 101 + 2 * round],
    finetune: { epochs: 1, tuning: "off" },
    pretrain: { width: 4, image_size: 32, epochs: 2, batch_size: 8, tuning: "off" },
  }),
};

const written: Record<string, Client> = { images, imports, resumable, models };

/** SHA-256 of what a job computed, without the ids that differ from server to server. */
async function resultOf(victim: Victim, job: Job): Promise<string> {
  const { model, similarity, study } = job.result ?? {};
  if (model || job.state !== "succeeded") return await weightsOf(victim, job);
  const path = study
    ? `/v1/studies/${study}/table?format=csv`
    : `/v1/similarities/${similarity}/matrix?format=npy`;
  const answer = await victim.fetch(path);
  const bytes = await answer.bytes();
  return answer.ok ? digest(bytes) : `${path}: ${answer.status}`;
}

/** A server that nobody kills, and how long it takes. */
class Undisturbed {
  readonly #results = new Map<string, { result: string; ms: number }>();

  private constructor(readonly victim: Victim) {}

  static async start(data: string): Promise<Undisturbed> {
    const victim = await Victim.start({ data });
    await putSet(victim, "t", IMAGES);
    return new Undisturbed(victim);
  }

  async of(spec: Record<string, unknown>): Promise<{ result: string; ms: number }> {
    const key = JSON.stringify(spec);
    const known = this.#results.get(key);
    if (known) return known;
    const started = performance.now();
    const job = await run(this.victim, spec);
    const ms = performance.now() - started;
    if (job.state !== "succeeded") throw new Error(`Cannot compare: ${job.state}: ${job.error}`);
    const made = { result: await resultOf(this.victim, job), ms };
    this.#results.set(key, made);
    return made;
  }

  end = () => this.victim.end();
}

class Killer {
  readonly #ledger = new Ledger();
  readonly #ready: { role: Role | "all"; seconds: number }[] = [];
  #differ = 0;
  #acknowledged = 0;

  constructor(
    readonly attempt: Attempt,
    readonly victim: Victim,
    readonly undisturbed: Undisturbed,
  ) {}

  async go(): Promise<void> {
    const { attempt } = this;
    const kinds = Object.keys(computed);
    const clients = Object.keys(written);
    const total = attempt.count(10, 200);
    for (let round = 0; attempt.tries < total && (round < LEAST || attempt.time); round++) {
      // Every kind of work and of death, in an order that each seed shuffles.
      const kind = round % 3 === 2
        ? undefined
        : kinds[(round + attempt.options.seed) % kinds.length];
      const client = kind && attempt.dice.chance(0.5) ? undefined : attempt.dice.pick(clients);
      await this.#round(round, kind, client);
    }
    await this.#inARow(attempt.options.long ? 9 : 4);
    const { length } = this.#ready;
    const seconds = this.#ready.map(({ seconds }) => seconds).sort((a, b) => a - b);
    attempt.note(
      `results that differ ${this.#differ}; acknowledged ${this.#acknowledged}; ready again after ` +
        `${seconds[length >> 1].toFixed(1)} s (median), ${seconds.at(-1)!.toFixed(1)} s (longest)`,
    );
  }

  async #round(round: number, kind: string | undefined, client: string | undefined) {
    const { attempt, victim, undisturbed } = this;
    const { dice } = attempt;
    const role = dice.pick(["worker", "api", "launcher", "all"] as const);
    const what = [kind, client].filter(Boolean).join(" + ");
    const spec = kind === undefined ? undefined : computed[kind](round);
    const wanted = spec && await undisturbed.of(spec);
    const stop = new AbortController();
    const writing = client
      ? written[client](victim, this.#ledger, `k${round}`, stop.signal)
      : Promise.resolve();
    const job = spec && await victim.json<Job>("POST", "/v1/jobs", spec);
    for (let times = wanted ? dice.whole(1, 2) : 1; times > 0; times--) {
      await pause(dice.between(50, wanted ? Math.max(500, wanted.ms * 0.7) : 1500));
      await this.#kill(role, `round ${round}, ${what}`);
    }
    stop.abort();
    await writing;
    if (job) {
      const got = await resultOf(victim, await ended(victim, job.id));
      if (got !== wanted!.result) {
        this.#differ++;
        attempt.harm(
          `round ${round}, ${what}, ${role} killed: ${got} instead of ${wanted!.result}`,
        );
      }
    }
    const wrong = [...await this.#ledger.broken(victim), ...unsound(victim.data)];
    if (/is not whole/.test(victim.log)) wrong.push("a log that nobody damaged is told to be");
    for (const one of wrong) attempt.harm(`round ${round}, ${what}, ${role} killed: ${one}`);
    this.#acknowledged = Math.max(this.#acknowledged, this.#ledger.size);
    // Unfinished uploads are given up: there may be so many at most.
    for (const upload of this.#ledger.offsets.keys()) {
      await victim.json("DELETE", upload).catch(() => {});
    }
    this.#ledger.offsets.clear();
  }

  /** Kills, starts again what nobody else does, and waits until it is ready. */
  async #kill(role: Role | "all", what: string): Promise<void> {
    const { attempt, victim } = this;
    attempt.tried();
    const before = victim.pids();
    const started = performance.now();
    victim.signal(role);
    if (role === "launcher" || role === "all") {
      const left = await victim.gone(Object.values(before), 20_000);
      if (left.length > 0) attempt.harm(`${what}: ${left.length} processes outlived the launcher`);
      await victim.start();
    } else if (role === "worker") {
      // Until it is another one: the API does not know at once.
      await within(
        30_000 * attempt.slowness,
        () => ![undefined, before.worker].includes(victim.pids().worker),
      );
    } else {
      await within(
        30_000 * attempt.slowness,
        () => ![undefined, before.api].includes(victim.pids().api),
      );
    }
    const ready = await victim.ready(90_000 * attempt.slowness);
    const seconds = (performance.now() - started) / 1000;
    if (ready === undefined) {
      attempt.harm(`${what}, ${role} killed: not ready within 90 s\n${victim.log.slice(-800)}`);
      if (victim.over) await victim.start();
      await victim.ready(90_000);
    } else this.#told(role, seconds, what);
  }

  #told(role: Role | "all", seconds: number, what: string): void {
    const { attempt } = this;
    this.#ready.push({ role, seconds });
    const most = attempt.options.readySeconds * attempt.slowness;
    if (seconds > most) {
      attempt.harm(
        `${what}, ${role} killed: ready after ${seconds.toFixed(1)} s, at most ${most.toFixed(1)}`,
      );
    }
  }

  /** One worker after the other, each as soon as it is there. */
  async #inARow(times: number): Promise<void> {
    const { attempt, victim } = this;
    for (let left = times; left > 0; left--) {
      await within(30_000, () => victim.pids().worker !== undefined);
      const [worker] = victim.signal("worker");
      await within(30_000, () => victim.pids().worker !== worker);
      attempt.tried();
    }
    const started = performance.now();
    await victim.ready(90_000);
    const seconds = (performance.now() - started) / 1000;
    attempt.note(`ready ${seconds.toFixed(1)} s after the last of ${times} kills in a row`);
    this.#told("worker", seconds, `${times} in a row`);
  }
}
