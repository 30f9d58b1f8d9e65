/** The thread of `readings_thread.ts`: one file. */
import { serveTasks } from "@/lib/threads/serve.ts";
import { readReadings } from "./readings.ts";
import type { ReadingsRequest } from "./readings_thread.ts";

serveTasks(({ bytes, file }: ReadingsRequest) => readReadings(bytes, file));
