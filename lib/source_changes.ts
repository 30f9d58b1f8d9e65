/** Tells when the server's own files change: for `--watch`. */

/** What the server is made of; the first process itself is not started again. */
const PARTS = ["main.ts", "routes", "lib", "gpu", "kernels", "static"];

/** An editor writes in several steps, a checkout many files: changes this near to each other, ms, are one. */
const QUIET_MS = 300;

/** Calls `change` after files under `root` have changed, once for changes that come together. */
export function onSourceChange(root: string, change: () => void): { stop(): void } {
  const watcher = Deno.watchFs(PARTS.map((name) => `${root}/${name}`));
  let timer: ReturnType<typeof setTimeout> | undefined;
  (async () => {
    for await (const { kind } of watcher) {
      if (kind === "access") continue;
      clearTimeout(timer);
      timer = setTimeout(change, QUIET_MS);
    }
  })();
  return {
    stop() {
      watcher.close();
      clearTimeout(timer);
    },
  };
}
