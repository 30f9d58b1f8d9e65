/** A way between two programs that can be cut, as a network is: packets go missing, and nobody is told. */
import net from "node:net";

/**
 * What becomes of the connections of before when a cut ends: `late`, what was sent meanwhile arrives, as what TCP sends
 * again; `reset`, both ends are told; `forgotten`, nothing arrives by them any more, as behind a router that has lost its
 * table.
 */
export const mends = ["late", "reset", "forgotten"] as const;
export type Mend = (typeof mends)[number];

interface Pair {
  sockets: [net.Socket, net.Socket];
  /** Whether it was there when the way was cut. */
  cut: boolean;
}

export class TcpProxy {
  readonly #server: net.Server;
  readonly #pairs = new Set<Pair>();
  #cut = false;

  private constructor(server: net.Server) {
    this.#server = server;
  }

  /** @param target port of 127.0.0.1 */
  static async start(target: number): Promise<TcpProxy> {
    // Half of a connection may be closed, and each end says so itself.
    const server = net.createServer({ allowHalfOpen: true });
    const proxy = new TcpProxy(server);
    server.on("connection", (near) => proxy.#join(near, target));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as net.AddressInfo).port}`;
  }

  #join(near: net.Socket, target: number): void {
    // What comes during a cut is accepted here, which a real one would not do, and then nothing comes of it.
    const far = net.connect({ host: "127.0.0.1", port: target, allowHalfOpen: true });
    const pair: Pair = { sockets: [near, far], cut: this.#cut };
    this.#pairs.add(pair);
    const over = () => {
      this.#pairs.delete(pair);
      for (const socket of pair.sockets) socket.destroy();
    };
    for (const [from, to] of [[near, far], [far, near]]) {
      from.on("data", (bytes) => {
        if (!to.write(bytes)) from.pause();
      });
      to.on("drain", () => {
        if (!pair.cut) from.resume();
      });
      from.on("end", () => to.end());
      from.on("error", over);
      from.on("close", over);
    }
    if (pair.cut) this.#still(pair);
  }

  /** Neither end hears of the other any more, nor that it has closed. */
  #still(pair: Pair): void {
    pair.cut = true;
    for (const socket of pair.sockets) socket.pause();
  }

  cut(): void {
    this.#cut = true;
    for (const pair of this.#pairs) this.#still(pair);
  }

  /** New connections are made from now on. */
  mend(how: Mend): void {
    this.#cut = false;
    for (const pair of this.#pairs) {
      if (!pair.cut || how === "forgotten") continue;
      pair.cut = false;
      for (const socket of pair.sockets) {
        if (how === "late") socket.resume();
        else socket.resetAndDestroy();
      }
    }
  }

  async stop(): Promise<void> {
    for (const { sockets } of this.#pairs) for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
