/**
 * A worker's end of the connection to one server elsewhere: opened by the worker, and again whenever it is lost. By ws:
 * what Deno's own WebSocket sends above 1 kB waits 40 ms, as it lets TCP gather small packets (Nagle's algorithm).
 */
// @ts-types="@/lib/ws.d.ts"
import { WebSocket } from "ws";
import { Unavailable } from "@/lib/errors.ts";
import type { Beat } from "./beat.ts";
import { KnownNames } from "./known_names.ts";
import { abroad, type Message, Peer } from "./rpc.ts";
import { type Hello, LINK_MS, pathOf } from "./session.ts";
import type { Server } from "./transfer.ts";

/** Before the link is opened again, ms; doubled each time up to the last. */
const BACKOFF_MS = [250, 3_000];
/** A link that has lasted for so long, ms, is no sign of a slow network. */
const STEADY_MS = 60_000;

/** Names of this machine: what is sent there goes over no network. */
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/** The link was lost before an answer came; what was asked may have been done. */
export class LinkLost extends Unavailable {
  override name = "LinkLost";
}

export interface LinkOptions {
  /** Address of the server. */
  api: string;
  /** When nothing is heard for so long, ms, it is taken for lost; more where that happens again and again. */
  patience: number;
  server: Pick<Server, "key" | "name">;
  /** The first message of each time that it is opened. */
  hello(): Hello;
  /** What the server asks and tells. */
  receive(message: Message): void;
  /** The server has taken the first message. */
  opened(): void;
  /** It was open, or was to be: it is tried again. */
  lost(): void;
  log(text: string): void;
}

