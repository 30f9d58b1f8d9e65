/** The part of ws that is used: the package brings no types. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

export class WebSocket {
  constructor(
    url: string,
    options: { headers: Record<string, string>; perMessageDeflate: boolean },
  );
  send(data: string): void;
  /** @param reason of 123 bytes at most */
  close(code?: number, reason?: string): void;
  /** At once, without a farewell. */
  terminate(): void;
  on(event: "open", listener: () => void): this;
  on(event: "message", listener: (data: Uint8Array, binary: boolean) => void): this;
  on(event: "close", listener: (code: number, reason: Uint8Array) => void): this;
  on(event: "error", listener: (error: Error & { code?: string }) => void): this;
  /** The answer opened no link; where this is heard, no error follows. */
  on(
    event: "unexpected-response",
    listener: (request: unknown, response: IncomingMessage) => void,
  ): this;
}

export class WebSocketServer {
  constructor(options: { noServer: true; maxPayload: number; perMessageDeflate: boolean });
  handleUpgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Uint8Array,
    done: (socket: WebSocket) => void,
  ): void;
}
