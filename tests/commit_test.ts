import assert from "node:assert/strict";
import { commitOf } from "@/lib/commit.ts";
import { withDirectory } from "./support/temporary.ts";

const [first, second] = ["0123456789abcdef", "fedcba9876543210"].map((part) => part + part);

Deno.test("commit: of a branch, packed or not, of no branch, of a further working tree", () =>
  withDirectory((root) => {
    const write = (path: string, text: string) => {
      Deno.mkdirSync(`${root}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
      Deno.writeTextFileSync(`${root}/${path}`, text);
    };
    assert.equal(commitOf(root), undefined, "no checkout");
    write(".git/HEAD", "ref: refs/heads/main\n");
    assert.equal(commitOf(root), undefined, "no commit yet");
    write(".git/packed-refs", `# pack-refs\n${second} refs/heads/main\n`);
    assert.equal(commitOf(root), second.slice(0, 12));
    write(".git/refs/heads/main", `${first}\n`);
    assert.equal(commitOf(root), first.slice(0, 12));
    write(".git/worktrees/other/HEAD", "ref: refs/heads/main\n");
    write(".git/worktrees/other/commondir", "../..\n");
    write("other/.git", `gitdir: ${root}/.git/worktrees/other\n`);
    assert.equal(commitOf(`${root}/other`), first.slice(0, 12));
    write(".git/worktrees/other/HEAD", `${second}\n`);
    assert.equal(commitOf(`${root}/other`), second.slice(0, 12));
    return Promise.resolve();
  }));
