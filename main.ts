/**
 * The server: `main.ts` starts the API process with its permissions, which starts the GPU worker.
 * `main.ts worker` starts a worker beside it, on the jobs of its data directory.
 */
import { CANNOT_START, dataDirectory, informationFor, readConfig } from "@/lib/config.ts";
import { readCluster } from "@/lib/cluster_settings.ts";

const [role, ...args] = Deno.args;
try {
  if (role === "gpu") {
    const { work } = await import("@/lib/worker/worker_process.ts");
    const [name, ...rest] = args;
    const alone = rest.includes("alone");
    await work({
      data: dataDirectory(Deno.env.get("MCGIP_DATA")),
      name,
      alone,
      // One that a server started asks that server.
      cluster: alone ? readCluster((name) => Deno.env.get(name)) : undefined,
    });
  } else if (role === "worker") {
    const { launchWorker } = await import("@/lib/worker_launcher.ts");
    await launchWorker({
      data: dataDirectory(Deno.env.get("MCGIP_DATA")),
      cluster: readCluster((name) => Deno.env.get(name)),
    });
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
