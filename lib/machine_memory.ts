/** How much memory there is for this server's processes together. */
import { totalmem } from "node:os";
import process from "node:process";

/** What the smallest machine that we know of has, for where that may not be asked. */
const SMALLEST = 4096 * 2 ** 20;

/** Bytes: of the machine, or of the container that the process runs in. */
export function machineMemory(): number {
  try {
    const most = process.constrainedMemory();
    return most > 0 ? Math.min(most, totalmem()) : totalmem();
  } catch {
    return SMALLEST;
  }
}
