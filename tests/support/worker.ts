/** A worker process for tests: the real one with other kinds of jobs; its arguments are the data directory, its name, and `alone`. */
import { readCluster } from "@/lib/cluster_settings.ts";
import { work } from "@/lib/worker/worker_process.ts";

const [data, name, alone] = Deno.args;
await work({
  ...{ data, name, alone: alone === "alone" },
  cluster: readCluster((name) => Deno.env.get(name)),
  thread: import.meta.resolve("./worker_thread.ts"),
});
