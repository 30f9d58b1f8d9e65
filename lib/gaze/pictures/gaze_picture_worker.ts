/** The thread of `gaze_picture_thread.ts`. */
/// <reference lib="deno.worker" />
import { gazePicture, type GazePictureRequest } from "./gaze_picture.ts";
import type { GazePictureReply } from "./gaze_picture_thread.ts";

self.onmessage = async ({ data }: MessageEvent<{ id: number; request: GazePictureRequest }>) => {
  let reply: GazePictureReply;
  try {
    reply = { id: data.id, png: await gazePicture(data.request) };
  } catch (error) {
    reply = { id: data.id, failed: (error as Error).message };
  }
  self.postMessage(reply);
};
