/** What each process may do: the flags that it is started with. Nothing else is open to it. */
import { fileURLToPath } from "node:url";
// Loaded as text, for its place only: this brings the package in, and the browser gets a file of it.
import "chart.js" with { type: "text" };
import { type Config, variables } from "./config.ts";

/** The project's directory, without a trailing slash. */
export const root = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

/** chart.js as one file for browsers; the package's map of exports names only its module builds. */
export const chartScript = fileURLToPath(
  new URL("./chart.umd.min.js", import.meta.resolve("chart.js")),
);

/** Nothing is asked for at run time, and no package comes in that the lock file does not know. */
const always = ["run", "--quiet", "--no-prompt", "--frozen", `--config=${root}/deno.json`];

const allow = (what: string, values: readonly string[]) => `--allow-${what}=${values.join(",")}`;

/** The API process: its address, the data directory, the dashboard's files, and starting its worker. */
export function apiArguments(config: Config): string[] {
  const address = config.host.includes(":") ? `[${config.host}]` : config.host;
  return [
    ...always,
    allow("net", [`${address}:${config.port}`]),
    allow("read", [config.data, `${root}/static`, `${root}/lib`, chartScript]),
    allow("write", [config.data]),
    allow("env", variables),
    // The runtime refuses to start anything under a library path unless every program may be started.
    Deno.env.get("LD_LIBRARY_PATH") ? "--allow-run" : allow("run", [Deno.execPath()]),
    `${root}/main.ts`,
    "api",
    `--host=${config.host}`,
    `--port=${config.port}`,
    ...(config.auth ? [] : ["--no-auth"]),
  ];
}

/** The GPU worker: the data directory and its own priority; no network, no key, no programs. */
export function workerArguments(config: Config): string[] {
  return [
    ...always,
    // Threads read their modules by the permissions of their process.
    allow("read", [
      config.data,
      ...["lib", "gpu", "kernels"].map((x) => `${root}/${x}`),
    ]),
    allow("write", [config.data]),
    allow("env", ["MCGIP_DATA"]),
    "--allow-sys=setPriority",
    `${root}/main.ts`,
    "worker",
  ];
}
