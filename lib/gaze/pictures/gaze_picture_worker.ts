/** The thread of `gaze_picture_thread.ts`. */
import { serveTasks } from "@/lib/threads/serve.ts";
import { gazePicture } from "./gaze_picture.ts";

serveTasks(gazePicture, (png) => [png.buffer]);
