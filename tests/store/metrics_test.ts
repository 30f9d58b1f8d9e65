/** Series of a job, thinned out: no peak is lost, whatever the database. */
import assert from "node:assert/strict";
import { below } from "@/lib/random.ts";
import type { MetricRow, Store } from "@/lib/store/mod.ts";
import { endedJob } from "../support/ended_job.ts";
import { withStore } from "../support/temporary.ts";

async function insert(store: Store, rows: MetricRow[]): Promise<string> {
  const { id } = await store.jobs.insert(endedJob());
  const points = rows.map(({ step, epoch, name, value }) => ({
    step,
    epoch,
    values: { [name]: value ?? NaN },
  }));
  await store.metrics.put(id, points);
  return id;
}

const row = (step: number, value: number | null, name = "loss"): MetricRow => ({
  ...{ step, epoch: step / 10, name, value },
});

Deno.test("thinned: a long series keeps its extremes, a short one and what is no number stay", () =>
  withStore(async (store) => {
    const long = Array.from({ length: 1000 }, (_, step) => row(step, Math.sin(step / 50)));
    long[333] = row(333, 9);
    long[777] = row(777, -9);
    const few = [row(5, 1, "rate"), row(900, 2, "rate")];
    const id = await insert(store, [...long, ...few]);
    const kept = plain(await store.metrics.thinned(id, 20));
    const loss = kept.filter(({ name }) => name === "loss");
    assert.ok(loss.length > 10 && loss.length <= 20, `${loss.length}`);
    for (const one of [long[333], long[777]]) {
      assert.deepEqual(loss.find(({ step }) => step === one.step), one);
    }
    assert.deepEqual(kept.filter(({ name }) => name === "rate"), few);
    const steps = kept.map(({ step }) => step);
    assert.deepEqual(steps, steps.toSorted((a, b) => a - b));
    const alone = await store.metrics.thinned(id, 20, { name: "loss" });
    assert.deepEqual(plain(alone), loss);
    const last = await store.metrics.thinned(id, 20, { afterStep: 985 });
    assert.deepEqual(plain(last), long.slice(986));
    const none = await insert(store, [row(0, null), row(1, null), row(2, null)]);
    assert.deepEqual(plain(await store.metrics.thinned(none, 2)), [row(0, null)]);
    assert.deepEqual(await store.metrics.thinned("none", 2), []);
  }));

/** Rows of a database have no prototype. */
const plain = (rows: MetricRow[]) => rows.map((row) => ({ ...row }));

/** The same, row by row. */
function slowly(rows: MetricRow[], points: number): MetricRow[] {
  const long = [...Map.groupBy(rows, ({ name }) => name).values()]
    .filter(({ length }) => length > points);
  const steps = rows.map(({ step }) => step);
  const [low, high] = [Math.min(...steps), Math.max(...steps)];
  const width = Math.ceil((high - low + 1) / (points / 2));
  return long.flatMap((series) =>
    [...Map.groupBy(series, ({ step }) => Math.floor((step - low) / width)).values()]
      .flatMap((span) => {
        const values = span.flatMap(({ value }) => value ?? []);
        if (values.length === 0) return [span[0]];
        return [...new Set([Math.min(...values), Math.max(...values)])]
          .map((value) => span.find((one) => one.value === value)!);
      })
  ).sort((a, b) => a.step - b.step || (a.name < b.name ? -1 : 1));
}

Deno.test("thinned: as row by row, with gaps, equal values and values that are none", () =>
  withStore(async (store) => {
    for (let seed = 0; seed < 8; seed++) {
      const rows = ["a", "b", "c d"].flatMap((name, n) =>
        Array.from({ length: 400 }, (_, i) => 7 + i * (1 + seed % 3) + below(2, seed, i, n))
          .filter((step, i, all) => all.indexOf(step) === i && below(4, seed, n, step) > 0)
          .map((step) =>
            row(step, below(5, seed, n, step, 1) === 0 ? null : below(9, seed, n, step, 2), name)
          )
      );
      const id = await insert(store, rows);
      const points = 2 * (3 + below(40, seed));
      assert.deepEqual(
        plain(await store.metrics.thinned(id, points)),
        slowly(rows, points),
        `${seed}`,
      );
    }
  }));
