import assert from "node:assert/strict";
import { commitFromFiles, commitOf } from "@/lib/commit.ts";
import { git } from "./support/git.ts";
import { withDirectory } from "./support/temporary.ts";

const [first, second] = ["0123456789abcdef", "fedcba9876543210"].map((part) => part + part);

Deno.test("commit: digits, the nearest tag, and whether a tracked file was changed", () =>
  withDirectory((root) => {
    assert.equal(commitOf(root), undefined, "no checkout");
    git(root, "init", "--quiet");
    Deno.writeTextFileSync(`${root}/a`, "1");
    git(root, "add", "a");
    git(root, "commit", "--quiet", "-m", "first");
    const clean = commitOf(root);
    assert.match(clean!, /^[0-9a-f]{12}$/);
    assert.equal(clean, commitFromFiles(root), "the same digits without git");
    Deno.writeTextFileSync(`${root}/untracked`, "");
    assert.equal(commitOf(root), clean, "a new file is no change of the code");
    Deno.writeTextFileSync(`${root}/a`, "2");
    assert.equal(commitOf(root), `${clean}-dirty`);
    git(root, "tag", "-a", "v9.8.7", "-m", "tag");
    git(root, "commit", "--quiet", "-a", "-m", "second");
    assert.match(commitOf(root)!, /^v9\.8\.7-1-g[0-9a-f]{12}$/);
    Deno.mkdirSync(`${root}/inside`);
    assert.equal(commitOf(`${root}/inside`), undefined, "a folder of a checkout is none");
    return Promise.resolve();
  }));

Deno.test("commit from files: of a branch, packed or not, of no branch, of a further working tree", () =>
  withDirectory((root) => {
    const write = (path: string, text: string) => {
      Deno.mkdirSync(`${root}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
      Deno.writeTextFileSync(`${root}/${path}`, text);
    };
    assert.equal(commitFromFiles(root), undefined, "no checkout");
    write(".git/HEAD", "ref: refs/heads/main\n");
    assert.equal(commitFromFiles(root), undefined, "no commit yet");
    write(".git/packed-refs", `# pack-refs\n${second} refs/heads/main\n`);
    assert.equal(commitFromFiles(root), second.slice(0, 12));
    write(".git/refs/heads/main", `${first}\n`);
    assert.equal(commitFromFiles(root), first.slice(0, 12));
    write(".git/worktrees/other/HEAD", "ref: refs/heads/main\n");
    write(".git/worktrees/other/commondir", "../..\n");
    write("other/.git", `gitdir: ${root}/.git/worktrees/other\n`);
    assert.equal(commitFromFiles(`${root}/other`), first.slice(0, 12));
    write(".git/worktrees/other/HEAD", `${second}\n`);
    assert.equal(commitFromFiles(`${root}/other`), second.slice(0, 12));
    return Promise.resolve();
  }));
