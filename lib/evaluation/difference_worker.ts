/** The thread of `difference_thread.ts`: one comparison. */
import { serveTask } from "@/lib/task_thread.ts";
import { difference } from "./difference.ts";

serveTask(difference);
