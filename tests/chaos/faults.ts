/** Faults, as a seed draws them: what happens, to whom, and for how long. */
import { uniform } from "@/lib/random.ts";
import { LEASE_MS } from "@/lib/store/lease.ts";
import type { TestServer } from "../support/server.ts";
import { fill } from "../support/small_disk.ts";
import { mends } from "../support/tcp_proxy.ts";
import { pause, signal, WORKERS, type World } from "./world.ts";

export interface Fault {
  kind: string;
  /** Two faults of the same come one after the other. */
  victim: string;
  /** For people. */
  how: string;
  ms: number;
  /** Whether leases end meanwhile, as if that took longer. */
  lapses: boolean;
  begin(): Promise<void> | void;
  end?(): Promise<void> | void;
}

export class Dice {
  #at = 0;
  constructor(readonly seed: number) {}

  /** A number from 0 to n - 1. */
  below(n: number): number {
    return Math.floor(uniform(this.seed, this.#at++) * n);
  }

  of<T>(values: readonly T[]): T {
    return values[this.below(values.length)];
  }

  shuffled<T>(values: readonly T[]): T[] {
    const rest = [...values];
    return values.map(() => rest.splice(this.below(rest.length), 1)[0]);
  }

  between(low: number, high: number): number {
    return low + uniform(this.seed, this.#at++) * (high - low);
  }

  /** Small ones as often as large ones. */
  evenly(low: number, high: number): number {
    return low * (high / low) ** uniform(this.seed, this.#at++);
  }
}

/** The process of a server that answers; its launcher starts it again when it ends. */
async function toServer(server: TestServer, name: Deno.Signal): Promise<number | undefined> {
  // One that was killed just now is being started again.
  for (let tries = 0; tries < 100; tries++) {
    const { api } = server.children();
    if (api !== undefined) {
      signal(api, name);
      return api;
    }
    await pause(100);
  }
}

/**
 * What may be drawn in a world, each with its numbers, whatever goes on there: a seed gives the same faults again.
 * @param long times as the world has them: 5 to 60 s of silence, more than a lease of partition; otherwise some seconds,
 *   in half of which leases are set back
 */
export function faultsOf(world: World, dice: Dice, long: boolean): (() => Fault)[] {
  const { servers, ways, disks, postgres, bucket } = world;
  const silence = () =>
    long
      ? { ms: dice.evenly(5_000, 60_000), lapses: false }
      : { ms: dice.between(300, 4_000), lapses: dice.below(2) === 0 };
  const atOnce = { ms: 0, lapses: false };
  const trouble = () => long ? dice.evenly(2_000, 30_000) : dice.between(1_000, 6_000);
  const drawServer = () => {
    const i = dice.below(servers.length);
    return { server: servers[i], victim: `server ${"ab"[i]}` };
  };

  const faults: (() => Fault)[] = [
    () => {
      const name = dice.of(WORKERS);
      return {
        ...{ kind: "worker killed", victim: name, how: name, ...atOnce },
        begin: () => world.killWorker(name),
      };
    },
    () => {
      const name = dice.of(WORKERS);
      return {
        ...{ kind: "worker frozen", victim: name, how: name, ...silence() },
        begin: () => world.signalWorker(name, "SIGSTOP"),
        end: () => world.signalWorker(name, "SIGCONT"),
      };
    },
    () => {
      const { server, victim } = drawServer();
      return {
        ...{ kind: "API killed", victim, how: victim, ...atOnce },
        begin: async () => void await toServer(server, "SIGKILL"),
      };
    },
    () => {
      const { server, victim } = drawServer();
      let api: number | undefined;
      return {
        ...{ kind: "API frozen", victim, how: victim, ...silence() },
        begin: async () => void (api = await toServer(server, "SIGSTOP")),
        end: () => {
          if (api !== undefined) signal(api, "SIGCONT");
        },
      };
    },
    () => {
      const name = dice.of(WORKERS.slice(1));
      const all = ways.get(name)!;
      // From all of them, or from one.
      const drawn = dice.below(all.length + 1);
      const cut = drawn === all.length ? all : [all[drawn]];
      const how = dice.of(mends);
      const time = long
        ? { ms: LEASE_MS + dice.between(1_000, 15_000), lapses: false }
        : { ms: dice.between(2_000, 6_000), lapses: true };
      const from = cut === all ? "all servers" : `server ${"ab"[drawn]}`;
      return {
        ...{ kind: "partition", victim: `way of ${name}`, ...time },
        how: `${name} from ${from}, then ${how}`,
        begin: () => cut.forEach((way) => way.cut()),
        end: () => cut.forEach((way) => way.mend(how)),
      };
    },
  ];
  for (const [name, disk] of disks) {
    const kind = name === "third" ? "worker's disk full" : "API's disk full";
    faults.push(() => ({
      ...{ kind, victim: `disk of ${name}`, how: name, ms: trouble(), lapses: false },
      begin: () => fill(`${disk}/filler`),
      end: () => Deno.removeSync(`${disk}/filler`),
    }));
  }
  if (postgres) {
    faults.push(
      () => ({
        ...{ kind: "database killed", victim: "database", how: "", lapses: false },
        ms: dice.between(1_000, 20_000),
        async begin() {
          postgres.kill("SIGKILL");
          await postgres.ended();
        },
        end: () => postgres.start(),
      }),
      () => {
        let frozen: number[] = [];
        return {
          ...{ kind: "database frozen", victim: "database", how: "", lapses: false },
          ms: long ? dice.evenly(5_000, 60_000) : dice.between(300, 4_000),
          begin: () => (frozen = postgres.processes()).forEach((pid) => signal(pid, "SIGSTOP")),
          end: () => frozen.forEach((pid) => signal(pid, "SIGCONT")),
        };
      },
    );
  }
  if (bucket) {
    for (const what of ["503", "slow"] as const) {
      faults.push(() => ({
        ...{ kind: `bucket ${what}`, victim: "bucket", how: "", ms: trouble(), lapses: false },
        begin: () => void (bucket.trouble = what),
        end: () => void (bucket.trouble = null),
      }));
    }
  }
  return faults;
}
