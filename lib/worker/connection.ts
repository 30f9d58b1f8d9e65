/** What joins a worker process to whom it works for: the server that started it; or store_connection.ts, link_connection.ts. */
import type { Beat } from "./beat.ts";
import { type Desk, deskBehind } from "./desk.ts";
import type { Message, Peer } from "./rpc.ts";

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
