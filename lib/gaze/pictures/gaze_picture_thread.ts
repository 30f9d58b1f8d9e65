/** Draws gaze pictures in a thread of their own, which ends when nobody has asked for a while. */
import { Overloaded } from "@/lib/errors.ts";
import type { GazePictureRequest } from "./gaze_picture.ts";

export interface GazePictureReply {
  id: number;
  png?: Uint8Array<ArrayBuffer>;
  failed?: string;
}

const IDLE_MS = 10_000;
const MOST_WAITING = 256;

let thread: Worker | undefined;
let idle: ReturnType<typeof setTimeout> | undefined;
let nextId = 1;
const waiting = new Map<number, (reply: GazePictureReply) => void>();

function open(): Worker {
  const worker = new Worker(import.meta.resolve("./gaze_picture_worker.ts"), { type: "module" });
  worker.onmessage = ({ data: reply }: MessageEvent<GazePictureReply>) => {
    waiting.get(reply.id)?.(reply);
    waiting.delete(reply.id);
    if (waiting.size === 0) idle = setTimeout(close, IDLE_MS);
  };
  worker.onerror = (event) => {
    event.preventDefault();
    close();
    for (const [id, settle] of waiting) settle({ id, failed: event.message });
    waiting.clear();
  };
  return worker;
}

function close(): void {
  thread?.terminate();
  thread = undefined;
}

/** The PNG; throws Overloaded when too many wait. */
export async function drawGaze(request: GazePictureRequest): Promise<Uint8Array<ArrayBuffer>> {
  if (waiting.size >= MOST_WAITING) {
    throw new Overloaded("Cannot draw now: too many pictures are waited for");
  }
  clearTimeout(idle);
  thread ??= open();
  const id = nextId++;
  const reply = await new Promise<GazePictureReply>((resolve) => {
    waiting.set(id, resolve);
    thread!.postMessage({ id, request });
  });
  if (reply.png) return reply.png;
  throw new Error(`Cannot draw the gaze: ${reply.failed}`);
}
