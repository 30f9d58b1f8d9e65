/**
 * The server: `main.ts` starts the API process with its permissions, which starts the GPU worker.
 * `main.ts worker` is that worker; it works alone too, on the jobs of a data directory.
 */
import { CANNOT_START, dataDirectory, informationFor, readConfig } from "@/lib/config.ts";

const [role, ...args] = Deno.args;
try {
  if (role === "worker") {
    const { work } = await import("@/lib/worker/worker_process.ts");
    work(dataDirectory(Deno.env.get("MCGIP_DATA")));
  } else if (role === "api") {
    const config = readConfig((name) => Deno.env.get(name), args);
    await (await import("@/routes/server.ts")).serve(config);
  } else {
    const { checkout, launch } = await import("@/lib/launcher.ts");
    const text = informationFor(Deno.args, checkout);
    if (text !== null) console.log(text);
    else await launch(readConfig((name) => Deno.env.get(name), Deno.args));
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exit(role === "api" ? CANNOT_START : 1);
}
