/** The thread of `tensor_thread.ts`: one request. */
import { serveTasks } from "@/lib/threads/serve.ts";
import { type ReadTensors, readTensors, type SentTensors } from "./tensor_request.ts";

serveTasks(
  (request: SentTensors): ReadTensors => readTensors(request),
  (read) =>
    "refusal" in read
      ? []
      : read.pictures.map((picture) =>
        "file" in picture ? picture.file.buffer : picture.raster.data.buffer
      ),
);
