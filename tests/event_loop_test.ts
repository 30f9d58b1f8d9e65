import assert from "node:assert/strict";
import { EventLoopWatch } from "@/lib/event_loop.ts";

Deno.test("what keeps the event loop from its work is measured, also while it still does", async () => {
  const watch = new EventLoopWatch();
  await new Promise((resolve) => setTimeout(resolve, 100));
  const idle = watch.longest();
  const until = performance.now() + 400;
  while (performance.now() < until);
  const busy = watch.longest();
  assert.ok(busy >= 0.35 && busy > idle, `${idle} ${busy}`);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(watch.longest() >= 0.35, "it stays for a minute");
  watch.stop();
});
