/** A lease: for how long a worker that says nothing is taken for alive. The database's clock alone counts. */
import type { Database } from "./database.ts";

export const LEASE_MS = 30_000;
/** How often a living worker's is prolonged. */
export const HOLD_MS = 5_000;

/** A condition on a row's `lease_until`. One further away than a lease is long was given before the clock was set back. */
export function leased({ clock }: Pick<Database, "clock">): string {
  return `coalesce(lease_until BETWEEN ${clock} AND ${clock} + ${LEASE_MS}, FALSE)`;
}
