/**
 * `deno task test:chaos`: rounds of faults at a cluster and at one machine, and whether all is whole after each. Every
 * fault follows from the seed. The last line is the figure; ends with 1 where anything was not whole.
 */
import { optionsOrEnd, wholeNumber } from "@/lib/options.ts";
import { withoutPostgres } from "../support/postgres.ts";
import { chaos } from "./rounds.ts";

const HELP = `deno task test:chaos [OPTIONS]

  --rounds N    on each of them; 200 otherwise
  --seed N      other faults; 1 otherwise
  --stack NAME  SQLite or PostgreSQL alone
  --short       silence of some seconds, with leases set back, in place of 5 to 60 s`;

const values = optionsOrEnd(HELP, "try faults", {
  rounds: { type: "string" },
  seed: { type: "string" },
  stack: { type: "string" },
  short: { type: "boolean" },
});

const STACKS = ["PostgreSQL", "SQLite"] as const;
const rounds = wholeNumber("--rounds", values.rounds, { otherwise: 200, least: 1, most: 10_000 });
const seed = wholeNumber("--seed", values.seed, { otherwise: 1, most: 2 ** 31 });
const stacks = STACKS.filter((stack) => values.stack === undefined || values.stack === stack);
if (stacks.length === 0) {
  console.error(`Cannot try faults at ${values.stack}: --stack takes ${STACKS.join(" or ")}`);
  Deno.exit(2);
}

console.log(`seed ${seed}`);
let passed = 0;
const figures: string[] = [];
for (const stack of stacks) {
  if (stack === "PostgreSQL" && withoutPostgres) {
    console.log(`${stack}: skipped, ${withoutPostgres}`);
    continue;
  }
  let round = 0;
  const tell = (line: string) => {
    const [, at] = /^round (\d+)/.exec(line) ?? [];
    // That of before is whole when the next one begins.
    if (at) round = Number(at);
    console.log(`${stack}: ${line}`);
  };
  try {
    const { faults, jobs, again, seconds } = await chaos({
      ...{ stack, rounds, seed, tell, long: !values.short },
    });
    passed += rounds;
    console.log(`${stack}: ${JSON.stringify(faults)}`);
    figures.push(
      `${stack}: ${jobs} jobs ended once, begun anew ${again} times, in ${seconds.toFixed(0)} s`,
    );
  } catch (error) {
    passed += Math.max(0, round - 1);
    console.log(`${stack}: not whole\n${(error as Error).stack}`);
    figures.push(`${stack}: not whole in or after round ${round}`);
  }
}
const asked = rounds * stacks.length;
console.log(`${passed} of ${asked} rounds left all whole (seed ${seed}; ${figures.join("; ")})`);
Deno.exit(passed === asked ? 0 : 1);
