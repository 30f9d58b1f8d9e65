/** Where workers on other machines link themselves: a WebSocket at `/v1/workers/NAME/link`, for keys with the scope `work`. */
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
// @ts-types="@/lib/ws.d.ts"
import type { WebSocketServer } from "ws";
import type { Message } from "@/lib/worker/rpc.ts";
import { admit } from "./auth.ts";
import { problem } from "./problem.ts";
import type { Services } from "./route.ts";

/** A page of gaze, or a batch of pictures, and more. */
const MESSAGE_BYTES = 64 * 2 ** 20;
const PATH = /^\/v1\/workers\/([\w.-]{1,100})\/link$/;

/** Takes the requests of a server that ask for another protocol. */
export function acceptWorkers(server: Server, services: Services): void {
  server.on("upgrade", async (incoming: IncomingMessage, socket: Duplex, head: Uint8Array) => {
    socket.on("error", () => socket.destroy());
    try {
      const request = requestOf(incoming);
      const name = PATH.exec(new URL(request.url).pathname)?.[1];
      if (name === undefined) return refuse(socket, 404);
      const key = await admit(request, services, "work");
      const worker = await services.workers.join(name, key ?? null);
      (await socketServer()).handleUpgrade(incoming, socket, head, (link) => {
        const wire = {
          send: (message: Message) => link.send(JSON.stringify(message)),
          close: () => link.terminate(),
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
        link.on("close", () => worker.detach(wire));
        link.on("error", () => link.terminate());
      });
    } catch (error) {
      refuse(socket, problem(error as Error, "").status);
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

/** A client of WebSockets sees no more than the status. */
function refuse(socket: Duplex, status: number): void {
  socket.end(`HTTP/1.1 ${status} Refused\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}
