/** The thread of `reader_study_thread.ts`: one study. */
import { serveTasks } from "@/lib/threads/serve.ts";
import { readerStudy } from "./reader_study.ts";

serveTasks(readerStudy);
