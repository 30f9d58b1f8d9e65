/** The thread of `projection_thread.ts`: one layout. */
import { serveTasks } from "@/lib/threads/serve.ts";
import { project } from "./projection.ts";
import type { ProjectionRequest } from "./projection_thread.ts";

serveTasks(({ vectors, ...options }: ProjectionRequest) => project(vectors, options));
