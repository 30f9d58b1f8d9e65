/** Twenty rounds of faults at one machine and at a cluster; `deno task test:chaos` has 200, and repeats a seed. */
import { chaos } from "../chaos/rounds.ts";
import { withoutPostgres } from "../support/postgres.ts";

const seed = Number(Deno.env.get("MCGIP_CHAOS_SEED") ?? 1);

for (const stack of ["SQLite", "PostgreSQL"] as const) {
  const name = `faults leave every job whole: ${stack}`;
  if (stack === "PostgreSQL" && withoutPostgres) {
    Deno.test({ name: `${name} (skipped: ${withoutPostgres})`, ignore: true, fn() {} });
    continue;
  }
  Deno.test(name, async () => {
    const told: string[] = [];
    const tell = (line: string) => void told.push(line);
    try {
      const done = await chaos({ stack, rounds: 20, seed, long: false, tell });
      for (const line of told) if (!line.startsWith("round")) console.log(line);
      console.log(
        `seed ${seed}, 20 rounds (${JSON.stringify(done.faults)}), ${done.jobs} jobs, each ended ` +
          `once; begun anew ${done.again} times`,
      );
    } catch (error) {
      throw new Error(`${told.join("\n")}\n${(error as Error).stack}`);
    }
  });
}
