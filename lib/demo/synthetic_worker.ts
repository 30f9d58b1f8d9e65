/** The thread of `synthetic_thread.ts`. */
import { serveTasks } from "@/lib/threads/serve.ts";
import { type SyntheticOptions, writeSynthetic } from "./synthetic.ts";

serveTasks((options: SyntheticOptions) => writeSynthetic(options));
