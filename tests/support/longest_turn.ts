/** How long a thread works without a turn of its event loop: others wait so long, whatever else the machine does. */
import { setImmediate } from "node:timers";

const usedMs = () =>
  Number(Deno.readTextFileSync("/proc/thread-self/schedstat").split(" ")[0]) / 1e6;

/** Whether the system tells the processor time of a thread. */
export const toldHere = Deno.build.os === "linux";

/** The most processor time of this thread between two turns of its loop while `work` runs, ms. */
export async function longestTurn(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let over = false;
  let last = usedMs();
  const look = () => {
    const now = usedMs();
    longest = Math.max(longest, now - last);
    last = now;
    if (!over) setImmediate(look);
  };
  setImmediate(look);
  await work();
  over = true;
  look();
  return longest;
}
