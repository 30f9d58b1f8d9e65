/** What joins a worker process to a server elsewhere, or to all servers of a cluster. */
import type { Log } from "@/lib/log.ts";
import { SILENT_MS } from "./beat.ts";
import { CheckpointCopies } from "./checkpoint_copies.ts";
import type { Connection } from "./connection.ts";
import { Links } from "./links.ts";
import { checkpointsOf, type Elsewhere } from "./place.ts";
import { RemoteDesk } from "./remote_desk.ts";
import type { Message } from "./rpc.ts";
import { type Device, PROTOCOL } from "./session.ts";
import { Transfer } from "./transfer.ts";

export interface LinkedOptions {
  data: string;
  elsewhere: Elsewhere;
  /** Of the program. */
  version: string;
  /** What people call the worker. */
  label: string;
  /** Between two uploads of checkpoints, ms. */
  uploadMs?: number;
  device(): Device | null;
  /** What the server asks and tells. */
  receive(message: Message): void;
  log: Log;
}

/** A server elsewhere. */
export function connectionByLink(options: LinkedOptions): Connection {
  const { data, elsewhere: { server }, version, label, uploadMs, device, receive, log } = options;
  const links = new Links({
    server,
    hello: () => ({
      protocol: PROTOCOL,
      ...{ version, label },
      device: device(),
      claim: desk.current,
    }),
    receive,
    log,
  });
  const directory = checkpointsOf(data, server);
  const transfer = new Transfer(server);
  const copies = new CheckpointCopies({ directory, links, transfer, uploadMs, log });
  const desk: RemoteDesk = new RemoteDesk(links, copies, data);
  return {
    desk,
    send: (message) => links.send(message),
    reachable: () => links.up,
    beat(beat) {
      if (beat.job !== null && beat.silent_ms > SILENT_MS) Deno.exit(70);
      links.beat(beat);
    },
    async end() {
      links.leave();
      // So that it is on its way.
      await new Promise((resolve) => setTimeout(resolve, 200));
      links.close();
      await Deno.remove(directory, { recursive: true }).catch(() => {});
    },
  };
}
