/** A worker process for tests: the real one with other kinds of jobs; its arguments are the data directory, its name, and `alone`. */
import { work } from "@/lib/worker/worker_process.ts";

const [data, name, alone] = Deno.args;
await work({
  ...{ data, name, alone: alone === "alone" },
  thread: import.meta.resolve("./worker_thread.ts"),
});