export class Link {
  /** What the server's requests name: it answers questions about that. */
  names = new KnownNames();
  readonly #options: LinkOptions;
  #peer?: Peer;
  #socket?: WebSocket;
  #backoff = BACKOFF_MS[0];
  #patience: number;
  #openedAt = -Infinity;
  #closed = false;
  #refused = false;
  #heard = 0;
  #beating = false;
  /** What went wrong last: the same is said once. */
  #said = "";

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#patience = options.patience;
    const { protocol, hostname } = new URL(options.api);
    if (protocol === "http:" && !LOOPBACK.test(hostname)) {
      options.log(
        `The key goes to ${options.api} in clear text, for whoever listens on the way: where that is more than a ` +
          "network of your own, a proxy that speaks TLS and https:// are needed (deploy/README.md)",
      );
    }
    this.#open();
  }

  get api(): string {
    return this.#options.api;
  }

  /** Whether the server did not take this worker's key when it was asked last. */
  get refused(): boolean {
    return this.#refused;
  }

  get up(): boolean {
    return this.#peer !== undefined;
  }

  /** When nothing is heard for so long, ms, the link is taken for lost. */
  get patience(): number {
    return this.#patience;
  }

  /** To the server; dropped while the link is lost. */
  send(message: Message): void {
    this.#peer?.send(message);
  }

  /** Asks once. @throws {LinkLost}, and what the server's handler throws */
  async ask<T>(method: string, params: unknown): Promise<T> {
    const peer = this.#peer;
    if (!peer) throw new LinkLost("Cannot reach the server: the link is lost");
    try {
      return await peer.call<T>(method, params);
    } catch (error) {
      if (error instanceof Unavailable && peer !== this.#peer) throw new LinkLost(error.message);
      throw error;
    }
  }

  /** A heartbeat; a server that does not answer any is taken for gone. */
  beat(beat: Beat): void {
    if (!this.up) return;
    if (performance.now() - this.#heard > this.#patience) {
      this.#waited();
      return this.drop("nothing was heard of the server");
    }
    if (this.#beating) return;
    this.#beating = true;
    this.ask("beat", beat).then(() => this.#heard = performance.now(), () => {})
      .finally(() => this.#beating = false);
  }

  /** Cuts it off; it is opened again. */
  drop(reason: string): void {
    const socket = this.#socket;
    this.#lost(reason);
    socket?.terminate();
  }

  /** Lost again before long, it may be that all is slow: the next is waited for longer. */
  #waited(): void {
    if (performance.now() - this.#openedAt > STEADY_MS && this.up) return;
    this.#patience = Math.min(2 * this.#patience, LINK_MS);
  }

  /** From now on it is not opened again, and its end is no loss. */
  leave(): void {
    this.#closed = true;
  }

  close(): void {
    this.leave();
    this.#socket?.close();
    this.#peer = undefined;
  }

  #open(): void {
    if (this.#closed) return;
    const { api, server, hello, receive, opened } = this.#options;
    const url = new URL(`${api}${pathOf(server.name)}link`);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = this.#socket = new WebSocket(url.href, {
      headers: { authorization: `Bearer ${server.key}` },
      perMessageDeflate: false,
    });
    let open = false;
    const peer = new Peer((message) => {
      if (open) socket.send(JSON.stringify(abroad(message)));
    }, {});
    const patience = setTimeout(() => {
      if (this.#socket === socket) this.#waited();
      ended("it does not answer");
    }, this.#patience);
    const ended = (reason: string, refused = false) => {
      open = false;
      clearTimeout(patience);
      peer.close("Cannot reach the server: the link was lost");
      if (this.#socket === socket) {
        // Of a server that cannot be reached nothing is known anew.
        if (refused) this.#refused = true;
        this.#lost(reason);
      }
      socket.close();
    };
    socket.on("open", async () => {
      open = true;
      try {
        await peer.call("hello", hello());
      } catch (error) {
        return ended((error as Error).message);
      }
      clearTimeout(patience);
      if (this.#socket !== socket) return;
      this.#peer = peer;
      this.#refused = false;
      this.#openedAt = this.#heard = performance.now();
      this.#backoff = BACKOFF_MS[0];
      this.#say(`linked to ${api}`);
      opened();
    });
    socket.on("message", (data) => {
      const message = JSON.parse(new TextDecoder().decode(data)) as Message;
      if (message.method === undefined) void peer.receive(message);
      else receive(message);
    });
    socket.on("unexpected-response", (_, response) => {
      const status = response.statusCode ?? 0;
      problemOf(response).then(({ title, detail }) =>
        ended(
          detail ?? REFUSALS[status] ?? `its answer was the status ${status}`,
          status === 401 || title === "Missing scope",
        )
      );
    });
    socket.on("error", (error) => ended(why(error)));
    socket.on(
      "close",
      (_, reason) => ended(new TextDecoder().decode(reason) || "the server closed it"),
    );
  }

  #lost(reason: string): void {
    const peer = this.#peer;
    this.#socket = undefined;
    this.#peer = undefined;
    this.names = new KnownNames();
    peer?.close("Cannot reach the server: the link was lost");
    if (this.#closed) return;
    this.#say(`no link to ${this.api}: ${reason}; it is tried again`);
    setTimeout(() => this.#open(), this.#backoff);
    this.#backoff = Math.min(2 * this.#backoff, BACKOFF_MS[1]);
    this.#options.lost();
  }

  #say(text: string): void {
    if (text !== this.#said) this.#options.log(text);
    this.#said = text;
  }
}

/** What a server means that opens no link and gives no reason, as a proxy may; and what to do. */
const REFUSALS: Record<number, string> = {
  400: "it does not answer HTTP there: where it speaks TLS, MCGIP_API takes https://",
  401: "something before it asks for another key than that in MCGIP_API_KEY",
  403: "something before it refuses this worker",
  404: "there is no McGIP Server at MCGIP_API, or one without links of workers",
};

/** Most of an answer that is read. */
const DETAIL_BYTES = 16_384;

interface Told {
  title?: string;
  detail?: string;
}

/** What a server says of its refusal (RFC 9457); nothing where it says nothing. */
async function problemOf(response: AsyncIterable<Uint8Array>): Promise<Told> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const part of response) {
      text += decoder.decode(part, { stream: true });
      if (text.length > DETAIL_BYTES) return {};
    }
    const { title, detail } = JSON.parse(text) as Told;
    return typeof detail === "string" ? { title, detail } : {};
  } catch {
    // It broke off, or is no JSON.
    return {};
  }
}

/** Why a WebSocket could not be opened, where it is known what to do. */
function why({ code, message }: Error & { code?: string }): string {
  if (code?.startsWith("HPE_INVALID")) {
    return "it speaks TLS, or no HTTP: where it speaks TLS, MCGIP_API takes https://";
  }
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER" || message.includes("InvalidContentType")) {
    return "it speaks no TLS there: MCGIP_API takes http://, or the address of the proxy that speaks it";
  }
  return message || "it cannot be reached";
}
