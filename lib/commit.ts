/** The commit of a checkout, read from its files: the launcher runs no git. */
import { resolve } from "node:path";

/** 12 digits of the commit that is checked out at `root`; undefined where that is no checkout. */
export function commitOf(root: string): string | undefined {
  try {
    const directory = gitDirectory(`${root}/.git`);
    const head = Deno.readTextFileSync(`${directory}/HEAD`).trim();
    if (!head.startsWith("ref: ")) return head.slice(0, 12);
    const ref = head.slice(5);
    // A further working tree has a head of its own, and branches where the first one has them.
    const common = textOf(`${directory}/commondir`);
    const branches = common === undefined ? directory : resolve(directory, common);
    const commit = textOf(`${branches}/${ref}`) ??
      textOf(`${branches}/packed-refs`)?.split("\n").find((line) => line.endsWith(` ${ref}`));
    return commit?.slice(0, 12);
  } catch {
    return undefined;
  }
}

/** Of a further working tree, `.git` is a file that says where. */
function gitDirectory(path: string): string {
  if (Deno.statSync(path).isDirectory) return path;
  return resolve(path, "..", Deno.readTextFileSync(path).replace(/^gitdir:/, "").trim());
}

function textOf(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path).trim();
  } catch {
    return undefined;
  }
}
