/** The thread that holds the GPU. */
import { kinds } from "@/lib/jobs/kinds/mod.ts";
import { advanceStudies } from "@/lib/studies/advance.ts";
import { runThread } from "./gpu_service.ts";

runThread(kinds, advanceStudies);
