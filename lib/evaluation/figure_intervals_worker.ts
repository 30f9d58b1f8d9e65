/** The thread of `figure_intervals_thread.ts`: one evaluation. */
import { serveTasks } from "@/lib/threads/serve.ts";
import { figureIntervals } from "./figure_intervals.ts";

serveTasks(figureIntervals);
