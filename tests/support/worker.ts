/** A worker process for tests: the real one with other kinds of jobs; its argument is the data directory. */
import { work } from "@/lib/worker/worker_process.ts";

work(Deno.args[0], import.meta.resolve("./worker_thread.ts"));
