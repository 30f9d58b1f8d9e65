/** A desk that tells a log which jobs its worker takes, and how each ends. */
import type { Log } from "@/lib/log.ts";
import { type Desk, deskMethods } from "./desk.ts";

export function tellingDesk(desk: Desk, log: Log): Desk {
  const same = Object.fromEntries(
    deskMethods.map((method) => [
      method,
      (...params: never[]) => (desk[method] as (...params: never[]) => unknown)(...params),
    ]),
  ) as unknown as Desk;
  let attempt = "";
  return {
    ...same,
    async claim(kinds, adapter) {
      const job = await desk.claim(kinds, adapter);
      if (!job) return null;
      attempt = job.fence > 1 ? ` (attempt ${job.fence})` : "";
      log(`job ${job.id}: taken (${job.kind}, attempt ${job.fence})`, { attempt: job.fence });
      return job;
    },
    async tell(claim, news) {
      const requested = await desk.tell(claim, news);
      const { state } = news.changes;
      if (state !== undefined && state !== "running") log(`job ${claim.id}: ${state}${attempt}`);
      return requested;
    },
  };
}
