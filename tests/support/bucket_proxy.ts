/** A way to a bucket that can be in trouble: it answers 503 for a while, or slowly. */
import http from "node:http";

export type Trouble = "503" | "slow" | null;

/** What a slow one waits before it passes anything on, and between two pieces of an answer, ms. */
const SLOW_MS = [1_500, 100];

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export class BucketProxy {
  trouble: Trouble = null;
  /** Requests that were refused, and that were slowed down. */
  readonly troubled = { "503": 0, slow: 0 };
  readonly #server: http.Server;

  private constructor(server: http.Server) {
    this.#server = server;
  }

  /** @param endpoint of the bucket's server */
  static async start(endpoint: string): Promise<BucketProxy> {
    const server = http.createServer();
    const proxy = new BucketProxy(server);
    server.on("request", (request, response) => void proxy.#pass(request, response, endpoint));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  async #pass(
    request: http.IncomingMessage,
    response: http.ServerResponse,
    endpoint: string,
  ): Promise<void> {
    const { trouble } = this;
    if (trouble) this.troubled[trouble]++;
    if (trouble === "503") {
      request.resume();
      response.writeHead(503, { "content-type": "application/xml" });
      response.end("<Error><Code>SlowDown</Code><Message>Reduce your rate</Message></Error>");
      return;
    }
    const slow = trouble === "slow";
    if (slow) await pause(SLOW_MS[0]);
    const { method, url, headers } = request;
    // The host stays as it was signed.
    const onward = http.request(`${endpoint}${url}`, { method, headers, agent: false });
    const over = () => {
      onward.destroy();
      response.destroy();
    };
    onward.on("error", over);
    response.on("close", () => onward.destroy());
    onward.on("response", async (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      try {
        for await (const piece of answer) {
          if (slow) await pause(SLOW_MS[1]);
          response.write(piece);
        }
        response.end();
      } catch {
        over();
      }
    });
    request.pipe(onward);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
