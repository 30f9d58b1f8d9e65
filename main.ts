/**
 * The server: `main.ts` starts the API process with its permissions, which starts the GPU worker.
 * `main.ts worker` is that worker; it works alone too, on the jobs of a data directory.
 */
import { CANNOT_START, dataDirectory, readConfig } from "@/lib/config.ts";

const [role, ...args] = Deno.args;
try {
  if (role === "worker") {
    const { work } = await import("@/lib/worker/worker_process.ts");
    work(dataDirectory(Deno.env.get("MCGIP_DATA")));
  } else {
    const api = role === "api";
    const config = readConfig((name) => Deno.env.get(name), api ? args : Deno.args);
    if (api) await (await import("@/routes/server.ts")).serve(config);
    else await (await import("@/lib/launcher.ts")).launch(config);
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exit(role === "api" ? CANNOT_START : 1);
}
