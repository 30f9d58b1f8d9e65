/** Mutated inputs of every kind, through the door of each; and every query of every route with odd values. */
import { Assault } from "../assault.ts";
import { furnish } from "../content.ts";
import { doors } from "../inputs.ts";
import { mutate, mutateJson } from "../mutate.ts";
import { type Attempt, type Scenario } from "../scenario.ts";
import { type Victim, withVictim } from "../victim.ts";

export const mutated: Scenario = {
  unit: "mutated inputs",
  promise: "of every kind are read or refused with a word of why, and end no process",
  run: (attempt) => withVictim((victim) => assail(attempt, victim)),
};

async function assail(attempt: Attempt, victim: Victim): Promise<void> {
  const { dice } = attempt;
  const stage = await furnish(victim);
  const all = await doors(stage);
  const assault = Assault.on(attempt, victim);
  // Round by round, so that a time that runs out cuts all kinds alike.
  for (let round = attempt.count(14, 500); round > 0 && attempt.time; round--) {
    for (const { kind, method, path, type, seeds, json } of all) {
      const body = json ? mutateJson(dice.pick(json), dice) : mutate(dice.pick(seeds), dice);
      const { status, text } = await assault.fire({ method, path, type, body, what: kind });
      if (path === "/v1/jobs" && status === 202) await cancel(victim, JSON.parse(text).id);
    }
  }
  for (const path of await queries(victim, stage as unknown as Record<string, string>)) {
    if (!attempt.time) break;
    for (let left = attempt.count(1, 12); left > 0; left--) {
      const query = path.parameters.map((name) =>
        `${name}=${encodeURIComponent(dice.pick(path.of[name] ?? ODD))}`
      );
      const chosen = query.filter(() => dice.chance(2 / query.length));
      const url = `${path.path}?${(chosen.length > 0 ? chosen : query.slice(0, 1)).join("&")}`;
      await assault.fire({ method: "GET", path: url, what: "odd query" });
    }
  }
  attempt.note(`${all.length} kinds; ${assault.summary()}`);
}

async function cancel(victim: Victim, id: string): Promise<void> {
  await (await victim.fetch(`/v1/jobs/${id}/cancel`, { method: "POST" })).body?.cancel();
}

const ODD = [
  ...["", "-1", "0", "1e9", "NaN", "__proto__", "constructor", "\0", "a".repeat(3000), "null"],
  ...["{", "[]", '{"seed":1}', "' OR 1=1 --", "../../x", "\u{1f480}", "true", "1,2,3", "=1+1"],
  ...["json", "csv", "parquet", "npy", "xml", "2020-01-01", "9007199254740993", "%"],
];

interface Query {
  path: string;
  parameters: string[];
  /** Values that are good, by parameter, beside odd ones. */
  of: Record<string, string[]>;
}

/** The reading routes that take a query, by the server's own description. */
async function queries(victim: Victim, ids: Record<string, string>): Promise<Query[]> {
  interface Described {
    paths: Record<
      string,
      { get?: { parameters?: { name: string; in: string; schema?: { enum?: string[] } }[] } }
    >;
  }
  const { paths } = await victim.json<Described>("GET", "/openapi.json");
  const found: Query[] = [];
  for (const [pattern, { get }] of Object.entries(paths)) {
    const query = (get?.parameters ?? []).filter((one) => one.in === "query");
    // A stream of events does not end by itself.
    if (query.length === 0 || pattern.endsWith("/events")) continue;
    const [, , kind = ""] = pattern.split("/");
    const id = kind === "jobs" ? ids.job : ids[kind.replace(/ies$/, "y").replace(/s$/, "")];
    found.push({
      path: pattern.replace("{name}", "base").replace(/\{image\*?\}/, "c000")
        .replace("{id}", id ?? "none"),
      parameters: query.map(({ name }) => name),
      of: Object.fromEntries(
        query.filter(({ schema }) => schema?.enum).map(({ name, schema }) => [
          name,
          [...schema!.enum!, ...schema!.enum!, ...ODD],
        ]),
      ),
    });
  }
  return found;
}
