/** Time that passes for leases and claims, without waiting for it. */
import { LEASE_MS } from "@/lib/store/lease.ts";
import type { Store } from "@/lib/store/mod.ts";
import { until } from "./server.ts";

/** As if the clock of the database had been set forward by `ms`. */
export async function pass(store: Store, ms: number): Promise<void> {
  await store.db.run("UPDATE jobs SET lease_until = lease_until - ?", ms);
  await store.db.run("UPDATE workers SET lease_until = lease_until - ?", ms);
  if (!store.cluster) return;
  const deliveries = `${store.cluster.settings.database.schema}_queue.job`;
  const ago = "CAST(? AS DOUBLE PRECISION) * interval '1 ms'";
  await store.db.run(`UPDATE ${deliveries} SET heartbeat_on = heartbeat_on - ${ago}`, ms);
  // pg-boss sees it within a second or so.
  const lapsed = `SELECT 1 FROM ${deliveries} WHERE state = 'active'
    AND heartbeat_on < now() - ${ago} LIMIT 1`;
  await until(async () => await store.db.get(lapsed, LEASE_MS) === undefined, 20_000);
}
