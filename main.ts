/**
 * The server: `main.ts` starts the API process with its permissions, which starts the GPU worker.
 * `main.ts worker` starts workers beside it: on the jobs of its data directory, or on another machine.
 */
import {
  CANNOT_START,
  codeVersion,
  dataDirectory,
  informationFor,
  logFormat,
  readConfig,
} from "@/lib/config.ts";
import { type LogFormat, logger } from "@/lib/log.ts";
import { readCluster } from "@/lib/cluster_settings.ts";

/** Before anything is started. */
async function tellUnknownVariables(format: LogFormat): Promise<void> {
  const { namesOfEnvironment, unknownVariables } = await import("@/lib/unknown_variables.ts");
  const log = logger(format, { process: "launcher" });
  for (const line of unknownVariables(namesOfEnvironment())) log(line, { level: "warning" });
}

const [role, ...args] = Deno.args;
try {
  if (role === "gpu") {
    const { work } = await import("@/lib/worker/worker_process.ts");
    const [name, how, version, label, commit, head, branches] = args;
    const log = logFormat(Deno.env.get("MCGIP_LOG") || "text");
    if (how !== "elsewhere") {
      const data = dataDirectory(Deno.env.get("MCGIP_DATA"));
      const alone = how === "alone";
      // One that a server started asks that server.
      const cluster = alone ? readCluster((name) => Deno.env.get(name)) : undefined;
      const git = commit && head && branches ? { commit, head, branches } : undefined;
      await work({ data, name, label, version, alone, cluster, git, log });
    } else {
      const { readElsewhere } = await import("@/lib/worker_settings.ts");
      const { apis, key, cache, maxBytes } = readElsewhere((name) => Deno.env.get(name))!;
      const elsewhere = { server: { apis, key, name }, maxBytes };
      await work({ data: cache, name, label, alone: true, elsewhere, version, log });
    }
  } else if (role === "worker") {
    const { launchWorkers } = await import("@/lib/worker_launcher.ts");
    const settings = await import("@/lib/worker_settings.ts");
    const env = (name: string) => Deno.env.get(name);
    const given = settings.readWorkerOptions(args);
    if (given === null) console.log(settings.workerHelp);
    else {
      const data = dataDirectory(given.data || env("MCGIP_DATA"));
      const cluster = readCluster((name) => Deno.env.get(name));
      const elsewhere = settings.readElsewhere(env);
      if (!cluster && !elsewhere) settings.assertServed(data);
      const label = settings.readLabel(given.name || env("MCGIP_WORKER_NAME"), Deno.hostname);
      const cards = settings.readCards(env);
      const log = logFormat(Deno.env.get("MCGIP_LOG") || "text");
      await tellUnknownVariables(log);
      await launchWorkers({ data, cluster, elsewhere, label, cards, log });
    }
  } else if (role === "arguments") {
    // Asked by a process that older code may have started.
    const [of, ...given] = args;
    const { apiCommand, checkedOut, checkout } = await import("@/lib/launcher.ts");
    const env = (name: string) => Deno.env.get(name);
    const git = checkedOut();
    let command: string[];
    if (of === "worker") {
      const { workerCommand } = await import("@/lib/worker_launcher.ts");
      const { readElsewhere, readWorkerOptions } = await import("@/lib/worker_settings.ts");
      const data = dataDirectory(readWorkerOptions(given)?.data || env("MCGIP_DATA"));
      command = workerCommand(
        { data, cluster: readCluster(env), elsewhere: readElsewhere(env) },
        git,
      );
    } else command = apiCommand(readConfig(env, given), git, checkout());
    console.log(JSON.stringify({ args: command, version: codeVersion(checkout()) }));
  } else if (role === "api") {
    const config = readConfig((name) => Deno.env.get(name), args);
    await (await import("@/routes/server.ts")).serve(config);
  } else {
    const { checkout, launch } = await import("@/lib/launcher.ts");
    const text = informationFor(Deno.args, checkout);
    if (text !== null) console.log(text);
    else {
      const config = readConfig((name) => Deno.env.get(name), Deno.args);
      await tellUnknownVariables(config.log);
      await launch(config);
    }
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exit(role === "api" ? CANNOT_START : 1);
}
