/** The thread that holds the GPU. */
import { runThread } from "./gpu_service.ts";
import { kinds } from "./kinds.ts";

runThread(kinds);
