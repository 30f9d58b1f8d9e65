/** Forms that are cut at every length and mutated: each is refused, or taken, and ends nothing else. */
import { Assault } from "../assault.ts";
import { furnish } from "../content.ts";
import { doors } from "../inputs.ts";
import { mutate } from "../mutate.ts";
import { type Attempt, type Scenario } from "../scenario.ts";
import { figuresOf, pause, type Victim, withVictim } from "../victim.ts";

export const forms: Scenario = {
  unit: "truncated or mutated forms",
  promise: "end no process, leave no file and no handle, and are answered with a word of why",
  run: (attempt) => withVictim((victim) => assail(attempt, victim)),
};

async function assail(attempt: Attempt, victim: Victim): Promise<void> {
  const { dice } = attempt;
  const stage = await furnish(victim);
  const kinds = (await doors(stage)).filter(({ type }) => type.startsWith("multipart/"));
  const assault = Assault.on(attempt, victim);
  const api = victim.pids().api!;
  const handles = figuresOf(api)!.handles;
  for (let left = attempt.count(120, 500); left > 0 && attempt.time; left--) {
    const { kind, method, path, type, seeds } = dice.pick(kinds);
    const good = dice.pick(seeds);
    const cut = dice.chance(0.6);
    // Near the end, where the last boundary is, as often as anywhere else.
    const at = dice.chance(0.5)
      ? dice.whole(0, good.length)
      : Math.max(0, good.length - dice.whole(0, 60));
    const body = cut ? good.slice(0, at) : mutate(good, dice);
    const what = `${kind}, ${cut ? `cut at ${at} of ${good.length}` : "mutated"}`;
    await assault.fire({ method, path, type, body, what });
  }
  attempt.note(assault.summary());
  if (victim.pids().api !== api) return;
  await pause(500);
  const left = [...Deno.readDirSync(`${victim.data}/tmp`)].length;
  if (left > 0) attempt.harm(`${left} files are left in tmp/`);
  const more = figuresOf(api)!.handles - handles;
  // The threads of pools keep some; a form that leaked would leave one each.
  if (more > 40) attempt.harm(`${more} more handles are open than before`);
  attempt.note(`handles ${more >= 0 ? "+" : ""}${more}, tmp/ empty`);
}
