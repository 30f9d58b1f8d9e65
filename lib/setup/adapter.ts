/** Is there a GPU adapter? If not: installs the software driver where that is allowed, or names the command. */
import { existsSync, readdirSync, readFileSync } from "node:fs";

/** What the probe saw. */
export interface Adapter {
  vendor: string;
  description: string;
  software: boolean;
}

const PROBE = new URL("./probe.ts", import.meta.url).href;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;

/** Debian 12's own driver is about four times slower than the one in its backports, which lie where the rest lies. */
const BACKPORTS = "/etc/apt/sources.list.d/bookworm-backports.list";
const ADD_BACKPORTS =
  `echo "deb $(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' ` +
  `'Release: bookworm' 'Component: main' | head -n 1) bookworm-backports main" > ${BACKPORTS}`;

/**
 * Asks in a fresh process: the Vulkan loader is looked up once per process, so that a driver
 * installed meanwhile would stay unseen; and a runtime without a driver may end the process.
 * @param backend what WebGPU goes through, where not what the server takes
 */
export async function findAdapter(backend?: string): Promise<Adapter | null> {
  const output = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--config", CONFIG, PROBE],
    env: backend === undefined ? {} : { DENO_WEBGPU_BACKEND: backend },
    stdin: "null",
  }).output();
  const line = new TextDecoder().decode(output.stdout).trim().split("\n").at(-1) ?? "";
  // Some software drivers abort at process end, after the answer: the answer counts.
  if (line.startsWith("{") || line === "null") return JSON.parse(line);
  throw new Error(`Cannot ask for a GPU adapter: ${new TextDecoder().decode(output.stderr)}`);
}

/**
 * The shell commands that give a Debian or Ubuntu machine a Vulkan loader and a software driver.
 * @param release text of `/etc/os-release`
 * @param sources text of all lists of package sources
 */
export function installCommands(
  release: string = readIfThere("/etc/os-release"),
  sources: string = aptSources(),
): string[] {
  const packages = "libvulkan1 mesa-vulkan-drivers";
  if (!/^VERSION_CODENAME=bookworm$/m.test(release)) {
    return ["apt-get update", `apt-get install -y --no-install-recommends ${packages}`];
  }
  const listed = sources.includes("bookworm-backports");
  return [
    ...(listed ? [] : [ADD_BACKPORTS]),
    "apt-get update",
    `apt-get install -y --no-install-recommends -t bookworm-backports ${packages}`,
  ];
}

/**
 * Makes sure of an adapter as far as this process may (root, apt-get), telling on stderr what it does.
 * @returns the adapter, or null when there is none and none could be installed; the reason and the
 * commands to type have then been printed
 */
export async function prepareAdapter(): Promise<Adapter | null> {
  const found = await findAdapter();
  if (found) return found;
  const commands = installCommands();
  const may = Deno.build.os === "linux" && Deno.uid() === 0 && existsSync("/usr/bin/apt-get");
  if (!may) {
    console.error(
      "No GPU adapter was found. On a machine with a GPU, install its Vulkan driver and the Vulkan " +
        "loader.\nWithout a GPU, install the software driver (as root, Debian or Ubuntu):\n" +
        commands.map((command) => `  ${command}\n`).join(""),
    );
    return null;
  }
  console.error("No GPU adapter was found: installing the Vulkan loader and the software driver.");
  for (const command of commands) {
    console.error(`  ${command}`);
    const { success, stdout, stderr } = await new Deno.Command("sh", {
      args: ["-c", command],
      env: { DEBIAN_FRONTEND: "noninteractive" },
      stdin: "null",
    }).output();
    // An update that missed one of several sources may still have what is needed.
    if (!success && command !== "apt-get update") {
      const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
      console.error(`Cannot install the driver: "${command}" failed:\n${said.trim()}`);
      return null;
    }
  }
  const installed = await findAdapter();
  if (!installed) console.error("The driver is installed, and still no adapter was found.");
  return installed;
}

function aptSources(): string {
  const folder = "/etc/apt/sources.list.d";
  const files = existsSync(folder) ? readdirSync(folder).map((name) => `${folder}/${name}`) : [];
  return ["/etc/apt/sources.list", ...files].map(readIfThere).join("\n");
}

function readIfThere(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}
