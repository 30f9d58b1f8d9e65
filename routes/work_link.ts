/** Where workers on other machines link themselves: a WebSocket at `/v1/workers/NAME/link`, for keys with the scope `work`. */
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
// @ts-types="@/lib/ws.d.ts"
import type { WebSocketServer } from "ws";
import { NotFound } from "@/lib/errors.ts";
import type { Message } from "@/lib/worker/rpc.ts";
import { admit } from "./auth.ts";
import { HttpError, problem } from "./problem.ts";
import type { Services } from "./route.ts";

/** A page of gaze, or a batch of pictures, and more. */
const MESSAGE_BYTES = 64 * 2 ** 20;
/** Code of a link's end that the server chose, with its reason: one of those that are free to choose. */
const CUT_OFF = 4000;
/** That of one which ended without a last message. */
const BROKEN = 1006;
/** The reason has 123 bytes at most; the texts are plain ASCII. */
const REASON_LENGTH = 123;
/** Whoever does not answer the last message for so long, ms, is not waited for. */
const FAREWELL_MS = 1_000;
const PATH = /^\/v1\/workers\/([\w.-]{1,100})\/link$/;

/** Takes the requests of a server that ask for another protocol. */
export function acceptWorkers(server: Server, services: Services): void {
  server.on("upgrade", async (incoming: IncomingMessage, socket: Duplex, head: Uint8Array) => {
    socket.on("error", () => socket.destroy());
    try {
      const request = requestOf(incoming);
      const name = PATH.exec(new URL(request.url).pathname)?.[1];
      if (name === undefined) throw new NotFound("Cannot find a link of a worker at this path");
      const key = await admit(request, services, "work");
      const worker = await services.workers.join(name, key ?? null);
      (await socketServer()).handleUpgrade(incoming, socket, head, (link) => {
        const wire = {
          send: (message: Message) => link.send(JSON.stringify(message)),
          close(reason?: string) {
            if (reason === undefined) return link.terminate();
            link.close(CUT_OFF, reason.slice(0, REASON_LENGTH));
            setTimeout(() => link.terminate(), FAREWELL_MS);
          },
        };
        const receive = worker.attach(wire);
        link.on("message", (data) => {
          try {
            receive(JSON.parse(new TextDecoder().decode(data)));
          } catch {
            // Not of this protocol.
            link.terminate();
          }
        });
        link.on("close", (code) => worker.detach(wire, endOf(code)));
        link.on("error", () => link.terminate());
      });
    } catch (error) {
      await refuse(socket, refusalOf(error as Error, services));
    }
  });
}

let sockets: WebSocketServer | undefined;

/** One for all links; its package is loaded by the first. */
async function socketServer(): Promise<WebSocketServer> {
  // @ts-types="@/lib/ws.d.ts"
  const { WebSocketServer } = await import("ws");
  return sockets ??= new WebSocketServer({
    noServer: true,
    maxPayload: MESSAGE_BYTES,
    perMessageDeflate: false,
  });
}

function requestOf({ url, headers }: IncomingMessage): Request {
  const pairs = Object.entries(headers).flatMap(([name, value]) =>
    typeof value === "string" && !name.startsWith("sec-websocket") ? [[name, value]] : []
  );
  return new Request(`http://server${url}`, { headers: Object.fromEntries(pairs) });
}

/** A problem, with what helps where it is the key that is refused. */
function refusalOf(error: Error, { store }: Services): Response {
  const ofKey = error instanceof HttpError &&
    (error.status === 401 || error.title === "Missing scope");
  if (!ofKey) return problem(error, crypto.randomUUID());
  const { status, message, headers, title } = error;
  const detail = `${message}: ${howToMakeAKey(store.cluster !== undefined)}`;
  return problem(new HttpError(status, detail, headers, [], title), crypto.randomUUID());
}

const howToMakeAKey = (cluster: boolean) =>
  (cluster
    ? "make one with the scope work by POST /v1/keys at any server of the cluster, or on the dashboard"
    : "make one on the server by `deno task keys make NAME --scopes work`") +
  ", and start the worker anew with it in MCGIP_API_KEY";

/** An answer without the adaptor, which has no part in upgrades. */
async function refuse(socket: Duplex, response: Response): Promise<void> {
  const body = await response.bytes();
  const fields = [...response.headers, ["content-length", body.length], ["connection", "close"]];
  const head = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  socket.write(`HTTP/1.1 ${response.status} Refused\r\n${head}\r\n`);
  socket.end(body);
}

/** How a link ended, by the code of its last message. */
function endOf(code: number): string {
  if (code === BROKEN) {
    return "it broke off without a farewell: the worker died, or the network did";
  }
  return "the worker closed it";
}
