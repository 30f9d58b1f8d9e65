/** The thread of `table_thread.ts`: one table. */
import { serveTasks } from "@/lib/threads/serve.ts";
import { studyTable } from "./study_table.ts";
import type { TableRequest } from "./table_thread.ts";

serveTasks(({ source, before }: TableRequest) => studyTable(source, before));
