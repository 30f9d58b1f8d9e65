/** The thread of `gaze_thread.ts`: one file. */
import { serveTasks } from "@/lib/threads/serve.ts";
import { parseGazeOf } from "./gaze_thread.ts";

serveTasks(
  parseGazeOf,
  ({ gaze }) => gaze.flatMap(({ samples }) => samples ? [samples.buffer as ArrayBuffer] : []),
);
