/** The thread of `difference_thread.ts`: one comparison. */
import { serveTasks } from "@/lib/threads/serve.ts";
import { difference } from "./difference.ts";

serveTasks(difference);
