/** The light reads on both databases, in turn: what PostgreSQL costs who reads. */
import { furnish } from "@/tests/attack/content.ts";
import { figuresOf, Victim } from "@/tests/attack/victim.ts";
import { quantile } from "../load.ts";
import type { Latencies } from "../reliability/evenly.ts";
import { evenly, light } from "../reliability/reads.ts";
import type { Row } from "../reliability/row.ts";
import { type Stack, withStacks } from "./stacks.ts";

const RATE = 150;
const ROUNDS = 8;
const SECONDS = 4;
const of = `Light reads, ${RATE} requests/s over 12 routes, on both databases in turn`;

interface Side {
  stack: Stack;
  victim: Victim;
  paths: string[];
  rounds: (Latencies & { busy_ms: number })[];
}

async function prepare(stack: Stack): Promise<Side> {
  const victim = await Victim.start({ data: `${stack.folder}/reads`, env: stack.env });
  const stage = await furnish(victim);
  const paths = light("base", "c001", stage, stage.job);
  // The first of each makes statements and caches.
  await evenly(victim.url, victim.key, paths, 1, RATE);
  return { stack, victim, paths, rounds: [] };
}

/** The middle one of the rounds: what else the machine did in one of them is not in it. */
const middle = ({ rounds }: Side, figure: "p50" | "p99" | "busy_ms") =>
  quantile(rounds.map((round) => round[figure]), 0.5);

export async function readsOnBoth(): Promise<Row[]> {
  return await withStacks(async (stacks) => {
    const sides: Side[] = [];
    try {
      for (const stack of stacks) sides.push(await prepare(stack));
      for (let round = 0; round < ROUNDS; round++) {
        for (const side of round % 2 ? sides.toReversed() : sides) {
          const { victim, paths, rounds } = side;
          const api = victim.pids().api!;
          const before = figuresOf(api)!.all_ms;
          const got = await evenly(victim.url, victim.key, paths, SECONDS, RATE);
          rounds.push({ ...got, busy_ms: (figuresOf(api)!.all_ms - before) / got.sent });
        }
      }
    } finally {
      for (const { victim } of sides) await victim.end();
    }
    const [sqlite, postgres] = sides;
    const bad = sides.flatMap(({ rounds }) => rounds).reduce((sum, { bad }) => sum + bad, 0);
    const both = (figure: "p50" | "p99" | "busy_ms", digits: number) =>
      sides.map((side) => middle(side, figure).toFixed(digits)).join(" and ");
    const ratio = middle(postgres, "p99") / middle(sqlite, "p99");
    return [
      {
        of,
        what: "p99 on PostgreSQL, over that on SQLite",
        wanted: "at most 2 times",
        measured: `${ratio.toFixed(1)} times: SQLite and PostgreSQL ${both("p99", 1)} ms (p50 ` +
          `${both("p50", 1)} ms), medians of ${ROUNDS} rounds of ${RATE * SECONDS}` +
          `${bad > 0 ? `; ${bad} refused` : ""}`,
        holds: bad === 0 && ratio <= 2,
      },
      {
        of,
        what: "processor time of the API a request, SQLite and PostgreSQL",
        wanted: "",
        measured: `${both("busy_ms", 2)} ms`,
      },
    ];
  });
}
