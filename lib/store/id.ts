/** Ids made by the server: sortable by time, safe in URLs and file names. */
import { monotonicFactory } from "ulid";

export type IdPrefix =
  | "ds"
  | "im"
  | "gz"
  | "rp"
  | "rd"
  | "upl"
  | "hm"
  | "sim"
  | "mod"
  | "ev"
  | "pr"
  | "job"
  | "stu"
  | "key"
  | "up";

const next = monotonicFactory();

/**
 * A new id `<prefix>_<ULID in small letters>`: 48 bits of milliseconds, then 80 random bits that increase
 * within one millisecond, so that ids of one process sort in the order of their making.
 */
export function newId(prefix: IdPrefix): string {
  return `${prefix}_${next().toLowerCase()}`;
}
