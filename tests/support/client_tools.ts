/** Generators and linters of API descriptions. They run in a folder of their own, beside nothing of ours. */

/** Only tests need them. */
const packages = {
  "@hey-api/openapi-ts": "npm:@hey-api/openapi-ts@0.99.0",
  "@redocly/cli": "npm:@redocly/cli@2.77.0",
  "openapi-fetch": "npm:openapi-fetch@0.17.0",
  "openapi-typescript": "npm:openapi-typescript@7.13.0",
  "typescript": "npm:typescript@5.9.3",
};

const LIMIT_MS = 120_000;

export interface ToolFolder {
  path: string;
  /** Runs `deno` there; gives what it printed. Throws with it when it fails or takes two minutes. */
  deno(...args: string[]): Promise<string>;
  /** Runs the command of one of the packages. */
  tool(name: keyof typeof packages, ...args: string[]): Promise<string>;
  write(file: string, text: string | Uint8Array): Promise<void>;
}

/** Runs `body` with a folder that knows the packages; it is gone afterwards. */
export async function withTools(body: (folder: ToolFolder) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempDir({ prefix: "mcgip_tools_" });
  const run = async (...args: string[]) => {
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args,
      cwd: path,
      env: { NO_COLOR: "1", REDOCLY_TELEMETRY: "off" },
      stdin: "null",
      signal: AbortSignal.timeout(LIMIT_MS),
    }).output();
    const [out, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    if (!success) throw new Error(`deno ${args.join(" ")}:\n${out}${errors}`);
    return out;
  };
  try {
    const configuration = {
      imports: packages,
      nodeModulesDir: "none",
      unstable: ["sloppy-imports"],
    };
    const write = async (file: string, text: string | Uint8Array) =>
      await Deno.writeFile(
        `${path}/${file}`,
        typeof text === "string" ? new TextEncoder().encode(text) : text,
      );
    await write("deno.json", JSON.stringify(configuration));
    await body({
      path,
      write,
      deno: run,
      tool: (name, ...args) => run("run", "-A", "--no-lock", packages[name], ...args),
    });
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}
