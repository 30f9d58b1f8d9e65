/** How long a thread works before it hears a socket: others wait so long, whatever else the machine does. */

const usedMs = () =>
  Number(Deno.readTextFileSync("/proc/thread-self/schedstat").split(" ")[0]) / 1e6;

/** Whether the system tells the processor time of a thread. */
export const toldHere = Deno.build.os === "linux";

/**
 * The most processor time that this thread uses between a byte that comes by a socket and its answer, ms, while `work`
 * runs. A timer, or an immediate, would be on time where a socket is not.
 */
export async function longestTurn(work: () => Promise<unknown>): Promise<number> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = listener.accept();
  const client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  const server = await accepting;
  let longest = 0;
  let over = false;
  const byte = new Uint8Array(1);
  const echo = (async () => {
    const heard = new Uint8Array(1);
    while (await server.read(heard) !== null) await server.write(heard);
  })();
  const asking = (async () => {
    while (!over) {
      const before = usedMs();
      await client.write(byte);
      await client.read(byte);
      longest = Math.max(longest, usedMs() - before);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  try {
    await work();
  } finally {
    over = true;
    await asking;
    client.close();
    await echo;
    server.close();
    listener.close();
  }
  return longest;
}
