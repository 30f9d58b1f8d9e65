/** The thread of `gaze_thread.ts`: one file. */
/// <reference lib="deno.worker" />
import { type GazeReply, type GazeRequest, parseGazeOf } from "./gaze_thread.ts";
import { InvalidInput } from "@/lib/errors.ts";

self.onmessage = async ({ data: request }: MessageEvent<GazeRequest>) => {
  let reply: GazeReply;
  try {
    reply = { parsed: await parseGazeOf(request) };
  } catch (error) {
    const { message, stack } = error as Error;
    reply = error instanceof InvalidInput
      ? { refused: { message, problems: error.problems } }
      : { failed: stack ?? message };
  }
  self.postMessage(reply);
};
