/**
 * A worker process for tests: the real one with other kinds of jobs. Its arguments are the data directory, its name,
 * and `alone`; or for a server elsewhere `elsewhere`, the servers' addresses, a key, and the version.
 */
import { readCluster } from "@/lib/cluster_settings.ts";
import { work } from "@/lib/worker/worker_process.ts";

const [data, name, how, api = "", key, version] = Deno.args;
await work({
  ...{ data, name, version, alone: how !== undefined, uploadMs: 1000 },
  ...(how === "elsewhere" &&
    { elsewhere: { server: { apis: api.split(","), key, name }, maxBytes: 2 ** 30 } }),
  cluster: how === "alone" ? readCluster((name) => Deno.env.get(name)) : undefined,
  thread: import.meta.resolve("./worker_thread.ts"),
});
