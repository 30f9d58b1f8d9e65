/** What joins a worker process to a server elsewhere. */
import type { Log } from "@/lib/log.ts";
import { SILENT_MS } from "./beat.ts";
import { CheckpointCopies } from "./checkpoint_copies.ts";
import type { Connection } from "./connection.ts";
import { Link } from "./link.ts";
import { checkpointsOf, type Elsewhere } from "./place.ts";
import { RemoteDesk } from "./remote_desk.ts";
import type { Message } from "./rpc.ts";
import { type Device, LINK_MS, PROTOCOL } from "./session.ts";
import { Transfer } from "./transfer.ts";

export interface LinkedOptions {
  data: string;
  elsewhere: Elsewhere;
  /** Of the program. */
  version: string;
  /** Between two uploads of checkpoints, ms. */
  uploadMs?: number;
  device(): Device | null;
  /** What the server asks and tells. */
  receive(message: Message): void;
  log: Log;
}

/** A server elsewhere. */
export function connectionByLink(options: LinkedOptions): Connection {
  const { data, elsewhere: { server }, version, uploadMs, device, receive, log } = options;
  const link = new Link({
    server,
    hello: () => ({ protocol: PROTOCOL, version, device: device(), claim: desk.current }),
    receive,
    log,
  });
  const directory = checkpointsOf(data, server);
  const transfer = new Transfer(server);
  const copies = new CheckpointCopies({ directory, link, transfer, uploadMs, log });
  const desk: RemoteDesk = new RemoteDesk(link, copies, data);
  let heard = performance.now();
  let asked = false;
  return {
    desk,
    send: (message) => link.send(message),
    reachable: () => link.up,
    beat(beat) {
      if (beat.job !== null && beat.silent_ms > SILENT_MS) Deno.exit(70);
      if (!link.up) {
        heard = performance.now();
        return;
      }
      if (performance.now() - heard > LINK_MS) {
        // The next link may be there before the next beat.
        heard = performance.now();
        return link.drop();
      }
      if (asked) return;
      asked = true;
      link.ask("beat", beat).then(() => heard = performance.now(), () => {}).finally(() =>
        asked = false
      );
    },
    async end() {
      link.send({ method: "left", params: null });
      // So that it is on its way.
      await new Promise((resolve) => setTimeout(resolve, 200));
      link.close();
      await Deno.remove(directory, { recursive: true }).catch(() => {});
    },
  };
}
