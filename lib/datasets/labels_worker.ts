/** The thread of `labels_thread.ts`: one file. */
import { serveTasks } from "@/lib/threads/serve.ts";
import { readLabelsOf } from "./labels_thread.ts";

serveTasks(readLabelsOf);
