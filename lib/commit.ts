/** Which code runs: what git says of the checkout, or, without git, what its files say. */
import { resolve } from "node:path";

/**
 * The checkout at `root` as `git describe --dirty --always` names it: the nearest tag with the commits since,
 * or 12 digits of the commit; `-dirty` at its end when tracked files were changed. Where no git can be run, the
 * 12 digits are read from the checkout's files, and nothing is said of changes. Undefined where `root`
 * itself is no checkout (one that merely lies inside another's does not count).
 */
export function commitOf(root: string): string | undefined {
  try {
    Deno.statSync(`${root}/.git`);
  } catch {
    return undefined;
  }
  return describe(root) ?? commitFromFiles(root);
}

function describe(root: string): string | undefined {
  try {
    const { success, stdout } = new Deno.Command("git", {
      args: ["-C", root, "describe", "--dirty", "--always", "--abbrev=12"],
      stdin: "null",
      stderr: "null",
    }).outputSync();
    return success ? new TextDecoder().decode(stdout).trim() || undefined : undefined;
  } catch {
    return undefined;
  }
}

/** Where git keeps what is checked out. */
interface CommitPlaces {
  /** Path of `HEAD`. */
  head: string;
  /** The folder of `refs` and `packed-refs`. */
  branches: string;
}

/** With the commit that was found, for whoever looks whether it is still that one. */
export interface CommitFiles extends CommitPlaces {
  /** 12 digits. */
  commit: string;
}

/** Undefined where `root` itself is no checkout, and before the first commit. */
export function commitFiles(root: string): CommitFiles | undefined {
  const places = commitPlaces(root);
  const commit = places && commitIn(places);
  return places && commit !== undefined ? { ...places, commit } : undefined;
}

function commitPlaces(root: string): CommitPlaces | undefined {
  try {
    const directory = gitDirectory(`${root}/.git`);
    // A further working tree has a head of its own, and branches where the first one has them.
    const common = textOf(`${directory}/commondir`);
    const branches = common === undefined ? directory : resolve(directory, common);
    return { head: `${directory}/HEAD`, branches };
  } catch {
    return undefined;
  }
}

/** 12 digits of the commit that is checked out at `root`; undefined before the first commit. */
export function commitFromFiles(root: string): string | undefined {
  return commitFiles(root)?.commit;
}

/** 12 digits of the commit; undefined before the first one, and where the files cannot be read. */
function commitIn({ head: path, branches }: CommitPlaces): string | undefined {
  try {
    const head = Deno.readTextFileSync(path).trim();
    if (!head.startsWith("ref: ")) return head.slice(0, 12);
    const ref = head.slice(5);
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

/**
 * Whether another commit is checked out than was found before. A process loads modules when they are first needed:
 * after that it would run two versions at once.
 * @returns false where there is no checkout
 */
export function checkoutWatch(files: CommitFiles | undefined): () => boolean {
  return () => {
    if (!files) return false;
    const commit = commitIn(files);
    // Git replaces its files: for a moment one may not be there.
    return commit !== undefined && commit !== files.commit;
  };
}
