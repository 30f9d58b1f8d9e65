/** The database and the bucket that servers share, looked at by a program that may load their drivers. */
import { root } from "@/lib/permissions.ts";
import { fault, type Finding } from "./finding.ts";

export async function checkCluster(): Promise<Finding[]> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--quiet", "--no-prompt", "--frozen"],
      ...[`--config=${root}/cluster/deno.json`, `${root}/cluster/checks.ts`],
    ],
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  if (code === 0) return JSON.parse(decoder.decode(stdout));
  const said = decoder.decode(stderr).trim().split("\n")[0];
  return [fault("database", `cannot be looked at: ${said}`, "deno task lock, then again")];
}
