/** What joins a worker process to whom it works for: its own store, the server that started it, or one elsewhere. */
import type { ClusterSettings } from "@/lib/cluster_settings.ts";
import { type Log, unquoted } from "@/lib/log.ts";
import { WAITS } from "@/lib/store/claims.ts";
import { HOLD_MS } from "@/lib/store/lease.ts";
import { openStore } from "@/lib/store/mod.ts";
import { type Beat, SILENT_MS } from "./beat.ts";
import { CheckpointCopies } from "./checkpoint_copies.ts";
import { type Desk, deskBehind } from "./desk.ts";
import { Link } from "./link.ts";
import { checkpointsOf, type Elsewhere } from "./place.ts";
import { RemoteDesk } from "./remote_desk.ts";
import { type Message, Peer } from "./rpc.ts";
import { type Device, LINK_MS, PROTOCOL } from "./session.ts";
import { StoreDesk } from "./store_desk.ts";
import { Transfer } from "./transfer.ts";

export interface Connection {
  desk: Desk;
  /** Answers, and what the worker tells of itself. */
  send(message: Message): void;
  beat(beat: Beat): void;
  /** Whether who is worked for can be told something now. */
  reachable(): boolean;
  /** Before the process ends in order. */
  end(): Promise<void>;
}

/** The server that started the process, at the other end of standard input and output. */
export function connectionByPipe(here: Peer): Connection {
  const encoder = new TextEncoder();
  const out = Deno.stdout.writable.getWriter();
  const send = (message: Message) => {
    out.write(encoder.encode(JSON.stringify(message) + "\n")).catch(() => Deno.exit(0));
  };
  return {
    desk: deskBehind((method, params) => here.call(method, params)),
    send,
    beat: (beat) => send({ method: "beat", params: beat }),
    reachable: () => true,
    end: () => Promise.resolve(),
  };
}

export interface StoreOptions {
  cluster?: ClusterSettings;
  /** A job waits. */
  wake(): void;
  log: Log;
}

/** The store of a worker that no server started: its desk, and its beats. */
export async function connectionToStore(
  data: string,
  name: string,
  { cluster, wake, log }: StoreOptions,
): Promise<Connection> {
  const store = await openStore(data, { shared: true, cluster });
  const desk = new StoreDesk(store, name, () => {}, log);
  // What a process of this name ran that has died.
  await desk.left({ blameless: false });
  store.cluster?.listen(WAITS, wake);
  let held = -Infinity;
  return {
    desk,
    send: () => {},
    reachable: () => true,
    async beat({ job, silent_ms }) {
      // Nobody else ends a worker that hangs: its launcher starts it again.
      if (job !== null && silent_ms > SILENT_MS) Deno.exit(70);
      if (performance.now() - held < HOLD_MS) return;
      held = performance.now();
      try {
        await store.workers.hold(name);
        await desk.hold();
      } catch (error) {
        // The next one may come through, long before the lease ends.
        log(`Cannot prolong the lease of this worker: ${unquoted((error as Error).message)}`);
      }
    },
    async end() {
      await store.workers.remove(name);
      await store.close();
    },
  };
}

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
